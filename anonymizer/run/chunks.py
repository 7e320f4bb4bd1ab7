"""Groups objects into chunks, queues them, and decides which to retry when a worker dies. Uses neither Ray nor a clock.

Only the driver retries the chunks of a worker that died. The oldest chunk that the worker had is suspected to have
killed it: it is split in two, and each half runs on a worker that has no other chunk. A single object that kills its
worker repeatedly is a poison image.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from anonymizer.records import Chunk, WorkItem

#: Number of chunks by which the listing is read ahead; near its end a chunk gets this fraction of the remaining items.
LOOK_AHEAD = 8
#: Minimum number of items of a chunk near the end of the listing.
LEAST_KEYS = 4
#: Bytes per second, at least, that a worker reads and computes: a large shard gets its time by its size.
LEAST_BYTES_S = 100_000


@dataclass(frozen=True, slots=True)
class Task:
    """Items that are sent to a worker together, with the history of their dispatches.

    Attributes:
        items: At most as many as fit into a chunk.
        attempt: Number of the latest dispatch; 0 before the first, so that rows of take-downs can use attempt 0.
        deaths: Number of workers that died while this was their only task.
        errors: Number of times that a worker returned without having committed it.
        alone: Suspected to have killed a worker: it runs on a worker that has no other chunk.
    """

    items: tuple[WorkItem, ...]
    attempt: int = 0
    deaths: int = 0
    errors: int = 0
    alone: bool = False


def group(items: Iterable[WorkItem], max_keys: int, max_bytes: int) -> Iterator[tuple[WorkItem, ...]]:
    """Groups consecutive items, at most `max_keys` and `max_bytes` per group; a larger item is a group of its own.

    Towards the end the groups become smaller, so that all workers finish at about the same time.
    """
    coming = iter(items)
    ahead = deque(islice(coming, LOOK_AHEAD * max_keys))
    while ahead:
        count = min(max_keys, max(LEAST_KEYS, len(ahead) // LOOK_AHEAD))
        chunk = [ahead.popleft()]
        size_bytes = chunk[0].ref.size
        while ahead and len(chunk) < count and size_bytes + ahead[0].ref.size <= max_bytes:
            chunk.append(ahead.popleft())
            size_bytes += chunk[-1].ref.size
        yield tuple(chunk)
        ahead.extend(islice(coming, LOOK_AHEAD * max_keys - len(ahead)))


def chunk_id(items: Iterable[WorkItem]) -> str:
    """Hashes the (key, version) pairs of the items: the same objects always get the same chunk id."""
    digest = hashlib.sha256()
    for item in items:
        for part in (item.ref.key, item.ref.etag):
            raw = part.encode("utf-8", "surrogateescape")
            digest.update(len(raw).to_bytes(4, "big") + raw)
    return digest.hexdigest()[:20]


class TaskQueue:
    """Tasks that wait for a worker: new ones from the listing, those to retry, and those that have to run alone.

    Args:
        fresh: New tasks from the listing; taken only when a worker can accept one.
        poison_deaths: Number of workers that a single item may kill before it is given up.
    """

    def __init__(self, fresh: Iterator[Task], poison_deaths: int) -> None:
        self._fresh = fresh
        self._poison_deaths = poison_deaths
        self._retries: deque[Task] = deque()
        self._alone: deque[Task] = deque()
        self._drained = False

    def take(self, *, idle: bool) -> Task | None:
        """Takes the next task for a worker and raises its attempt; returns None if there is none for it now.

        Args:
            idle: The worker has no chunk, so a task that has to run alone may be sent to it.
        """
        if idle and self._alone:
            return _dispatched(self._alone.popleft())
        if self._retries:
            return _dispatched(self._retries.popleft())
        if not self._drained:
            task = next(self._fresh, None)
            if task is not None:
                return _dispatched(task)
            self._drained = True
        return None

    def put_back(self, task: Task) -> None:
        """Queues a task for a retry; it is not suspected to have killed a worker."""
        (self._alone if task.alone else self._retries).append(task)

    def killed_worker(self, task: Task) -> Task | None:
        """Queues a task that may have killed its worker: it is split, or a single item is retried alone.

        Returns:
            The task, if its single item has killed `poison_deaths` workers and is given up; else None.
        """
        if len(task.items) > 1:
            middle = len(task.items) // 2
            for part in (task.items[:middle], task.items[middle:]):
                self._alone.append(Task(part, task.attempt, alone=True))
            return None
        task = replace(task, deaths=task.deaths + 1, alone=True)
        if task.deaths >= self._poison_deaths:
            return task
        self._alone.append(task)
        return None

    @property
    def exhausted(self) -> bool:
        """Whether no task is waiting and the listing has ended."""
        return self._drained and not self._retries and not self._alone


def _dispatched(task: Task) -> Task:
    return replace(task, attempt=task.attempt + 1)


def as_chunk(task: Task, *, epoch: int, chunk_time_s: float, image_time_s: float) -> Chunk:
    """Makes the chunk that is sent to a worker.

    Args:
        task: The items to process.
        epoch: Epoch of the run's lease.
        chunk_time_s: Time limit of a chunk, seconds.
        image_time_s: Time limit of an image, seconds. A worker may have two chunks at once, so each gets twice this per
            item.
    """
    size_bytes = sum(item.ref.size for item in task.items)
    time_s = max(chunk_time_s, 2 * image_time_s * len(task.items), size_bytes / LEAST_BYTES_S)
    return Chunk(chunk_id(task.items), task.items, task.attempt, epoch, time_s)
