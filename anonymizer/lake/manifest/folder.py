"""Defines the interface of a manifest's folder, with parallel reads and idempotent writes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from anonymizer.errors import SourceGone

READ_AHEAD = 8
"""Number of objects that are read concurrently: for small ones on an object store most of the time is latency."""


class ObjectStore(Protocol):
    """The methods of its folder that a manifest needs. Every method may be called from several threads."""

    @property
    def uri(self) -> str: ...

    def get(self, name: str) -> bytes:
        """Reads an object; raises `SourceGone` if it does not exist."""

    def put(self, name: str, data: bytes) -> None:
        """Writes or overwrites an object atomically."""

    def create(self, name: str, data: bytes) -> bool:
        """Writes an object atomically if it does not exist; returns False if it does."""

    def delete(self, names: Iterable[str]) -> None:
        """Deletes objects; it is not an error if one does not exist."""

    def names(self, prefix: str) -> Iterator[str]:
        """Lists all names below the folder that begin with `prefix`, sorted."""


def fetch(store: ObjectStore, wanted: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
    """Reads objects in order, several ahead; yields names and bytes, None for objects that do not exist any more."""
    ahead: deque[tuple[str, Future[bytes | None]]] = deque()
    with ThreadPoolExecutor(READ_AHEAD) as pool:
        for name in wanted:
            if len(ahead) >= READ_AHEAD:
                first, future = ahead.popleft()
                yield first, future.result()
            ahead.append((name, pool.submit(_found, store, name)))
        for name, future in ahead:
            yield name, future.result()


def create_once(store: ObjectStore, name: str, data: bytes) -> bool:
    """Creates an object; returns whether it has these bytes, even if an earlier attempt without a reply created it."""
    return store.create(name, data) or _found(store, name) == data


def _found(store: ObjectStore, name: str) -> bytes | None:
    try:
        return store.get(name)
    except SourceGone:
        return None
