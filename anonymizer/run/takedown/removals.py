"""Everything that takes an output away: unsafe ones before any other work, orphans of a dead run, pruned ones."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice

from anonymizer.config import RunConfig
from anonymizer.errors import AnonymizerError, ObjectError, OutputLost, SourceGone
from anonymizer.lake.identity import lost
from anonymizer.lake.manifest import Snapshot
from anonymizer.lake.naming import Places
from anonymizer.lake.outputs import purge_ours
from anonymizer.lake.storage import Root
from anonymizer.people.consent import Registry
from anonymizer.records import ManifestRow
from anonymizer.run.plan.current_rows import CurrentRows
from anonymizer.run.recorder import OWN_ROWS, Recorder, Stamp
from anonymizer.run.summary import FailureLimit, Summary
from anonymizer.run.takedown import unsafe

log = logging.getLogger(__name__)


class Removals:
    """Takes outputs away and writes down that it did.

    A removal counts once OUTPUT has been seen to bear its mark after it: in a folder that stands in the place of a disk
    everything is absent.

    Args:
        output: OUTPUT.
        output_id: Of its mark.
        places: Where outputs lie.
        recorder: Of the run.
        summary: Of the run.
        stamp: For the rows.
        attempt: Of the rows.
    """

    def __init__(
        self,
        output: Root,
        output_id: str,
        places: Places,
        recorder: Recorder,
        summary: Summary,
        stamp: Stamp,
        attempt: int = 0,
    ) -> None:
        self._output = output
        self._output_id = output_id
        self._places = places
        self._recorder = recorder
        self._summary = summary
        self._stamp = stamp
        self._attempt = attempt

    def unsafe(self, snapshot: Snapshot, registry: Registry, config: RunConfig) -> int:
        """Removes every output that today's decisions do not allow; gives how many."""
        return self._remove_unsafe(unsafe_rows(snapshot, registry, config, self._stamp.as_of))

    def expired(self, snapshot: Snapshot) -> int:
        """Removes every output whose consent has run out by the clock alone; gives how many."""
        return self._remove_unsafe(expired_rows(snapshot, self._stamp.as_of))

    def _remove_unsafe(self, rows: Iterable[ManifestRow]) -> int:
        before = self._summary.removed_unsafe
        for batch in _batches(rows):
            gone = [row for row in batch if self._purged_row(row)]
            self._confirm([row.key for row in gone])
            for row in gone:
                self._summary.removed_unsafe += 1
                self._recorder.silently(unsafe.taken_down_row(row, self._attempt), self._stamp)
            self._recorder.flush()
        return self._summary.removed_unsafe - before

    def now(self, output_key: str, key: str, etag: str | None = None, sha256: str | None = None) -> bool:
        """Removes an output, all its versions; what cannot be removed is named at the end.

        Args:
            output_key: Of the output.
            key: Of its source.
            etag: The version that is ours; None: whatever stands there.
            sha256: Of the output that is ours, if that is known.

        Raises:
            OutputLost: OUTPUT is not there any more.
        """
        if not self._purged(output_key, key, etag, sha256):
            return False
        self._confirm([key])
        return True

    def _purged_row(self, row: ManifestRow) -> bool:
        return self._purged(self._places.located(row.output_uri), row.key, row.output_etag, row.output_sha256)

    def _purged(self, output_key: str | None, key: str, etag: str | None, sha256: str | None) -> bool:
        """Whether nothing of it is left, provided that this is OUTPUT."""
        try:
            # A row that names an output elsewhere speaks of a place that this run cannot reach.
            if output_key is not None:
                purge_ours(self._output, output_key, etag, sha256)
                return True
        except (AnonymizerError, OSError):
            pass
        log.error("%s: an output that is no longer safe could not be removed", key)
        self._summary.unsafe_left.append(key)
        return False

    def _confirm(self, keys: list[str]) -> None:
        """What was removed, or was not there, counts from here on."""
        try:
            seen = self._output.has_mark(self._output_id)
        except ObjectError:
            seen = False
        if not seen:
            self._summary.unsafe_left.extend(keys)
            raise OutputLost(lost(self._output))

    def forget_removed(self, snapshot: Snapshot) -> None:
        """Older versions of outputs that older software had removed and not purged: rows name them no more."""
        for table in snapshot.scan(["key", "status"]):
            for key, status in zip(table["key"].to_pylist(), table["status"].to_pylist(), strict=True):
                try:
                    if status == "removed":
                        self._output.forget_older(self._places.expected(key, None))
                except ObjectError:
                    log.error("%s: older versions of an output that was removed could not be removed", key)
                    self._summary.unsafe_left.append(key)

    def prune(self, rows: CurrentRows, limit: FailureLimit) -> bool:
        """Removes the outputs of sources that are not there any more, unless they are more than the limit.

        Returns:
            Whether it was within the limit.
        """
        if rows.gone_published > limit.allowed(rows.published):
            return False
        for batch in _batches(rows.rows_gone()):
            gone = [row for row in batch if self._pruned(row)]
            self._confirm([row.key for row in gone if row.output_uri is not None])
            for row in gone:
                self._summary.removed_gone += 1
                self._recorder.silently(unsafe.removed_row(row, SourceGone(), self._attempt), self._stamp)
            self._recorder.flush()
        return True

    def _pruned(self, row: ManifestRow) -> bool:
        if row.output_uri is None:
            return True
        key = self._places.located(row.output_uri)
        try:
            if key is None:
                return False
            # Older versions too: once the row names no output, nobody looks for them any more.
            purge_ours(self._output, key, row.output_etag, row.output_sha256)
        except (ObjectError, OSError):
            log.warning("%s: its source is gone, but its output could not be removed", row.key)
        else:
            return True
        return False


def unsafe_rows(snapshot: Snapshot, registry: Registry, config: RunConfig, as_of: datetime) -> Iterator[ManifestRow]:
    """Rows of the outputs that today's decisions do not allow.

    What an earlier run has held against the same registry, purpose and policy can only have run out since, as long as
    no window has begun or ended: a grant that begins may speak for a second person, or not fit.
    """
    totals = snapshot.totals
    checked = totals is not None and totals.checked == unsafe.checked_against(config, registry.sha256)
    before = totals.as_of if totals is not None and checked else None
    if before is not None and before <= as_of and not registry.turns(before, as_of):
        return expired_rows(snapshot, as_of)
    return (
        row
        for row in _published(snapshot)
        if unsafe.is_unsafe(row, registry.decide(row.key, listed=False), config) or unsafe.past_retention(row, as_of)
    )


def expired_rows(snapshot: Snapshot, as_of: datetime) -> Iterator[ManifestRow]:
    """Rows of the outputs whose consent has run out by the clock alone."""
    totals = snapshot.totals
    if totals is not None and (totals.next_expiry is None or totals.next_expiry > as_of):
        return iter(())
    return (row for row in _published(snapshot) if unsafe.past_retention(row, as_of))


def _published(snapshot: Snapshot) -> Iterator[ManifestRow]:
    return unsafe.published(snapshot.scan(unsafe.COLUMNS))


def _batches(rows: Iterable[ManifestRow]) -> Iterator[list[ManifestRow]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, OWN_ROWS)):
        yield batch
