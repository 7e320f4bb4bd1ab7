import gzip
import io
import json
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anonymizer.errors import ConfigError
from anonymizer.run.start.keylist import KeyRequest, read_keys
from tests.run.start.keylist.lists import ROOT, keys


def inventory(kind, data):
    manifest = {
        "sourceBucket": "lake",
        "destinationBucket": "arn:aws:s3:::lists",
        "fileFormat": kind,
        "fileSchema": "Bucket, Key, Size, LastModifiedDate, ETag",
        "files": [{"key": "x/data/1"}],
    }
    store = {"s3://lists/x/manifest.json": json.dumps(manifest).encode(), "s3://lists/x/data/1": data}
    return list(read_keys("s3://lists/x/manifest.json", store.__getitem__, ROOT))


EXPECTED = [
    KeyRequest("a b.jpg", "check", "e1", 5, datetime(2026, 1, 2, tzinfo=UTC)),
    KeyRequest("c/ü.jpg", "check", "e2", 6, datetime(2026, 1, 3, tzinfo=UTC)),
]


def test_an_inventory_in_csv():
    text = (
        '"lake","photos/c/%C3%BC.jpg","6","2026-01-03T00:00:00.000Z","e2"\n'
        '"lake","photos/","0","2026-01-03T00:00:00.000Z","e0"\n'
        '"lake","other/x.jpg","6","2026-01-03T00:00:00.000Z","e3"\n'
        '"lake","photos/a+b.jpg","5","2026-01-02T00:00:00.000Z","e1"\n'
    )
    assert inventory("CSV", gzip.compress(text.encode(), mtime=0)) == EXPECTED


def test_an_inventory_in_parquet_without_older_versions():
    times = [datetime(2026, 1, day, tzinfo=UTC) for day in (2, 3, 3, 3)]
    table = pa.table(
        {
            "bucket": ["lake"] * 4,
            "key": ["photos/a b.jpg", "photos/c/ü.jpg", "photos/c/ü.jpg", "photos/d"],
            "is_latest": [True, True, False, True],
            "is_delete_marker": [False, False, False, True],
            "size": [5, 6, 7, None],
            "last_modified_date": pa.array(times, pa.timestamp("ms", tz="UTC")),
            "e_tag": ["e1", "e2", "e3", None],
        }
    )
    sink = io.BytesIO()
    pq.write_table(table, sink)
    assert inventory("Parquet", sink.getvalue()) == EXPECTED


@pytest.mark.parametrize("data", [b"no gzip", gzip.compress(b'"lake"\n"a","b"\n', mtime=0)])
def test_a_damaged_inventory(data):
    with pytest.raises(ConfigError, match="cannot be read"):
        inventory("CSV", data)
    with pytest.raises(ConfigError, match="CSV or Parquet"):
        inventory("ORC", data)
    with pytest.raises(ConfigError, match="not an S3 Inventory manifest"):
        keys("{}", "manifest.json")
