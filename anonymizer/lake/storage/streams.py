"""Objects that are too large to be held whole: a file to read from, and a file to write to."""

from __future__ import annotations

import hashlib
import io
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Protocol, Self

from anonymizer.records import ImageRef

PIECE = 8 * 2**20
"""Bytes that are asked of the storage at once: at 100 MB/s they take 84 ms, about three times a request's latency."""


class Pieces(Protocol):
    """One version of an object, any part of it.

    Attributes:
        coding: How its bytes are coded (Content-Encoding), where the store says so; known once something was read.
    """

    coding: str

    def fetch(self, start: int, length: int) -> bytes:
        """Exactly these bytes of the listed version; an `ObjectError` otherwise. May be called by several threads."""

    def close(self) -> None:
        """Called once, after the last `fetch` has returned."""


class Source(io.BufferedIOBase):
    """A binary file over one version of an object; for one thread.

    It holds the piece that is being read, the one before it and those that are fetched ahead.

    Args:
        ref: As it was listed.
        pieces: Gives its parts; closed with this.
        piece: Size of a piece in bytes.
        ahead: See `Root.open_source`.

    Attributes:
        name: Key of the object.
        size: Its length in bytes.
    """

    def __init__(self, ref: ImageRef, pieces: Pieces, *, piece: int = PIECE, ahead: int = 1) -> None:
        super().__init__()
        self.name = ref.key
        self.size = ref.size
        self._pieces = pieces
        self._piece_size = piece
        self._ahead = ahead
        self._pool = ThreadPoolExecutor(max(ahead, 1), thread_name_prefix="read-ahead")
        self._held: dict[int, bytes | Future[bytes]] = {}
        self._last = -1
        self._position = 0

    @property
    def coding(self) -> str:
        """How the bytes are coded (Content-Encoding); empty: they are not, or nothing was read yet."""
        return self._pieces.coding

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves the position; behind the end nothing is read."""
        self._position = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence])
        return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        """Reads `size` bytes, or fewer at the end only; all that is left without a size.

        Raises:
            ObjectError: See `Root.read`.
        """
        end = self.size if size is None or size < 0 else min(self._position + size, self.size)
        return b"".join(self._parts(end))

    def read1(self, size: int = -1, /) -> bytes:
        return self.read(size)

    def _parts(self, end: int) -> Iterator[memoryview]:
        while self._position < end:
            number, start = divmod(self._position, self._piece_size)
            part = memoryview(self._piece(number))[start : start + end - self._position]
            self._position += len(part)
            yield part

    def _piece(self, number: int) -> bytes:
        in_order = number - self._last in (0, 1)
        ahead = range(number + 1, min(number + self._ahead, self._count - 1) + 1) if in_order else range(0)
        for other in self._held.keys() - {number, self._last, *ahead}:
            _cancel(self._held.pop(other))
        for other in ahead:
            if other not in self._held:
                self._held[other] = self._pool.submit(self._fetched, other)
        held = self._held.get(number)
        data = held.result() if isinstance(held, Future) else self._fetched(number) if held is None else held
        self._held[number], self._last = data, number
        return data

    @property
    def _count(self) -> int:
        return -(-self.size // self._piece_size)

    def _fetched(self, number: int) -> bytes:
        start = number * self._piece_size
        return self._pieces.fetch(start, min(self._piece_size, self.size - start))

    def close(self) -> None:
        """Ends what is being fetched."""
        if not self.closed:
            self._pool.shutdown(cancel_futures=True)
            self._held.clear()
            self._pieces.close()
        super().close()


def _cancel(held: bytes | Future[bytes]) -> None:
    if isinstance(held, Future):
        held.cancel()


class Stream(ABC):
    """A file that becomes an object when it is finished, and never before; a context manager, for one thread.

    Attributes:
        size: Bytes written so far.
    """

    def __init__(self) -> None:
        self.size = 0
        self._digest = hashlib.sha256()
        self._ended = False

    @property
    def sha256(self) -> str:
        """SHA-256 of what was written so far, in hexadecimal digits."""
        return self._digest.hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._ended:
            self._ended = True
            # Whatever ended the stream is the error to tell; what is left of it is swept later.
            with suppress(Exception):
                self._abort()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Appends bytes.

        Raises:
            AccessDenied, StorageUnavailable, StorageError: The storage did not take them.
            UnsafeKey, KeyCollision, NotARegularFile: The key cannot be written to.
        """
        self._digest.update(data)
        self.size += len(data)
        self._write(data)

    def finish(self) -> str:
        """Publishes what was written, once; see `Root.publish`.

        Returns:
            The new version.

        Raises:
            PublishConflict: Another version stands there.
            ObjectError: See `Root.publish`.
        """
        version = self._finish()
        self._ended = True
        return version

    @abstractmethod
    def _write(self, data: bytes | bytearray | memoryview) -> None: ...

    @abstractmethod
    def _finish(self) -> str: ...

    @abstractmethod
    def _abort(self) -> None:
        """Takes away what was written."""
