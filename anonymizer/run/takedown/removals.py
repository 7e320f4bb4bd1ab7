"""Removes outputs: those that are unsafe, those of failed objects, and those whose source no longer exists."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from itertools import islice

from anonymizer.errors import AnonymizerError, ObjectError, OutputLost, SourceGone
from anonymizer.lake.identity import lost_message
from anonymizer.lake.manifest import Snapshot
from anonymizer.lake.outputs import purge_ours
from anonymizer.records import ManifestRow
from anonymizer.run.context import RunContext
from anonymizer.run.plan.current_rows import CurrentRows
from anonymizer.run.recorder import OWN_ROWS
from anonymizer.run.summary import FailureLimit
from anonymizer.run.takedown.rows import removed_row, taken_down_row

log = logging.getLogger(__name__)


class Removals:
    """Removes outputs and writes their rows.

    A removal counts only if OUTPUT still has its mark afterwards. Without this check every output would seem to be
    removed if OUTPUT's disk is not mounted and its mount point is an empty folder.

    Args:
        run: The run; gives OUTPUT, the manifest and the counts.
    """

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self._summary = run.summary

    def remove_unsafe(self, rows: Iterable[ManifestRow]) -> int:
        """Removes unsafe outputs; returns how many.

        Args:
            rows: Rows of these outputs.

        Raises:
            OutputLost: OUTPUT has lost its mark.
        """
        before = self._summary.removed_unsafe
        for batch in _batches(rows):
            gone = [row for row in batch if self._purged_row(row)]
            self._confirm([row.key for row in gone])
            for row in gone:
                self._summary.removed_unsafe += 1
                self._run.recorder.write_uncounted(taken_down_row(row, self._run.attempt))
            self._run.recorder.flush()
        return self._summary.removed_unsafe - before

    def remove(self, output_key: str, key: str, etag: str | None = None, sha256: str | None = None) -> bool:
        """Removes an output with all its versions; returns whether it is gone. If not, the closing table lists it.

        Args:
            output_key: Key of the output.
            key: Key of its source.
            etag: Version of the output that this software published; None: any version.
            sha256: SHA-256 of the output that this software published, if known.

        Raises:
            OutputLost: OUTPUT has lost its mark.
        """
        if not self._purged(output_key, key, etag, sha256):
            return False
        self._confirm([key])
        return True

    def _purged_row(self, row: ManifestRow) -> bool:
        return self._purged(self._run.places.output_key(row.output_uri), row.key, row.output_etag, row.output_sha256)

    def _purged(self, output_key: str | None, key: str, etag: str | None, sha256: str | None) -> bool:
        """Removes an output; returns whether nothing of it is left, provided that OUTPUT has its mark."""
        try:
            # None: the row names an output in another OUTPUT, which this run cannot access.
            if output_key is not None:
                purge_ours(self._run.output.root, output_key, etag, sha256)
                return True
        except (AnonymizerError, OSError):
            pass
        log.error("%s: an output that is no longer safe could not be removed", key)
        self._summary.unsafe_left.append(key)
        return False

    def _confirm(self, keys: list[str]) -> None:
        """Checks OUTPUT's mark after removals; without it the keys are reported as unsafe."""
        try:
            marked = self._run.output.root.has_mark(self._run.output.output_id)
        except ObjectError:
            marked = False
        if not marked:
            self._summary.unsafe_left.extend(keys)
            raise OutputLost(lost_message(self._run.output.root))

    def forget_removed(self, snapshot: Snapshot) -> None:
        """Deletes older object versions of removed outputs: earlier releases removed only the newest version."""
        for table in snapshot.scan(["key", "status"]):
            for key, status in zip(table["key"].to_pylist(), table["status"].to_pylist(), strict=True):
                try:
                    if status == "removed":
                        self._run.output.root.forget_older(self._run.places.expected(key, None))
                except ObjectError:
                    log.error("%s: older versions of an output that was removed could not be removed", key)
                    self._summary.unsafe_left.append(key)

    def prune(self, rows: CurrentRows, limit: FailureLimit) -> bool:
        """Removes the outputs of sources that no longer exist, unless there are more than the limit.

        Returns:
            False if there were more; then none was removed.
        """
        if rows.gone_published > limit.allowed(rows.published):
            return False
        for batch in _batches(rows.rows_gone()):
            gone = [row for row in batch if self._pruned(row)]
            self._confirm([row.key for row in gone if row.output_uri is not None])
            for row in gone:
                self._summary.removed_gone += 1
                self._run.recorder.write_uncounted(removed_row(row, SourceGone(), self._run.attempt))
            self._run.recorder.flush()
        return True

    def _pruned(self, row: ManifestRow) -> bool:
        if row.output_uri is None:
            return True
        key = self._run.places.output_key(row.output_uri)
        try:
            if key is None:
                return False
            # Also removes older versions: once the row names no output, no later run would remove them.
            purge_ours(self._run.output.root, key, row.output_etag, row.output_sha256)
        except (ObjectError, OSError):
            log.warning("%s: the source no longer exists, but its output could not be removed", row.key)
        else:
            return True
        return False


def _batches(rows: Iterable[ManifestRow]) -> Iterator[list[ManifestRow]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, OWN_ROWS)):
        yield batch
