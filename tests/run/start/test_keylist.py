import gzip
import io
import json
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anonymizer.errors import ConfigError
from anonymizer.lake.storage import Irregular, open_root
from anonymizer.records import ImageRef
from anonymizer.run.start.keylist import KeyRequest, read_keys, requested

ROOT = "s3://lake/photos"


def keys(text, name="keys.csv", root=ROOT):
    return list(read_keys(name, lambda _: text.encode() if isinstance(text, str) else text, root))


def test_one_request_per_key_in_byte_order_and_the_graver_action_wins():
    found = keys("key,action\nb,redo\né,check\na,\nb,remove\nb,check\n")
    assert found == [KeyRequest("a", "redo"), KeyRequest("b", "remove"), KeyRequest("é", "check")]


def test_a_line_with_size_and_etag_stands_for_a_listing():
    text = 'key,size,etag,last_modified\na,7,"""e1""",2026-01-02T03:04:05Z\nb,,x,\n'
    listed = KeyRequest("a", "check", "e1", 7, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert keys(text) == [listed, KeyRequest("b", "redo", "x")]


def test_json_lines_and_nothing():
    assert keys('{"key": "a", "action": "remove"}\n', "keys.jsonl") == [KeyRequest("a", "remove")]
    assert keys("key\n") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("name\na\n", "column 1 is unknown"),
        ('key\na\n""\n', "row 2: the key is empty"),
        ("key,action\na,redo\nb,delete\n", "row 2: action: not one of remove, redo, check"),
        ("key,size\na,many\n", "row 1: size: not a number of bytes"),
        ("key,last_modified\na,1 May\n", "row 1: last_modified: not a time"),
    ],
)
def test_what_is_wrong_is_said_with_its_row(text, message):
    with pytest.raises(ConfigError, match=message):
        keys(text)


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
    with pytest.raises(ConfigError, match="not that of an S3 Inventory"):
        keys("{}", "manifest.json")


def test_objects_are_looked_up_in_order_unless_the_list_tells(tmp_path):
    for i in range(40):
        (tmp_path / f"{i:02}").write_bytes(b"x" * i)
    root = open_root(str(tmp_path))
    wanted = [KeyRequest(f"{i:02}", "redo") for i in range(50)]
    told = KeyRequest("zz", "check", "e", 5)
    found = list(requested(root, iter([*wanted, told, KeyRequest("../x", "check", "e", 5)])))
    assert [request for request, _ in found[:50]] == wanted
    listed = list(root.list())
    assert [entry for _, entry in found[:50]] == [*listed, *[None] * 10]
    assert found[50][1] == ImageRef("zz", f"{root.uri}/zz", "e", 5, None)
    assert isinstance(found[51][1], Irregular)
