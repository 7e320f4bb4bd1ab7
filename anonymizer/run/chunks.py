"""Cuts work into chunks, orders them, and decides what happens when a worker dies. Pure: knows no Ray and no clock.

A chunk whose worker died is put back by the driver only. The oldest chunk that the worker held is under suspicion:
it is split, its parts run alone, and what kills a worker again and again by itself is a poison image.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from anonymizer.records import Chunk, WorkItem

#: The listing is read ahead by this many chunks of items; near its end a chunk is one such part of what is left.
LOOK_AHEAD = 8
#: Near the end of the listing no chunk is made smaller than this many items.
LEAST_KEYS = 4


@dataclass(frozen=True, slots=True)
class Task:
    """Items that go to a worker together, with their history.

    Attributes:
        items: At most a chunk's worth.
        attempt: Of the latest dispatch; 0 before the first, so that attempt 0 stays free for take-downs.
        deaths: Workers that died while this ran alone.
        errors: Times a worker came back without having committed it.
        alone: Under suspicion: runs on a worker that holds nothing else.
    """

    items: tuple[WorkItem, ...]
    attempt: int = 0
    deaths: int = 0
    errors: int = 0
    alone: bool = False


def group(items: Iterable[WorkItem], max_keys: int, max_bytes: int) -> Iterator[tuple[WorkItem, ...]]:
    """Consecutive items, at most so many and so many bytes; a larger one stands by itself.

    Towards the end they become fewer, so that no worker is left with a full chunk when the others have nothing to do.
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
    """Hash of the (key, version) list: the same objects give the same name, whoever lists them."""
    digest = hashlib.sha256()
    for item in items:
        for part in (item.ref.key, item.ref.etag):
            raw = part.encode("utf-8", "surrogateescape")
            digest.update(len(raw).to_bytes(4, "big") + raw)
    return digest.hexdigest()[:20]


class TaskQueue:
    """The tasks that no worker holds: those of the listing, those that were put back, and those that have to run alone.

    Args:
        fresh: Tasks straight from the listing; drawn only when a worker has room.
        poison_deaths: A single item that took this many workers with it is given up.
    """

    def __init__(self, fresh: Iterator[Task], poison_deaths: int) -> None:
        self._fresh = fresh
        self._poison_deaths = poison_deaths
        self._again: deque[Task] = deque()
        self._alone: deque[Task] = deque()
        self._drained = False

    def take(self, *, idle: bool) -> Task | None:
        """The next task for a worker with room, its attempt raised; None when there is none for it now.

        Args:
            idle: The worker holds nothing, so a suspect may run on it.
        """
        if idle and self._alone:
            return _dispatched(self._alone.popleft())
        if self._again:
            return _dispatched(self._again.popleft())
        if not self._drained:
            task = next(self._fresh, None)
            if task is not None:
                return _dispatched(task)
            self._drained = True
        return None

    def put_back(self, task: Task) -> None:
        """Takes a task that has to be done again, without any suspicion against it."""
        (self._alone if task.alone else self._again).append(task)

    def killed_worker(self, task: Task) -> Task | None:
        """Takes a task whose worker died: it is split, or if it is a single item tried again alone.

        Returns:
            The task, if its item has ended `poison_deaths` workers and is given up; else None.
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
        """Whether nothing waits and the listing has ended."""
        return self._drained and not self._again and not self._alone


def _dispatched(task: Task) -> Task:
    return replace(task, attempt=task.attempt + 1)


def as_chunk(task: Task, *, epoch: int, chunk_time_s: float, image_time_s: float) -> Chunk:
    """What a worker is sent.

    Args:
        task: To be done.
        epoch: Of the lease that the run holds.
        chunk_time_s: Time limit of a chunk, seconds.
        image_time_s: Time limit of an image, seconds. Two chunks may share a worker, so a chunk is given that of both.
    """
    time_s = max(chunk_time_s, 2 * image_time_s * len(task.items))
    return Chunk(chunk_id(task.items), task.items, task.attempt, epoch, time_s)
