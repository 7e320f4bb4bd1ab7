"""Writes zip archives as a stream: sizes stand in the headers, and nothing is there that entries do not need.

Source: APPNOTE.TXT 6.3.10, https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.7 and 4.3.12 to 4.3.16.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from anonymizer.shards.samples import Member

LOCAL = struct.Struct("<4s5H3I2H")
CENTRAL = struct.Struct("<4s6H3I5H2I")
END = struct.Struct("<4s4H2IH")
END_64 = struct.Struct("<4sQ2H2I4Q")
LOCATOR_64 = struct.Struct("<4sIQI")
LOCAL_MAGIC, CENTRAL_MAGIC, END_MAGIC = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
END_64_MAGIC, LOCATOR_64_MAGIC = b"PK\x06\x06", b"PK\x06\x07"
MAX_16, MAX_32 = 0xFFFF, 0xFFFFFFFF
VERSION, VERSION_64 = 20, 45
UNIX = 3
DATE = 1 << 5 | 1
"""1 January 1980, the earliest date of the format; the time is 0."""
ATTRIBUTES = 0o100644 << 16
"""A plain file that its owner may write and all may read."""
_RAW_DEFLATE = -15
UTF8 = 0x800


@dataclass(frozen=True)
class _Written:
    name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int


class ZipWriter:
    """Writes entries.

    Args:
        sink: Takes the bytes.
    """

    def __init__(self, sink: Callable[[bytes], None]) -> None:
        self._sink = sink
        self._place = 0
        self._entries: list[_Written] = []

    def add(self, member: Member, data: bytes) -> None:
        """Writes an entry with these bytes, stored if the source stored it, else deflated."""
        flags = member.form >> 16 & UTF8
        name = member.name.encode("utf-8" if flags else "cp437")
        method = zipfile.ZIP_STORED if member.form & MAX_16 == zipfile.ZIP_STORED else zipfile.ZIP_DEFLATED
        packed = _deflated(data) if method == zipfile.ZIP_DEFLATED else data
        entry = _Written(name, flags, method, zlib.crc32(data), len(packed), len(data), self._place)
        sizes = (entry.crc, entry.packed, entry.size)
        self._put(LOCAL.pack(LOCAL_MAGIC, VERSION, flags, method, 0, DATE, *sizes, len(name), 0))
        self._put(name)
        self._put(packed)
        self._entries.append(entry)

    def close(self) -> None:
        """Writes the central directory and the end."""
        start = self._place
        for entry in self._entries:
            self._put(_central(entry))
        size, count, end = self._place - start, len(self._entries), self._place
        if count >= MAX_16 or start >= MAX_32 or size >= MAX_32:
            self._put(
                END_64.pack(END_64_MAGIC, END_64.size - 12, VERSION_64, VERSION_64, 0, 0, count, count, size, start)
            )
            self._put(LOCATOR_64.pack(LOCATOR_64_MAGIC, 0, end, 1))
        short = min(count, MAX_16)
        self._put(END.pack(END_MAGIC, 0, 0, short, short, min(size, MAX_32), min(start, MAX_32), 0))

    def _put(self, data: bytes) -> None:
        self._place += len(data)
        self._sink(data)


def _central(entry: _Written) -> bytes:
    far = entry.offset >= MAX_32
    extra = struct.pack("<2HQ", 1, 8, entry.offset) if far else b""
    head = CENTRAL.pack(
        CENTRAL_MAGIC,
        UNIX << 8 | (VERSION_64 if far else VERSION),
        VERSION_64 if far else VERSION,
        entry.flags,
        entry.method,
        0,
        DATE,
        entry.crc,
        entry.packed,
        entry.size,
        len(entry.name),
        len(extra),
        0,
        0,
        0,
        ATTRIBUTES,
        MAX_32 if far else entry.offset,
    )
    return head + entry.name + extra


def _deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=_RAW_DEFLATE)
    return packer.compress(data) + packer.flush()
