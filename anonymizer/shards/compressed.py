"""Reads and writes archives behind gzip and Zstandard, as streams."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

import pyarrow as pa

from anonymizer.errors import ShardDamaged
from anonymizer.shards.contract import File

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_GZIP_FORMAT = 31
"""zlib's window bits for gzip with the largest window. Such a header has neither a time nor a name."""


@contextmanager
def reading(source: File, coding: str) -> Iterator[BinaryIO]:
    """Opens what lies behind a compression; several members or frames follow one another.

    Args:
        source: The compressed bytes.
        coding: `gzip`, `zstd` or empty.

    Raises:
        ShardDamaged: It is cut short or damaged, also while it is read.
    """
    try:
        if coding == "gzip":
            with gzip.GzipFile(fileobj=source) as file:
                yield cast("BinaryIO", file)
        elif coding == "zstd":
            with pa.CompressedInputStream(pa.PythonFile(_Source(source), mode="r"), "zstd") as stream:
                yield cast("BinaryIO", stream)
        else:
            yield cast("BinaryIO", source)
    except (EOFError, zlib.error, gzip.BadGzipFile, pa.ArrowException) as error:
        raise ShardDamaged from error
    except OSError as error:
        # Arrow's error for damage; errors of a storage are `StorageError`.
        if coding != "zstd":
            raise
        raise ShardDamaged from error


class Writer:
    """Compresses what is written, and hands it on.

    Args:
        sink: Takes the compressed bytes.
        coding: `gzip`, `zstd` or empty.
    """

    def __init__(self, sink: Callable[[bytes], None], coding: str) -> None:
        self._sink = sink
        self._gzip = zlib.compressobj(wbits=_GZIP_FORMAT) if coding == "gzip" else None
        self._target = _Target(sink)
        self._zstd = (
            pa.CompressedOutputStream(pa.PythonFile(self._target, mode="w"), "zstd") if coding == "zstd" else None
        )

    def write(self, data: bytes) -> None:
        """Writes the next bytes."""
        if self._gzip is not None:
            self._sink(self._gzip.compress(data))
        elif self._zstd is not None:
            self._zstd.write(data)
        else:
            self._sink(data)

    def close(self) -> None:
        """Writes what is left."""
        if self._gzip is not None:
            self._sink(self._gzip.flush())
        if self._zstd is not None:
            self._zstd.close()


class _Source(io.RawIOBase):
    """Reads a file that stays open, because Arrow closes what it reads."""

    def __init__(self, file: File) -> None:
        super().__init__()
        self._file = file

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)


class _Target(io.RawIOBase):
    def __init__(self, sink: Callable[[bytes], None]) -> None:
        super().__init__()
        self._take = sink
        self._place = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def write(self, data: object) -> int:
        piece = bytes(cast("bytes", data))
        self._place += len(piece)
        self._take(piece)
        return len(piece)
