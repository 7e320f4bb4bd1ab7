"""Checks a zip archive that was written here, while it is written: entries in a row, and what repeats them."""

from __future__ import annotations

import struct
import zipfile
import zlib

from anonymizer.errors import ScrubCheckFailed
from anonymizer.shards.zipped.write import (
    ATTRIBUTES,
    CENTRAL,
    CENTRAL_MAGIC,
    DATE,
    END,
    END_64,
    END_64_MAGIC,
    END_MAGIC,
    LOCAL,
    LOCAL_MAGIC,
    LOCATOR_64,
    LOCATOR_64_MAGIC,
    MAX_16,
    MAX_32,
    UNIX,
    UTF8,
    VERSION,
    VERSION_64,
)

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class ZipChecker:
    """Walks an archive piece by piece."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._place = 0
        self._entries: list[tuple[bytes, int, int, int, int, int, int]] = []
        self._tail = bytearray()
        self._start: int | None = None

    def feed(self, data: bytes) -> None:
        """Takes the next bytes.

        Raises:
            ScrubCheckFailed: They are not those of such an archive.
        """
        if self._start is not None:
            self._tail += data
            return
        self._waiting += data
        while self._start is None and self._entry():
            pass

    def end(self) -> None:
        """Checks the central directory and the end.

        Raises:
            ScrubCheckFailed: They do not repeat the entries, or hold more.
        """
        if self._start is None:
            raise ScrubCheckFailed("the archive is incomplete")
        tail, place = bytes(self._tail), 0
        for name, *rest in self._entries:
            expected = _central(name, *rest)
            if tail[place : place + len(expected)] != expected:
                raise ScrubCheckFailed("a directory that does not repeat the entries")
            place += len(expected)
        if tail[place:] != _ending(len(self._entries), place, self._start):
            raise ScrubCheckFailed("something behind the directory")

    def _entry(self) -> bool:
        if len(self._waiting) < 4:
            return False
        if self._waiting[:4] != LOCAL_MAGIC:
            self._start, self._tail = self._place, self._waiting
            return False
        if len(self._waiting) < LOCAL.size:
            return False
        _, version, flags, method, time, date, crc, packed, size, name_bytes, extra = LOCAL.unpack(
            self._waiting[: LOCAL.size]
        )
        if (version, time, date, extra) != (VERSION, 0, DATE, 0) or flags & ~UTF8 or method not in _METHODS:
            raise ScrubCheckFailed("an entry with more than a name")
        whole = LOCAL.size + name_bytes + packed
        if len(self._waiting) < whole:
            return False
        name = bytes(self._waiting[LOCAL.size : LOCAL.size + name_bytes])
        _check_content(bytes(self._waiting[LOCAL.size + name_bytes : whole]), method, crc, size)
        self._entries.append((name, flags, method, crc, packed, size, self._place))
        del self._waiting[:whole]
        self._place += whole
        return True


def _check_content(data: bytes, method: int, crc: int, size: int) -> None:
    if method == zipfile.ZIP_DEFLATED:
        unpacker = zlib.decompressobj(wbits=-15)
        try:
            data = unpacker.decompress(data, size + 1)
        except zlib.error:
            raise ScrubCheckFailed("an entry that cannot be read") from None
        if not unpacker.eof or unpacker.unused_data:
            raise ScrubCheckFailed("something behind an entry")
    if len(data) != size or zlib.crc32(data) != crc:
        raise ScrubCheckFailed("an entry of another content")


def _central(name: bytes, flags: int, method: int, crc: int, packed: int, size: int, offset: int) -> bytes:
    extra = struct.pack("<2HQ", 1, 8, offset) if offset >= MAX_32 else b""
    version = VERSION_64 if extra else VERSION
    fields = (UNIX << 8 | version, version, flags, method, 0, DATE, crc, packed, size, len(name), len(extra))
    return CENTRAL.pack(CENTRAL_MAGIC, *fields, 0, 0, 0, ATTRIBUTES, min(offset, MAX_32)) + name + extra


def _ending(count: int, size: int, start: int) -> bytes:
    short = min(count, MAX_16)
    end = END.pack(END_MAGIC, 0, 0, short, short, min(size, MAX_32), min(start, MAX_32), 0)
    if count < MAX_16 and start < MAX_32 and size < MAX_32:
        return end
    far = END_64.pack(END_64_MAGIC, END_64.size - 12, VERSION_64, VERSION_64, 0, 0, count, count, size, start)
    return far + LOCATOR_64.pack(LOCATOR_64_MAGIC, 0, start + size, 1) + end
