"""What every step of one run works with: its settings, its places, its account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from anonymizer.config import RunConfig
from anonymizer.lake.lease import Lease
from anonymizer.lake.manifest import ManifestStore, Snapshot, new_run_id
from anonymizer.lake.naming import Places
from anonymizer.lake.storage import Root
from anonymizer.records import ManifestRow
from anonymizer.run.marked_output import MarkedOutput
from anonymizer.run.plan.current_rows import CurrentRows
from anonymizer.run.recorder import Recorder
from anonymizer.run.summary import FailureLimit, Summary


@dataclass
class RunContext:
    """One run, from the moment that it holds its lease.

    Attributes:
        config: The settings, with full URLs.
        places: Which output belongs to which key.
        manifest_root: The manifest's folder.
        manifest: The rows and records in that folder.
        output: OUTPUT; in place, INPUT.
        summary: The account; knows the run's id as soon as it has one.
        recorder: Counts into `summary`, and writes the driver's own rows.
        lease: `check` raises once another run may have taken over.
        failure_limit: `--max-failures`, if it was given.
        prune_limit: `--prune-limit`.
        attempt: Of the rows that the run writes before its first dispatch; higher each time that the run is resumed.
    """

    config: RunConfig
    places: Places
    manifest_root: Root
    manifest: ManifestStore
    output: MarkedOutput
    summary: Summary
    recorder: Recorder
    lease: Lease
    failure_limit: FailureLimit | None
    prune_limit: FailureLimit
    attempt: int = 0

    @property
    def run_id(self) -> str:
        """Of this run; empty before it has begun."""
        return self.summary.run_id

    @property
    def as_of(self) -> datetime:
        """The time at which consent is decided, UTC."""
        return self.recorder.stamp.as_of

    def new_run_id(self) -> str:
        """An id greater than that of any run before."""
        return new_run_id(self.manifest.run_ids(), now())

    def output_key(self, row: ManifestRow) -> str | None:
        """Key of the output that a row names; None if it lies elsewhere."""
        return row.key if self.config.in_place else self.places.output_key(row.output_uri)

    def current_rows(self, snapshot: Snapshot | ManifestStore) -> CurrentRows:
        """The current rows, to be met in the order of their keys."""
        return CurrentRows(snapshot.scan, self.run_id, self.config.input)

    def refreshed(self, snapshot: Snapshot, written: int) -> Snapshot:
        """The current rows after `written` more were written; the same snapshot if there were none."""
        if not written:
            return snapshot
        self.recorder.flush()
        self.manifest.compact(self.run_id, final=True)
        return Snapshot(self.manifest_root)


def now() -> datetime:
    """By the driver's clock, UTC."""
    return datetime.now(UTC)
