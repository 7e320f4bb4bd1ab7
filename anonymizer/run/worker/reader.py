"""Reads the sources of a chunk ahead, in several threads, while earlier ones are computed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

from anonymizer.lake.storage import Root
from anonymizer.records import WorkItem
from anonymizer.run.sources import OpenShard, open_source
from anonymizer.run.worker.deadline import Deadline

Read = tuple[WorkItem, Future[bytes | OpenShard]]
"""An item and the future of its source's bytes, or of the open shard that it is."""


class Reader:
    """Reads the sources of chunks.

    Args:
        source: INPUT.
        at_once: Maximum number of sources of one chunk that are being read or wait to be computed.
        max_bytes: Maximum size of a source in bytes; see `read_source`.
    """

    def __init__(self, source: Root, *, at_once: int, max_bytes: int) -> None:
        self._source = source
        self._at_once = at_once
        self._max_bytes = max_bytes

    def ahead(self, items: Sequence[WorkItem], deadline: Deadline, pool: ThreadPoolExecutor) -> Iterator[Read]:
        """Yields the items with their bytes, in order; starts to read the first ones at once."""
        reads = ((item, pool.submit(self._read, item, deadline)) for item in items)
        return _ahead(reads, deque(islice(reads, self._at_once)))

    def _read(self, item: WorkItem, deadline: Deadline) -> bytes | OpenShard:
        deadline.check()
        return open_source(self._source, item.ref, self._max_bytes)


def _ahead(reads: Iterator[Read], window: deque[Read]) -> Iterator[Read]:
    while window:
        yield window.popleft()
        window.extend(islice(reads, 1))
