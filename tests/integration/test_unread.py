"""A run over files that may hold pictures and are not opened, and a user's word that they may be passed over."""

from __future__ import annotations

import gzip

import pyarrow as pa
import pytest

from anonymizer.errors import ConfigError
from tests.image.codec.containers import TF_RECORD, table
from tests.integration.runs import files, rows, run, write
from tests.pictures import photo

pytestmark = pytest.mark.usefixtures("cluster")

PIXELS = table(pixels=pa.array([[1, 2, 3]], pa.list_(pa.uint8())))
UNREAD = {
    "a.7z": ("archive_unread", b"7z\xbc\xaf\x27\x1c" + bytes(26)),
    "b.parquet": ("table_unread", PIXELS),
    "c.tfrecord": ("table_unread", TF_RECORD),
    "d.pdf": ("document_unread", b"%PDF-1.7"),
}


@pytest.fixture
def lake(tmp_path):
    contents = {key: data for key, (_, data) in UNREAD.items()}
    texts = {"notes.txt": b"no picture", "notes.gz": gzip.compress(b"no picture")}
    return write(tmp_path / "in", {"photo.png": photo(2), **contents, **texts})


def told(output):
    return {key: (row["status"], row["error_code"]) for key, row in rows(output).items() if key in UNREAD}


def test_they_fail_until_they_may_be_passed_over_and_then_they_alone_are_looked_at_again(lake, tmp_path):
    out = tmp_path / "out"
    first = run(lake, out)
    assert (first.exit_status, first.statuses) == (3, {"anonymized": 1, "failed": 4, "skipped": 2})
    assert told(out) == {key: ("failed", code) for key, (code, _) in UNREAD.items()}
    assert (run(lake, out).unchanged, list(files(out))) == (7, ["photo.png"])
    some = run(lake, out, {"allow": ["archive_unread", "table_unread"]})
    assert (some.exit_status, some.unchanged, some.statuses) == (3, 1, {"skipped": 5, "failed": 1})
    every = run(lake, out, {"allow": "archive_unread,table_unread,document_unread"})
    assert (every.exit_status, every.unchanged, every.current_failures) == (0, 1, 0)
    assert told(out) == {key: ("skipped", code) for key, (code, _) in UNREAD.items()}
    assert every.codes == {"archive_unread": 1, "table_unread": 2, "document_unread": 1, "not_an_image": 2}
    assert run(lake, out).exit_status == 3


def test_a_table_is_refused_once_what_is_unsafe_was_taken_down(tmp_path):
    lake, out = write(tmp_path / "in", {"photo.png": photo(2), "street.png": photo(7, faces=())}), tmp_path / "out"
    registry = tmp_path / "registry.csv"
    consents = {"consent": {"registry": str(registry)}}
    registry.write_text("key,status\nphoto.png,granted\n")
    run(lake, out, consents)
    write(lake, {"_delta_log/00000000000000000000.json": b"{}", "part-0.parquet": PIXELS})
    registry.write_text("key,status\nphoto.png,withdrawn\n")
    for settings in ({"dry_run": True}, {}):
        with pytest.raises(ConfigError, match="INPUT is a Delta table"):
            run(lake, out, {**consents, **settings})
        assert ("photo.png" in files(out)) is bool(settings)
    assert list(files(out)) == ["street.png"]
    assert run(lake, out, {**consents, "exclude": ["_delta_log/*"]}).codes == {"table_unread": 1}
    assert list(files(out)) == ["photo.png", "street.png"]
