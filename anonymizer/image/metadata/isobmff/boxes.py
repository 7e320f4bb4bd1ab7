"""The boxes of a hostile file; JPEG 2000 has the same ones (ISO/IEC 14496-12, 4.2; 15444-1, I.4)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

_MAX_BOXES = 5_000


class Box(NamedTuple):
    """One box: its name and where its payload begins and ends."""

    name: bytes
    start: int
    end: int


def boxes(data: bytes, start: int, end: int) -> Iterator[Box]:
    """The boxes in a range; ends early where they do not add up."""
    for _ in range(_MAX_BOXES):
        if start + 8 > end:
            return
        size, name = struct.unpack_from(">I4s", data, start)
        header = 16 if size == 1 and start + 16 <= end else 8
        if header == 16:
            (size,) = struct.unpack_from(">Q", data, start + 8)
        size = size or end - start
        if size < header or size > end - start:
            return
        yield Box(name, start + header, start + size)
        start += size
