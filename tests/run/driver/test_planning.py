"""What a run takes from the listing of INPUT."""

from __future__ import annotations

from pathlib import Path

from anonymizer.config import RunConfig
from anonymizer.lake.storage import mark_content, open_root
from anonymizer.lake.storage.keys import mark_name
from anonymizer.run.driver.planning import listing

TEMPORARY = ".a.jpg.anon-0123456789abcdef.tmp"
OUTPUT_ID = "ab" * 16


def test_in_place_what_a_worker_is_writing_is_no_photo(tmp_path: Path) -> None:
    for name in ("a.jpg", TEMPORARY, ".a.jpg.anon-theirs.tmp"):
        (tmp_path / name).write_bytes(b"1")
    (tmp_path / mark_name(OUTPUT_ID)).write_bytes(mark_content(OUTPUT_ID))
    with open_root(str(tmp_path)) as source:
        for config, taken in (
            (RunConfig(), [TEMPORARY, ".a.jpg.anon-theirs.tmp", "a.jpg"]),
            (RunConfig(in_place=True), [".a.jpg.anon-theirs.tmp", "a.jpg"]),
        ):
            assert [entry.key for entry in listing(config, source, None, [])] == taken
