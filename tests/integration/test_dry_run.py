"""A dry run says what a run would do now, and from a sample how long it would take."""

from __future__ import annotations

import pytest

from anonymizer.run.progress import closing_table
from tests.integration.runs import files, run, write
from tests.pictures import photo


@pytest.fixture
def lake(tmp_path):
    return write(tmp_path / "in", {f"{i:02}.png": photo(i) for i in range(6)} | {"notes.txt": b"text"})


def test_nothing_is_written_before_the_first_run(lake, tmp_path):
    summary = run(lake, tmp_path / "out", {"dry_run": True})
    assert (summary.exit_status, summary.listed, dict(+summary.statuses)) == (0, 7, {"to do": 7})
    assert summary.listed_bytes == sum(len(data) for data in files(lake).values())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]


@pytest.mark.usefixtures("cluster")
def test_only_what_the_next_run_would_do_is_counted(lake, tmp_path):
    registry = tmp_path / "consent.csv"
    registry.write_text("key,status\n00.png,granted\n01.png,granted\n")
    settings = {"consent": {"registry": str(registry)}}
    run(lake, tmp_path / "out", settings)
    (lake / "06.png").write_bytes(photo(6))
    registry.write_text("key,status\n01.png,granted\n")
    before = files(tmp_path / "out") | files(tmp_path / "out.manifest")
    summary = run(lake, tmp_path / "out", settings | {"dry_run": True})
    assert dict(+summary.statuses) == {"to do": 2}
    assert (summary.listed, summary.unchanged, summary.to_take_down) == (8, 6, 1)
    assert "to take down  1 output" in closing_table(summary)
    assert files(tmp_path / "out") | files(tmp_path / "out.manifest") == before
    done = run(lake, tmp_path / "out", settings)
    assert (done.written, done.removed_unsafe) == (2, 1)


def test_a_sample_is_done_and_nothing_of_it_published(lake, tmp_path):
    settings = {"estimate": 5, "core_price": 0.5, "engine": {"workers": 3}}
    summary = run(lake, tmp_path / "out", settings)
    estimate = summary.estimate
    assert estimate is not None
    assert (estimate.sampled, estimate.workers) == (5, 3)
    assert 0 < estimate.core_hours < 1
    assert estimate.hours == estimate.core_hours / 3
    assert "at 0.5 (from 5 objects" in closing_table(summary)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]
