"""The folder that a manifest lies in: what is asked of it, and reads and writes that may be repeated."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from anonymizer.errors import SourceGone

READ_AHEAD = 8
"""Objects that are fetched at once: on an object store a small one is mostly waiting."""


class ObjectStore(Protocol):
    """What a manifest needs of the folder it lies in. Every method may be called from several threads."""

    @property
    def uri(self) -> str: ...

    def get(self, name: str) -> bytes:
        """Raises `SourceGone` when there is no such object."""

    def put(self, name: str, data: bytes) -> None:
        """Writes or overwrites, atomically."""

    def create(self, name: str, data: bytes) -> bool:
        """Writes atomically, but only if there is no such object; False if there is."""

    def delete(self, names: Iterable[str]) -> None:
        """Removes objects; those that are not there are no error."""

    def names(self, prefix: str) -> Iterator[str]:
        """Every name below the folder that begins with `prefix`, sorted."""


def fetch(store: ObjectStore, wanted: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
    """Names and bytes, in order and a few ahead; None for what has vanished."""
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
    """Whether the object is there with these bytes: created now, or by an earlier try whose answer got lost."""
    return store.create(name, data) or _found(store, name) == data


def _found(store: ObjectStore, name: str) -> bytes | None:
    try:
        return store.get(name)
    except SourceGone:
        return None
