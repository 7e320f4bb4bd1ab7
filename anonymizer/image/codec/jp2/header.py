"""What the headers of a JPEG 2000 file say of its picture (ISO/IEC 15444-1)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from anonymizer.errors import DecodeError
from anonymizer.image.codec.isobmff.boxes import Box, boxes

CODESTREAM = b"\xff\x4f\xff\x51"
"""How a codestream begins."""
START_OF_TILE = 0xFF90


@dataclass(frozen=True, slots=True)
class Header:
    """What counts of a source's headers.

    Attributes:
        size: Width and height.
        depths: Bits of each component.
        signed: Whether one has samples below 0.
        subsampled: Some components have fewer samples than others.
        space: Enumerated colour space; 0 = none.
        profile: ICC profile or None.
        palette: Samples are indices.
        gray_channel: Of gray with alpha the channel that is the gray.
    """

    size: tuple[int, int]
    depths: tuple[int, ...]
    signed: bool
    subsampled: bool
    space: int = 0
    profile: bytes | None = None
    palette: bool = False
    gray_channel: int = 0


def segments(data: bytes, at: int) -> Iterator[tuple[int, int, int]]:
    """(marker, start, end of its payload) of the main header from SOC on, the first tile's marker last.

    Raises:
        DecodeError: It never comes to a tile.
    """
    at += 2
    while at + 4 <= len(data):
        marker, length = struct.unpack_from(">HH", data, at)
        if marker < 0xFF00 or length < 2 or at + 2 + length > len(data):
            break
        yield marker, at + 4, at + 2 + length
        if marker == START_OF_TILE:
            return
        at += 2 + length
    raise DecodeError


def codestream_header(data: bytes, at: int) -> Header:
    """Size and components as SIZ tells them (A.5.1)."""
    if data[at : at + 4] != CODESTREAM:
        raise DecodeError
    x_end, y_end, x, y = struct.unpack_from(">4I", data, at + 8)
    (count,) = struct.unpack_from(">H", data, at + 40)
    if not 1 <= count <= 4:
        raise DecodeError
    components = [struct.unpack_from(">BBB", data, at + 42 + 3 * number) for number in range(count)]
    subsampled = any(component[1:] != (1, 1) for component in components)
    depths, signed = (
        tuple((told & 0x7F) + 1 for told, _, _ in components),
        any(told & 0x80 for told, _, _ in components),
    )
    return Header((x_end - x, y_end - y), depths, signed, subsampled)


def top_boxes(data: bytes) -> dict[bytes, Box]:
    """The first of each name."""
    return {box.name: box for box in reversed(list(boxes(data, 0, len(data))))}


def boxed_header(data: bytes) -> Header:
    """The codestream's header, with what the boxes say about colours; the first such box counts (I.5.3.3)."""
    top = top_boxes(data)
    if b"jp2h" not in top or b"jp2c" not in top:
        raise DecodeError
    found = codestream_header(data, top[b"jp2c"].start)
    header = list(boxes(data, top[b"jp2h"].start, top[b"jp2h"].end))
    palette = any(box.name == b"pclr" for box in header)
    space, profile = 0, None
    for box in header:
        if box.name == b"colr":
            method = data[box.start]
            if method == 1:
                (space,) = struct.unpack_from(">I", data, box.start + 3)
            elif method in (2, 3):
                profile = data[box.start + 3 : box.end]
            break
    roles = next((_roles(data[box.start : box.end]) for box in header if box.name == b"cdef"), {})
    return replace(found, space=space, profile=profile, palette=palette, gray_channel=int(roles.get(0, 0) != 0))


def _roles(payload: bytes) -> dict[int, int]:
    """Channel to what it is: 0 = a colour, else opacity or nothing known (I.5.3.6)."""
    (count,) = struct.unpack_from(">H", payload)
    told = (struct.unpack_from(">HHH", payload, 2 + 6 * number) for number in range(min(count, 4)))
    return {channel: role for channel, role, _ in told}
