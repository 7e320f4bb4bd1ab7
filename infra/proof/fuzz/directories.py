"""Find and mutate the entries of TIFF directories, also of EXIF blocks inside other containers."""

from __future__ import annotations

import struct
from random import Random
from typing import NamedTuple

_MAX_DIRECTORIES = 12
_MAX_ENTRIES = 60
_POINTERS = (0x014A, 0x8769, 0x8825, 0xA005)

ODD = (0, 1, 2, 3, 7, 8, 15, 16, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 2**24, 2**31 - 1)
"""Values at which programs go wrong."""

_TAGS: tuple[int, ...] = (
    256,
    257,
    258,
    259,
    262,
    266,
    273,
    274,
    277,
    278,
    279,
    284,
    317,
    320,
    322,
    323,
    324,
    325,
    330,
    338,
    339,
    347,
)
_TAGS += (529, 530, 700, 33723, 34377, 34665, 34675, 34853, 40965, 50706)


class Entry(NamedTuple):
    """Where a directory entry of twelve bytes lies, and where its block begins."""

    at: int
    origin: int
    endian: str


def entries(data: bytes) -> list[Entry]:
    """Entries of the first TIFF structure in the bytes, wherever it begins."""
    begins = [at for at in (data.find(b"II*\0"), data.find(b"MM\0*")) if at >= 0]
    if not begins:
        return []
    origin = min(begins)
    endian = "<" if data[origin : origin + 1] == b"I" else ">"
    pending = [_number(data, endian, origin + 4)]
    found, seen = list[Entry](), set[int]()
    while pending and len(seen) < _MAX_DIRECTORIES:
        start = origin + pending.pop()
        if start in seen or start + 2 > len(data) or start <= origin:
            continue
        seen.add(start)
        (count,) = struct.unpack_from(endian + "H", data, start)
        for at in range(start + 2, min(start + 2 + 12 * min(count, _MAX_ENTRIES), len(data) - 11), 12):
            found.append(Entry(at, origin, endian))
            if struct.unpack_from(endian + "H", data, at)[0] in _POINTERS:
                pending.append(_number(data, endian, at + 8))
        pending.append(_number(data, endian, start + 2 + 12 * count))
    return found


def bend_entry(rng: Random, data: bytes) -> bytes:
    """Another tag, type, count or value, a pointer back to the beginning, or two entries swapped."""
    found = entries(data)
    if not found:
        return data
    entry, other, bent = rng.choice(found), rng.choice(found), bytearray(data)
    what = rng.randrange(7)
    if what == 0:
        struct.pack_into(entry.endian + "H", bent, entry.at, rng.choice(_TAGS))
    elif what == 1:
        struct.pack_into(entry.endian + "H", bent, entry.at + 2, rng.randrange(20))
    elif what == 2:
        struct.pack_into(entry.endian + "I", bent, entry.at + 4, rng.choice(ODD))
    elif what == 3:
        struct.pack_into(entry.endian + "I", bent, entry.at + 8, rng.choice(ODD))
    elif what == 4:
        struct.pack_into(entry.endian + "H", bent, entry.at + 8, rng.randrange(70))
    elif what == 5:
        loop = max(other.at - entry.origin - 2, 0)
        struct.pack_into(entry.endian + "I", bent, entry.at + 8, loop)
    else:
        bent[entry.at : entry.at + 12] = data[other.at : other.at + 12]
    return bytes(bent)


def with_entry(data: bytes, tag: int, value: bytes) -> bytes:
    """A TIFF file whose first directory, moved to its end, has one more entry: text of that tag."""
    endian = "<" if data[:1] == b"I" else ">"
    start = _number(data, endian, 4)
    (count,) = struct.unpack_from(endian + "H", data, start)
    body = data[start + 2 : start + 2 + 12 * count]
    chain = data[start + 2 + 12 * count : start + 6 + 12 * count]
    place = len(data) + len(data) % 2
    added = struct.pack(endian + "HHII", tag, 2, len(value), place + 2 + 12 * (count + 1) + 4)
    rows: list[bytes] = [*(body[at : at + 12] for at in range(0, len(body), 12)), added]
    rows.sort(key=lambda row: int(struct.unpack_from(endian + "H", row)[0]))
    moved = struct.pack(endian + "H", count + 1) + b"".join(rows) + chain + value
    return data[:4] + struct.pack(endian + "I", place) + data[8:].ljust(place - 8, b"\0") + moved


def _number(data: bytes, endian: str, at: int) -> int:
    return int(struct.unpack_from(endian + "I", data, at)[0]) if 0 <= at <= len(data) - 4 else 0
