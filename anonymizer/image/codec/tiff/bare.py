"""Bare TIFF files for libtiff, which Pillow brings along: pieces of data, and one directory that says where they are.

Pillow and libtiff never get to see a source's own directories, nor anything that these would lead them to.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO

import numpy as np
from PIL.TiffImagePlugin import TiffImageFile

Tag = tuple[int, int, int, bytes]
"""Number, type, count and the values, little-endian."""

_SHORT, _LONG, _UNDEFINED, _FLOAT = 3, 4, 7, 11


def longs(tag: int, *values: int) -> Tag:
    """A tag of type LONG."""
    return tag, _LONG, len(values), struct.pack(f"<{len(values)}I", *values)


def shorts(tag: int, *values: int) -> Tag:
    """A tag of type SHORT."""
    return tag, _SHORT, len(values), struct.pack(f"<{len(values)}H", *values)


def floats(tag: int, values: Iterable[float]) -> Tag:
    """A tag of type FLOAT, which is what libtiff makes of fractions too."""
    numbers = np.array(list(values), "<f4")
    return tag, _FLOAT, len(numbers), numbers.tobytes()


def opaque(tag: int, content: bytes) -> Tag:
    """A tag of type UNDEFINED."""
    return tag, _UNDEFINED, len(content), content


def bare_file(tags: Sequence[Tag], pieces: Mapping[int, Sequence[bytes]]) -> bytes:
    """A file of pieces of data with the directory behind them.

    Args:
        tags: Those of the directory, in any order.
        pieces: Tag to what its offsets lead to. A piece that is there twice is stored once; an empty one is at 0.
    """
    places: dict[bytes, int] = {b"": 0}
    parts, at, pointers = list[bytes](), 8, list[Tag]()
    for tag, contents in pieces.items():
        for content in contents:
            if content not in places:
                places[content] = at
                parts.append(content)
                at += len(content)
        pointers.append(longs(tag, *(places[content] for content in contents)))
    return b"".join((b"II*\0", struct.pack("<I", at), *parts, _directory([*tags, *pointers], at)))


def opened(data: bytes) -> TiffImageFile:
    """A bare file as Pillow sees it, nothing of it decoded yet."""
    return TiffImageFile(BytesIO(data))


def _directory(tags: list[Tag], at: int) -> bytes:
    """The directory that stands at an offset, and its values behind it."""
    values_at = at + 2 + 12 * len(tags) + 4
    entries, values = [struct.pack("<H", len(tags))], b""
    for tag, kind, count, value in sorted(tags):
        inline = value.ljust(4, b"\0")
        if len(value) > 4:
            inline = struct.pack("<I", values_at + len(values))
            values += value
        entries.append(struct.pack("<HHI", tag, kind, count) + inline)
    return b"".join((*entries, bytes(4), values))
