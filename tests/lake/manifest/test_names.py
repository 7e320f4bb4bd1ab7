from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer.lake.manifest import names, new_run_id
from tests.lake.manifest.rows import NOON, times


def test_id_is_time_in_utc_then_token():
    here = NOON.astimezone(timezone(timedelta(hours=-7)))
    assert new_run_id([], here, "ab12") == "r20260102T120000123456Z-ab12"


def test_ids_differ_without_token():
    assert new_run_id([], NOON) != new_run_id([], NOON)


@given(st.lists(times, max_size=30))
def test_ids_grow_whatever_the_clock_does(clock):
    made: list[str] = []
    for now in clock:
        made.append(new_run_id(made, now))
        assert made[-1] == max(made)
        assert names.checked_run_id(made[-1]) == made[-1]
    assert len(set(made)) == len(made)


def test_a_clock_that_runs_backwards_does_not_make_ids_longer():
    made = ["r20991231T235959999999Z-00000000"]
    for _ in range(100):
        made.append(new_run_id(made, NOON))
    assert len({len(run_id) for run_id in made}) == 1
    assert made == sorted(set(made))


@pytest.mark.parametrize("strange", ["r", "rzzz", "r20991231T000000Z-1", "r99991231T235959999999Z-1"])
def test_id_is_greater_than_ids_not_made_here(strange):
    assert new_run_id([strange, "r1"], NOON) > strange


@pytest.mark.parametrize("bad", ["", "x1", "r1/..", "../r1", "r1=2", "r_1", "r1\n"])
def test_ids_that_would_leave_their_folder_are_refused(bad):
    for make in (names.journal_folder, names.parts_folder, names.record_name):
        with pytest.raises(ValueError, match="not a run id"):
            make(bad)


@pytest.mark.parametrize("bad", ["", "a/b", "a-b", "..", "a\n"])
def test_chunk_ids_that_would_leave_their_folder_are_refused(bad):
    with pytest.raises(ValueError, match="file's name"):
        names.journal_name("r1", bad, 1, 1, b"")


def test_journal_names_say_run_and_rows():
    run_id = new_run_id([], datetime(2026, 1, 1, tzinfo=UTC))
    name = names.journal_name(run_id, "0af", 2, 64, b"bytes")
    assert name.startswith(f"_journal/run_id={run_id}/0af-2-64-")
    assert names.journal_part(name) == (name, run_id, 64)
    assert names.part_run_id(name) is names.record_run_id(name) is None


@pytest.mark.parametrize(
    ("name", "run_id", "number"),
    [
        ("run_id=r1/part-00000.parquet", "r1", 0),
        ("run_id=r1/part-123456.parquet", "r1", 123456),
        ("run_id=r1/rewritten.parquet", "r1", -1),
        ("run_id=r1/part-00000-by-another-tool.parquet", "r1", -1),
        ("run_id=r1/.part-00000.parquet.tmp", None, -1),
        ("run_id=r1/_SUCCESS", None, -1),
        ("_journal/run_id=r1/part-00000.parquet", None, -1),
    ],
)
def test_part_names(name, run_id, number):
    assert names.part_run_id(name) == run_id
    assert names.part_number(name) == number
