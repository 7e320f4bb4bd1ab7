"""Everything that takes an output away: unsafe ones before any other work, orphans of a dead run, pruned ones."""

from __future__ import annotations

import hashlib
import logging
from array import array
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from anonymizer import takedown
from anonymizer.account import FailureLimit, Summary
from anonymizer.config import RunConfig
from anonymizer.consent import Registry
from anonymizer.driver.book import Book, Stamp
from anonymizer.errors import AnonymizerError, ObjectError, PublishConflict, SourceGone, Unsafe
from anonymizer.known import CurrentRows
from anonymizer.manifest import Snapshot
from anonymizer.naming import Places, output_key_of
from anonymizer.records import ImageRef, ManifestRow
from anonymizer.storage import Root

log = logging.getLogger(__name__)

#: The manifest's store and OUTPUT's may have different clocks.
CLOCKS_APART = timedelta(minutes=10)
#: Orphans are looked up so many at a time.
BATCH = 10_000


class Removals:
    """Takes outputs away and writes down that it did.

    Args:
        output: OUTPUT.
        places: Where outputs lie.
        book: Of the run.
        summary: Of the run.
        stamp: For the rows.
        attempt: Of the rows.
    """

    def __init__(
        self, output: Root, places: Places, book: Book, summary: Summary, stamp: Stamp, attempt: int = 0
    ) -> None:
        self._output = output
        self._places = places
        self._book = book
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
        removed = 0
        for row in rows:
            if self.now(self._places.expected(row.key, row.output_uri), row.key):
                removed += 1
                self._book.silently(takedown.removed_row(row, Unsafe(), self._attempt), self._stamp)
        self._book.flush()
        self._summary.removed_unsafe += removed
        return removed

    def now(self, output_key: str, key: str) -> bool:
        """Removes an output that is not safe, all its versions; what cannot be removed is named at the end."""
        try:
            self._output.purge(output_key)
        except (AnonymizerError, OSError):
            log.error("%s: an output that is no longer safe could not be removed", key)
            self._summary.unsafe_left.append(key)
            return False
        return True

    def orphans(self, snapshot: Snapshot, since: datetime) -> None:
        """Removes what a run that died has published without having written its row.

        Args:
            snapshot: The current rows.
            since: When the dead run began, by the clock of the manifest's store.
        """
        named: NDArray[np.uint64] | None = None
        for refs in _batches(self._written_since(since - CLOCKS_APART)):
            if named is None:
                named = _named_outputs(snapshot, self._places.root)
            hashes = np.fromiter((_hash(ref.key) for ref in refs), np.uint64, len(refs))
            for ref, known in zip(refs, np.isin(hashes, named), strict=True):
                if not known and self.now(ref.key, ref.key):
                    self._summary.swept += 1
        if self._summary.swept:
            log.info("removed %d outputs that a dead run left without a row", self._summary.swept)

    def _written_since(self, since: datetime) -> Iterator[ImageRef]:
        for entry in self._output.list(output=True):
            if isinstance(entry, ImageRef) and (entry.modified is None or entry.modified >= since):
                yield entry

    def prune(self, rows: CurrentRows, limit: FailureLimit) -> bool:
        """Removes the outputs of sources that are not there any more, unless they are more than the limit.

        Returns:
            Whether it was within the limit.
        """
        if rows.gone_published > limit.allowed(rows.published):
            return False
        for row in rows.rows_gone():
            if self._pruned(row):
                self._summary.removed_gone += 1
                self._book.silently(takedown.removed_row(row, SourceGone(), self._attempt), self._stamp)
        self._book.flush()
        return True

    def _pruned(self, row: ManifestRow) -> bool:
        if row.output_uri is None:
            return True
        try:
            self._output.remove(self._places.expected(row.key, row.output_uri), expected=row.output_etag)
        except PublishConflict:
            log.warning("%s: its source is gone, but its output is not the one that the manifest knows: kept", row.key)
        except (ObjectError, OSError):
            log.warning("%s: its source is gone, but its output could not be removed", row.key)
        else:
            return True
        return False


def unsafe_rows(snapshot: Snapshot, registry: Registry, config: RunConfig, as_of: datetime) -> Iterator[ManifestRow]:
    """Rows of the outputs that today's decisions do not allow.

    What an earlier run has held against the same registry, purpose and policy can only have run out since.
    """
    totals = snapshot.totals
    checked = totals is not None and totals.checked == takedown.checked_against(config, registry.sha256)
    if totals is not None and checked and totals.as_of is not None and totals.as_of <= as_of:
        return expired_rows(snapshot, as_of)
    return (
        row
        for row in _published(snapshot)
        if takedown.is_unsafe(row, registry.decide(row.key, listed=False), config)
        or takedown.past_retention(row, as_of)
    )


def expired_rows(snapshot: Snapshot, as_of: datetime) -> Iterator[ManifestRow]:
    """Rows of the outputs whose consent has run out by the clock alone."""
    totals = snapshot.totals
    if totals is not None and (totals.next_expiry is None or totals.next_expiry > as_of):
        return iter(())
    return (row for row in _published(snapshot) if takedown.past_retention(row, as_of))


def _published(snapshot: Snapshot) -> Iterator[ManifestRow]:
    return takedown.published(snapshot.scan(takedown.COLUMNS))


def _named_outputs(snapshot: Snapshot, root: str) -> NDArray[np.uint64]:
    """(N,) hashes of the outputs' keys that current rows name: eight bytes each, whatever their number."""
    hashes = array("Q")
    for table in snapshot.scan(["output_uri"]):
        uris = table["output_uri"].drop_null().to_pylist()
        hashes.extend(_hash(key) for uri in uris if (key := output_key_of(uri, root)) is not None)
    return np.frombuffer(hashes, np.uint64) if hashes else np.zeros(0, np.uint64)


def _hash(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big")


def _batches(entries: Iterator[ImageRef]) -> Iterator[list[ImageRef]]:
    batch: list[ImageRef] = []
    for entry in entries:
        batch.append(entry)
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
