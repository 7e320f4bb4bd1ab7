"""PNG's outer structure: signature, header and chunks, read and written."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from anonymizer.errors import DecodeError

SIGNATURE = b"\x89PNG\r\n\x1a\n"

GRAY, RGB, PALETTE, GRAY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
CHANNELS = {GRAY: 1, RGB: 3, PALETTE: 1, GRAY_ALPHA: 2, RGB_ALPHA: 4}
"""Samples per pixel of each colour type (PNG, 11.2.1)."""

# The passes of an interlaced picture: first column and row, steps between columns and rows (PNG, 8.2).
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))

_MAX_CHUNKS = 500_000
_HEADER = struct.Struct(">IIBBBBB")
_ANIMATION = frozenset((b"acTL", b"fcTL", b"fdAT"))


class Chunk(NamedTuple):
    """One chunk of a file; `payload` is a view into it."""

    name: bytes
    payload: memoryview


@dataclass(frozen=True, slots=True)
class Header:
    """IHDR."""

    width: int
    height: int
    depth: int
    color_type: int
    interlaced: bool

    @property
    def payload(self) -> bytes:
        return _HEADER.pack(self.width, self.height, self.depth, self.color_type, 0, 0, self.interlaced)

    def stride(self, width: int) -> int:
        """Bytes of a row of `width` pixels, without its filter byte."""
        return (width * self.depth * CHANNELS[self.color_type] + 7) // 8

    def sizes(self) -> list[tuple[int, int]]:
        """(rows, bytes of each with its filter byte) of every pass that holds a pixel."""
        if not self.interlaced:
            return [(self.height, 1 + self.stride(self.width))]
        steps = [(-(-(self.height - y) // rows), -(-(self.width - x) // columns)) for x, y, columns, rows in _ADAM7]
        return [(rows, 1 + self.stride(columns)) for rows, columns in steps if rows > 0 and columns > 0]


def read_header(payload: memoryview) -> Header:
    """The header of a picture.

    Raises:
        DecodeError: A field holds what PNG does not know.
    """
    width, height, depth, color_type, compression, filtering, interlacing = _HEADER.unpack(payload)
    if compression or filtering or interlacing > 1 or color_type not in CHANNELS:
        raise DecodeError
    return Header(width, height, depth, color_type, bool(interlacing))


def read_chunks(data: bytes) -> Iterator[Chunk]:
    """Every chunk to IEND; what follows it is not part of the picture.

    Raises:
        DecodeError: The file ends before IEND, or a chunk with pixels or structure fails its checksum.
    """
    if not data.startswith(SIGNATURE):
        raise DecodeError
    view = memoryview(data)
    at = len(SIGNATURE)
    for _ in range(_MAX_CHUNKS):
        size, name = struct.unpack_from(">I4s", data, at)
        end = at + 12 + size
        if end > len(data):
            raise DecodeError
        payload = view[at + 8 : end - 4]
        needed = not name[0] & 0x20 or name in _ANIMATION
        if needed and zlib.crc32(payload, zlib.crc32(name)) != int.from_bytes(view[end - 4 : end], "big"):
            raise DecodeError
        yield Chunk(name, payload)
        if name == b"IEND":
            return
        at = end
    raise DecodeError


def chunk(name: bytes, *parts: bytes | memoryview) -> bytes:
    """One whole chunk, its payload in parts."""
    checksum = zlib.crc32(name)
    for part in parts:
        checksum = zlib.crc32(part, checksum)
    size = sum(len(part) for part in parts)
    return b"".join((struct.pack(">I", size), name, *parts, struct.pack(">I", checksum)))
