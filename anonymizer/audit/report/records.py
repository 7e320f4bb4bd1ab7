"""Read the runs' records and reconcile their counts with the manifest's rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from anonymizer.lake.manifest import ManifestStore
from anonymizer.run.record import times_resumed, unchanged_count
from anonymizer.run.summary import FAILURES, OK, UNSAFE_LEFT

SHOWN_RUNS = 20

Verdict = Literal["holds", "differs", "open"]

EXIT_TEXTS: dict[int, str] = {
    OK: "Every object is safe.",
    FAILURES: "Some objects failed and have no new output. Nothing unsafe was published.",
    UNSAFE_LEFT: "NOT SAFE: an output that must no longer be published could not be removed.",
}


@dataclass(frozen=True)
class Run:
    """The record of one run.

    Attributes:
        resumed: How often the run was resumed after an interruption.
        counts: The counts that the run wrote at its end; None before.
    """

    run_id: str
    started: datetime | None
    finished: datetime | None
    exit_status: int | None
    resumed: int
    counts: Mapping[str, Any] | None
    record: Mapping[str, Any]

    @property
    def seconds(self) -> float | None:
        return (self.finished - self.started).total_seconds() if self.finished and self.started else None

    @property
    def listed(self) -> int | None:
        return int(self.counts["listed"]) if self.counts else None

    @property
    def unchanged(self) -> int | None:
        return unchanged_count(self.counts) if self.counts else None

    @property
    def written(self) -> int | None:
        return sum(self.counts["statuses"].values()) if self.counts else None


@dataclass(frozen=True)
class Check:
    """One line of the reconciliation.

    Attributes:
        claim: The condition that should hold.
        figures: The numbers that it compares.
        verdict: `open`: cannot be decided, because the run has not finished.
    """

    claim: str
    figures: str
    verdict: Verdict


def newest_runs(manifest: ManifestStore) -> tuple[list[Run], int]:
    """The last `SHOWN_RUNS` runs that have a record, newest first, and the total number of such runs.

    Raises:
        RunError: A record is damaged.
    """
    known = manifest.runs()
    return [run_of(run_id, manifest.read_run(run_id)) for run_id in reversed(known[-SHOWN_RUNS:])], len(known)


def run_of(run_id: str, record: Mapping[str, Any]) -> Run:
    """A run from its record."""
    return Run(
        run_id=run_id,
        started=_time(record.get("started")),
        finished=_time(record.get("finished")),
        exit_status=record.get("exit_status"),
        resumed=times_resumed(record),
        counts=record.get("counts"),
        record=record,
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def reconcile(run: Run | None, of_run: Counter[str], rows: int) -> list[Check]:
    """Compares the newest run's counts with the manifest's rows.

    Args:
        run: The newest run; None if it has no record.
        of_run: The current rows that this run wrote, counted by status.
        rows: Number of all current rows.
    """
    if run is None or run.counts is None or run.listed is None or run.written is None or run.unchanged is None:
        return []
    # Rows of removed outputs are not counted: their objects are no longer listed.
    found = sum(count for status, count in of_run.items() if status != "removed")
    return [
        Check(
            "Every listed object has a new row or is unchanged",
            f"{run.listed:,} listed, {run.written:,} written, {run.unchanged:,} unchanged",
            _verdict(run.listed == run.written + run.unchanged, run),
        ),
        _written(run, found),
        Check(
            "Every listed object has a current row",
            f"{run.listed:,} listed, {rows:,} current rows",
            _verdict(rows >= run.listed, run),
        ),
    ]


def _written(run: Run, found: int) -> Check:
    written, unchanged = run.written or 0, run.unchanged or 0
    if not run.resumed:
        figures = f"{written:,} counted, {found:,} in the manifest"
        return Check("All rows that the run counted are in the manifest", figures, _verdict(found == written, run))
    # A resumed run counts the objects that it did before the interruption as unchanged.
    figures = f"{written:,} counted since the run was resumed, {found:,} in the manifest, {unchanged:,} unchanged"
    fits = written <= found <= written + unchanged
    return Check("All rows that the run counted are in the manifest", figures, _verdict(fits, run))


def _verdict(holds: bool, run: Run) -> Verdict:
    """`open` for a run that has not finished: it has not listed everything, so nothing can be said to be missing."""
    if run.finished is None:
        return "open"
    return "holds" if holds else "differs"


def status_differences(run: Run | None, of_run: Counter[str]) -> list[tuple[str, int, int]]:
    """(status, count in the run's record, count in the manifest) for every status; empty for a resumed run."""
    if run is None or run.counts is None or run.resumed:
        return []
    counted = run.counts["statuses"]
    names = sorted({*counted, *(status for status in of_run if status != "removed")})
    return [(name, int(counted.get(name, 0)), of_run[name]) for name in names]
