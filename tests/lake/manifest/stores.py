"""Folders for manifests: in memory, one that dies in the middle, one that is shared with somebody else."""

from collections.abc import Callable, Iterable, Iterator
from threading import Lock

from anonymizer.errors import SourceGone


class MemoryStore:
    uri = "memory://manifest"

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def get(self, name: str) -> bytes:
        try:
            return self.objects[name]
        except KeyError:
            raise SourceGone from None

    def put(self, name: str, data: bytes) -> None:
        self.objects[name] = data

    def create(self, name: str, data: bytes) -> bool:
        return self.objects.setdefault(name, data) is data

    def delete(self, names: Iterable[str]) -> None:
        for name in names:
            self.objects.pop(name, None)

    def names(self, prefix: str) -> Iterator[str]:
        return iter(sorted(name for name in self.objects if name.startswith(prefix)))


class Crash(BaseException):
    """The process is gone: nothing catches this."""


class MortalStore(MemoryStore):
    """Dies at the operation with this number; a removed object counts as one operation each."""

    def __init__(self, dies_at: int) -> None:
        super().__init__()
        self.dies_at, self.operations, self._lock = dies_at, 0, Lock()

    def _operate(self) -> None:
        with self._lock:
            self.operations += 1
            if self.operations == self.dies_at:
                raise Crash

    def get(self, name: str) -> bytes:
        self._operate()
        return super().get(name)

    def put(self, name: str, data: bytes) -> None:
        self._operate()
        super().put(name, data)

    def create(self, name: str, data: bytes) -> bool:
        self._operate()
        return super().create(name, data)

    def delete(self, names: Iterable[str]) -> None:
        for name in names:
            self._operate()
            super().delete([name])

    def names(self, prefix: str) -> Iterator[str]:
        self._operate()
        return super().names(prefix)


class BusyStore(MemoryStore):
    """Somebody else acts right before each call of one method."""

    def __init__(self, method: str, act: Callable[["BusyStore"], None]) -> None:
        super().__init__()
        self._method, self._act, self.armed = method, act, False

    def _others(self, method: str) -> None:
        if self.armed and method == self._method:
            self.armed = False
            self._act(self)

    def get(self, name: str) -> bytes:
        self._others("get")
        return super().get(name)

    def names(self, prefix: str) -> Iterator[str]:
        found = list(super().names(prefix))
        self._others("names")
        return iter(found)
