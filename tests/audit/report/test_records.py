"""What a run counted, held against the rows."""

from __future__ import annotations

from collections import Counter

import pytest

from anonymizer.audit.report.records import reconcile, run_of, status_differences

RECORD = {
    "started": "2026-01-02T12:00:00+00:00",
    "finished": "2026-01-02T12:01:00+00:00",
    "exit_status": 0,
    "counts": {"listed": 10, "unchanged": 4, "statuses": {"anonymized": 5, "failed": 1}},
}
ROWS = Counter({"anonymized": 5, "failed": 1})


def _verdicts(record, of_run, rows):
    return [check.verdict for check in reconcile(run_of("r1", record), of_run, rows)]


def test_what_balances_holds():
    assert _verdicts(RECORD, ROWS, 10) == ["holds"] * 3
    assert run_of("r1", RECORD).seconds == 60
    # A row of a take-down is none of the listed objects'.
    assert _verdicts(RECORD, ROWS + Counter(removed=2), 12) == ["holds"] * 3


@pytest.mark.parametrize(
    ("counts", "of_run", "rows", "differs"),
    [
        ({"listed": 11}, ROWS, 11, 0),
        ({}, Counter(anonymized=5), 10, 1),
        ({}, ROWS, 9, 2),
    ],
)
def test_each_mismatch_is_found(counts, of_run, rows, differs):
    record = RECORD | {"counts": RECORD["counts"] | counts}
    verdicts = _verdicts(record, of_run, rows)
    assert [place for place, verdict in enumerate(verdicts) if verdict == "differs"] == [differs]


def test_a_run_that_was_resumed_has_rows_of_before():
    resumed = RECORD | {"resumed": 1}
    assert _verdicts(resumed, ROWS + Counter(no_face=3), 10) == ["holds"] * 3
    assert _verdicts(resumed, Counter(no_face=3), 10)[1] == "differs"
    assert status_differences(run_of("r1", resumed), ROWS) == []


def test_a_record_of_an_older_version_is_read_the_same():
    counts = {"listed": 10, "carried": 4, "statuses": {"anonymized": 5, "failed": 1}}
    older = RECORD | {"taken_up": 1, "counts": counts}
    assert (run_of("r1", older).resumed, run_of("r1", older).unchanged) == (1, 4)
    assert _verdicts(older, ROWS + Counter(no_face=3), 10) == ["holds"] * 3
    assert _verdicts(RECORD | {"counts": counts}, ROWS, 10) == ["holds"] * 3


def test_a_run_that_has_not_finished_proves_nothing():
    assert _verdicts(RECORD | {"finished": None}, Counter(), 0) == ["open"] * 3
    assert reconcile(run_of("r1", {"started": None}), Counter(), 0) == []
    assert reconcile(None, Counter(), 0) == []


def test_statuses_are_held_against_each_other():
    found = Counter({"anonymized": 4, "no_face": 1, "failed": 1, "removed": 7})
    assert status_differences(run_of("r1", RECORD), found) == [
        ("anonymized", 5, 4),
        ("failed", 1, 1),
        ("no_face", 0, 1),
    ]
