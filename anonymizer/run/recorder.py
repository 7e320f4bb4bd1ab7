"""Counts what becomes of the objects, and writes the driver's own rows: of objects that no worker is asked about."""

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

#: Rows of its own that the driver gathers before it writes them.
OWN_ROWS = 500


class Progress(Protocol):
    """Shows how far the run is."""

    def start(self, run_id: str, unchanged: int) -> None: ...

    def advance(self, images: int, faces: int, failures: int, listed: int) -> None: ...

    def close(self) -> None: ...


class TooManyFailures(Exception):
    """More failures than were allowed: stop here."""


@dataclass(frozen=True)
class Stamp:
    """What every row of the driver says of the run.

    Attributes:
        as_of: Time at which consent is decided, UTC.
        registry_sha256: Of the consent registry; None before it was read, and where there is none.
        purpose: For which consent has to be given.
    """

    as_of: datetime
    registry_sha256: str | None = None
    purpose: str | None = None


class Recorder:
    """Keeps the account of one run.

    Rows are gathered and written `OWN_ROWS` at a time; `flush` writes those that are left.

    Args:
        summary: What is counted into.
        manifest: Where rows go.
        progress: Told of every object.
        limit: `--max-failures`, if it was given.
        stamp: What the rows say of the run.

    Attributes:
        stamp: As above; exchanged when the run has learned more.
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
            TooManyFailures: The limit is passed.
        """
        self._summary.redacted += result.redacted_count
        self._summary.output_bytes += result.output_bytes
        self._summary.unsafe_left.extend(result.unsafe_left)
        self._count(result.statuses, result.codes, result.face_count)

    def count_recovered(self, rows: Iterable[ManifestRow]) -> None:
        """Counts objects whose rows a worker had only intended."""
        rows = list(rows)
        self._summary.redacted += sum(row.redacted_count or 0 for row in rows)
        self._count({row.key: row.status for row in rows}, {}, sum(row.face_count or 0 for row in rows))

    def write(self, row: ManifestRow) -> None:
        """Writes and counts the row of a listed object.

        Raises:
            TooManyFailures: The limit is passed.
        """
        self.write_uncounted(row)
        self._count({row.key: row.status}, {row.key: row.error_code} if row.error_code else {}, 0)

    def write_uncounted(self, row: ManifestRow) -> None:
        """Writes the row of an object that is not one of the listing's, or will have another row of this run."""
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
        """Commits the rows gathered so far."""
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
