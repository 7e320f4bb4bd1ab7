"""Counts the results of a run, and writes the rows of objects that are not sent to a worker."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from anonymizer import __version__
from anonymizer.lake.manifest import ManifestStore
from anonymizer.records import NO_CONSENT, ChunkResult, ImageRef, ManifestRow, WorkItem
from anonymizer.run.chunks import chunk_id
from anonymizer.run.summary import NAMED_FAILURES, FailureLimit, Summary

log = logging.getLogger(__name__)

#: Number of rows that the driver collects before it writes them.
OWN_ROWS = 500


class Progress(Protocol):
    """Shows the progress of a run."""

    def start(self, run_id: str, unchanged: int) -> None: ...

    def advance(self, images: int, faces: int, failures: int, listed: int) -> None: ...

    def close(self) -> None: ...


class TooManyFailures(Exception):
    """More objects failed than `--max-failures` allows: the run stops."""


@dataclass(frozen=True)
class Stamp:
    """Columns that are the same in every row that the driver writes.

    Attributes:
        as_of: Time for which consent is evaluated, UTC.
        registry_sha256: SHA-256 of the consent registry; None before it is read, and if there is none.
        purpose: The run's purpose.
    """

    as_of: datetime
    registry_sha256: str | None = None
    purpose: str | None = None


class Recorder:
    """Counts results and writes the driver's rows.

    Rows are collected and written `OWN_ROWS` at a time; `flush` writes the remaining ones.

    Args:
        summary: Results are counted here.
        manifest: Rows are written here.
        progress: Is notified of every object.
        limit: `--max-failures`, if given.
        stamp: Columns that are the same in all rows.

    Attributes:
        stamp: As above; replaced when the run has read the registry.
    """

    def __init__(
        self, summary: Summary, manifest: ManifestStore, progress: Progress, limit: FailureLimit | None, stamp: Stamp
    ) -> None:
        self.stamp = stamp
        self._summary = summary
        self._manifest = manifest
        self._progress = progress
        self._limit = limit
        self._started = time.monotonic()
        self._rows: list[ManifestRow] = []

    def count_result(self, result: ChunkResult) -> None:
        """Counts the rows that a worker has committed.

        Raises:
            TooManyFailures: More objects have failed than the limit allows.
        """
        self._summary.redacted += result.redacted_count
        self._summary.output_bytes += result.output_bytes
        self._summary.shards += result.shard_count
        self._summary.inside += result.inside_count
        self._summary.left_out += result.left_out
        self._summary.unsafe_left.extend(result.unsafe_left)
        self._count(result.statuses, result.codes, result.face_count)

    def count_recovered(self, rows: Iterable[ManifestRow]) -> None:
        """Counts objects whose rows were recovered from an intent."""
        rows = list(rows)
        self._summary.redacted += sum(row.redacted_count or 0 for row in rows)
        self._summary.shards += sum(row.is_shard for row in rows)
        self._summary.inside += sum(row.is_inside for row in rows)
        codes = {row.key: row.error_code for row in rows if row.error_code is not None}
        statuses = {row.key: row.status for row in rows if not row.is_shard}
        self._count(statuses, codes, sum(row.face_count or 0 for row in rows))

    def write(self, row: ManifestRow) -> None:
        """Writes and counts the row of a listed object.

        Raises:
            TooManyFailures: More objects have failed than the limit allows.
        """
        self.write_uncounted(row)
        self._count({row.key: row.status}, {row.key: row.error_code} if row.error_code else {}, 0)

    def write_uncounted(self, row: ManifestRow) -> None:
        """Writes a row without counting it: its object was not listed, or gets another row in this run."""
        stamp = self.stamp
        self._rows.append(
            replace(
                row,
                as_of=stamp.as_of,
                registry_sha256=stamp.registry_sha256,
                purpose=stamp.purpose,
                software_version=__version__,
            )
        )
        if len(self._rows) >= OWN_ROWS:
            self.flush()

    def flush(self) -> None:
        """Commits the rows collected so far."""
        if self._rows:
            refs = [ImageRef(row.key, "", str(row.attempt), 0, None) for row in self._rows]
            items = [WorkItem(ref, NO_CONSENT, None) for ref in refs]
            self._manifest.write_part(self._summary.run_id, f"driver_{chunk_id(items)}", 0, self._rows)
            self._rows.clear()

    def _count(self, statuses: Mapping[str, str], codes: Mapping[str, str], faces: int) -> None:
        summary = self._summary
        if summary.first_result_s is None:
            summary.first_result_s = time.monotonic() - self._started
        summary.statuses.update(statuses.values())
        summary.codes.update(codes.values())
        summary.faces += faces
        failed = [(key, codes.get(key, "")) for key, status in statuses.items() if status == "failed"]
        summary.failures.extend(failed[: max(0, NAMED_FAILURES - len(summary.failures))])
        for key, code in failed:
            log.debug("%s: %s", key, code)
        self._progress.advance(len(statuses), faces, summary.statuses["failed"], summary.listed)
        if self._limit is not None and self._limit.stops(summary.statuses["failed"]):
            raise TooManyFailures
