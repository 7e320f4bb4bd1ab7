"""What the runs say of themselves, held against the rows that are there."""

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
    FAILURES: "Objects stand as failed: they have no new output. Nothing unsafe was published.",
    UNSAFE_LEFT: "NOT SAFE: an output that may not be shown any more could not be removed.",
}


@dataclass(frozen=True)
class Run:
    """The record of one run.

    Attributes:
        resumed: How often it was resumed after an interruption.
        counts: As the run wrote them at its end; None before.
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
        claim: What should hold.
        figures: The numbers that it is about.
        verdict: `open`: it cannot be told yet, or not from this manifest.
    """

    claim: str
    figures: str
    verdict: Verdict


def newest_runs(manifest: ManifestStore) -> tuple[list[Run], int]:
    """The last `SHOWN_RUNS` runs that have a record, newest first, and how many there are in all.

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
    """Holds what the newest run counted against the rows that are there.

    Args:
        run: The newest one; None where the manifest has no record of any.
        of_run: Current rows that it wrote, by status.
        rows: All current rows.
    """
    if run is None or run.counts is None or run.listed is None or run.written is None or run.unchanged is None:
        return []
    # Take-downs have rows and are none of the listed objects.
    found = sum(count for status, count in of_run.items() if status != "removed")
    return [
        Check(
            "Every listed object got a row, or is as it was",
            f"{run.listed:,} listed, {run.written:,} written, {run.unchanged:,} unchanged",
            _verdict(run.listed == run.written + run.unchanged, run),
        ),
        _written(run, found),
        Check(
            "No listed object is without a current row",
            f"{run.listed:,} listed, {rows:,} current rows",
            _verdict(rows >= run.listed, run),
        ),
    ]


def _written(run: Run, found: int) -> Check:
    written, unchanged = run.written or 0, run.unchanged or 0
    if not run.resumed:
        figures = f"{written:,} counted, {found:,} in the manifest"
        return Check("The rows that the run counted are there", figures, _verdict(found == written, run))
    # What a run had done before it was interrupted counts as unchanged once it is resumed.
    figures = f"{written:,} counted since it was resumed, {found:,} in the manifest, {unchanged:,} unchanged"
    fits = written <= found <= written + unchanged
    return Check("The rows that the run counted are there", figures, _verdict(fits, run))


def _verdict(holds: bool, run: Run) -> Verdict:
    """A run that was stopped has not listed everything: that nothing is missing is not told by it."""
    if run.finished is None:
        return "open"
    return "holds" if holds else "differs"


def status_differences(run: Run | None, of_run: Counter[str]) -> list[tuple[str, int, int]]:
    """(status, counted by the run, found in the manifest) of every status, where the two can be compared."""
    if run is None or run.counts is None or run.resumed:
        return []
    counted = run.counts["statuses"]
    names = sorted({*counted, *(status for status in of_run if status != "removed")})
    return [(name, int(counted.get(name, 0)), of_run[name]) for name in names]
