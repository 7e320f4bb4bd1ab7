"""A dry run reads, refuses and lists what a run would. It needs no Ray."""

from __future__ import annotations

import pytest

from anonymizer.config import RunConfig, from_mapping
from anonymizer.errors import ConfigError
from anonymizer.lake.storage import open_root
from anonymizer.run import driver
from tests.pictures import photo


@pytest.fixture
def lake(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.png").write_bytes(photo(1))
    return folder


def dry_run(lake, **settings):
    values = {"input": str(lake), "detector": {"name": "patch"}, "dry_run": True, **settings}
    return driver.run(from_mapping(RunConfig, values), _Unused())


class _Unused:
    """The progress of a run that does not start."""

    def start(self, run_id, unchanged):
        raise AssertionError

    def advance(self, images, faces, failures, listed):
        raise AssertionError

    def close(self):
        raise AssertionError


def test_in_place_the_mark_of_output_is_no_object(lake):
    open_root(str(lake)).set_mark("0" * 32)
    summary = dry_run(lake, in_place=True, discard_originals=True, adopt="keep")
    assert (summary.listed, dict(summary.statuses)) == (1, {"to do": 1, "failed": 0})


def test_keys_that_are_named_and_not_there_are_said(lake, tmp_path):
    (tmp_path / "keys.csv").write_text("key,action\na.png,redo\nb.png,redo\n")
    summary = dry_run(lake, output=str(tmp_path / "out"), keys=str(tmp_path / "keys.csv"))
    assert (summary.listed, summary.missing) == (1, ["b.png"])


def test_what_a_run_refuses_to_remove_in_place_is_refused(lake, tmp_path):
    (tmp_path / "keys.csv").write_text("key,action\na.png,remove\n")
    with pytest.raises(ConfigError, match="the only copy"):
        dry_run(lake, in_place=True, discard_originals=True, keys=str(tmp_path / "keys.csv"))
