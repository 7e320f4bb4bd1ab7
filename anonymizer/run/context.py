"""Holds what every step of a run needs: settings, storage roots, manifest, lease and counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

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
    """The state of one run, from the moment that it has the lease.

    Attributes:
        config: The settings, with full URLs.
        places: Maps keys of sources to keys of outputs.
        manifest_root: The manifest's folder.
        manifest: The rows and records in that folder.
        output: OUTPUT; in place, INPUT.
        summary: The run's counts, and its id once it has one.
        recorder: Counts into `summary`, and writes the driver's own rows.
        lease: Its `check` raises if another run may have taken over.
        failure_limit: `--max-failures`, if given.
        prune_limit: `--prune-limit`.
        attempt: Attempt of the rows that the run writes before its first dispatch; higher each time that it is resumed.
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
        """The run's id; empty before it has begun."""
        return self.summary.run_id

    @property
    def as_of(self) -> datetime:
        """The time for which consent is evaluated, UTC."""
        return self.recorder.stamp.as_of

    def new_run_id(self) -> str:
        """Makes an id that is greater than those of all earlier runs."""
        return new_run_id(self.manifest.run_ids(), now())

    def output_key(self, row: ManifestRow) -> str | None:
        """Key of the output that a row names; None if the row names none in this OUTPUT."""
        return row.key if self.config.in_place else self.places.output_key(row.output_uri)

    def current_rows(self, snapshot: Snapshot | ManifestStore) -> CurrentRows:
        """Iterates over the current rows in the order of their keys, without those of pictures inside shards."""
        return CurrentRows(partial(snapshot.scan, inside=False), self.run_id, self.config.input)

    def refreshed(self, snapshot: Snapshot, written: int) -> Snapshot:
        """Returns a new snapshot after `written` rows were added; the same one if there were none."""
        if not written:
            return snapshot
        self.recorder.flush()
        self.manifest.compact(self.run_id, final=True)
        return Snapshot(self.manifest_root)


def now() -> datetime:
    """The current time of the driver's clock, UTC."""
    return datetime.now(UTC)
