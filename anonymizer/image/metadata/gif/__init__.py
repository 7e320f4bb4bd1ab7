"""GIF: a screen, extensions and images up to the trailer (GIF89a specification)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anonymizer.errors import ScrubCheckFailed
from anonymizer.image.metadata.blocks import trailer_names, xmp_names
from anonymizer.image.metadata.gif.lzw import literals

_MAX_STEPS = 4_000_000
_MAX_XMP_BYTES = 2**20

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_PLAIN_TEXT, _GRAPHIC_CONTROL, _COMMENT, _APPLICATION = 0x01, 0xF9, 0xFE, 0xFF
_APPLICATION_NAMES: dict[bytes, str] = {b"XMP Data": "xmp", b"ICCRGBG1": "icc", b"C2PA_GIF": "c2pa"}
"""By identifier, the first eight bytes (XMP specification, part 3; ICC.1, annex B.6; C2PA, appendix A)."""

_LOOPING = (b"NETSCAPE2.0", b"ANIMEXTS1.0")

# No background but black, no aspect ratio, and a global palette of two black entries.
_OUR_SCREEN = struct.pack("<BBB6x", 0xF0, 0, 0)
_OUR_LOOP = b"!\xff\x0bNETSCAPE2.0\x03\x01"
_LOOP_BYTES = len(_OUR_LOOP) + 3
_OUR_CODE_BITS = 8


class Block(NamedTuple):
    """One block.

    Attributes:
        kind: Its first byte.
        label: Second byte of an extension, else 0.
        start: Offset of the first of its sub-blocks; the trailer has none.
        end: Offset of the first byte behind it.
    """

    kind: int
    label: int
    start: int
    end: int


def blocks(data: bytes) -> Iterator[Block]:
    """Walks from the screen to the trailer.

    Raises:
        IndexError: The file ends earlier.
        ValueError: It has more parts than are walked, or something that is no block.
    """
    at, steps = 13 + _palette_bytes(data[10]), 0
    while True:
        kind, label, begin = data[at], 0, at
        if kind == _TRAILER:
            yield Block(kind, label, at + 1, at + 1)
            return
        if kind == _EXTENSION:
            label, at = data[at + 1], at + 2
        elif kind == _IMAGE:
            at += 11 + _palette_bytes(data[at + 9])
        elif kind:
            raise ValueError
        start = at
        while data[at]:
            at, steps = at + 1 + data[at], steps + 1
        at, steps = at + 1, steps + 1
        if steps > _MAX_STEPS:
            raise ValueError
        yield Block(kind, label, start if kind else begin, at)


def inventory(data: bytes) -> Iterator[str]:
    """What a source carries; see `anonymizer.image.metadata.inventory`."""
    images, loops, end = 0, False, len(data)
    for block in blocks(data):
        end = block.end
        images += block.kind == _IMAGE
        if block.kind == 0:
            yield "gap"
        elif block.kind == _EXTENSION and block.label == _APPLICATION:
            name = data[block.start + 1 : block.start + 1 + data[block.start]]
            loops = loops or name in _LOOPING
            if name not in _LOOPING:
                yield from _application_names(name, data[block.start : min(block.end, block.start + _MAX_XMP_BYTES)])
        elif block.kind == _EXTENSION and block.label != _GRAPHIC_CONTROL:
            yield {_COMMENT: "comment", _PLAIN_TEXT: "gif.text"}.get(block.label, "chunk.other")
    if loops and images < 2:
        yield "animation"
    yield from trailer_names(data[end:])


def check(data: bytes, width: int, height: int, frame_count: int) -> None:
    """What we write: a loop or none, then control and image for each frame; see `anonymizer.image.metadata.check`."""
    if data[:19] != struct.pack("<6sHH", b"GIF89a", width, height) + _OUR_SCREEN:
        raise ScrubCheckFailed
    at = 19
    if frame_count > 1 and data.startswith(_OUR_LOOP, at):
        at += _LOOP_BYTES
        if data[at - 1]:
            raise ScrubCheckFailed
    for _ in range(frame_count):
        at = _check_frame(data, at, (width, height), is_still=frame_count == 1)
    if frame_count < 1 or data[at:] != bytes([_TRAILER]):
        raise ScrubCheckFailed


def _check_frame(data: bytes, at: int, size: tuple[int, int], *, is_still: bool) -> int:
    """Checks control and image at an offset; gives the offset behind them."""
    introducer, flags, delay_cs, transparent, ending = struct.unpack_from("<3sBHBB", data, at)
    # Only disposal 0 to 3 and the bit that there is a transparent index; no user input.
    if introducer != b"!\xf9\x04" or flags & 0b11110010 or ending:
        raise ScrubCheckFailed
    if is_still and (delay_cs or flags >> 2):
        raise ScrubCheckFailed
    kind, left, top, width, height, place_flags = struct.unpack_from("<BHHHHB", data, at + 8)
    inside = width > 0 and height > 0 and left + width <= size[0] and top + height <= size[1]
    if kind != _IMAGE or not inside or place_flags & 0xF8 != 0x80:
        raise ScrubCheckFailed
    at += 18
    palette = np.frombuffer(data[at : at + _palette_bytes(place_flags)], np.uint8).reshape(-1, 3)
    at += palette.size
    if data[at] != _OUR_CODE_BITS:
        raise ScrubCheckFailed
    packed, at = _joined(data, at + 1)
    used = literals(packed, width * height)
    # The transparent index stands behind the last colour, used or not.
    colors = used - {transparent} if flags & 1 else used
    if transparent != (len(colors) if flags & 1 else 0):
        raise ScrubCheckFailed
    _check_palette(palette, colors, len(colors) + (flags & 1))
    return at


def _joined(data: bytes, at: int) -> tuple[bytes, int]:
    """Payload of sub-blocks of which only the last may be short, and the offset behind their terminator."""
    payloads = []
    while data[at]:
        payloads.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    if any(len(payload) != 255 for payload in payloads[:-1]):
        raise ScrubCheckFailed
    return b"".join(payloads), at + 1


def _check_palette(palette: NDArray[np.uint8], used: frozenset[int], size: int) -> None:
    """Colours in descending order, each of them used, in as small a table as holds `size`; zeros behind them."""
    count = len(used)
    colors = palette.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
    fits = len(palette) == max(2, 1 << (size - 1).bit_length())
    descending = bool((np.diff(colors[:count]) < 0).all())
    if not fits or not descending or colors[count:].any() or used != frozenset(range(count)):
        raise ScrubCheckFailed


def _application_names(name: bytes, content: bytes) -> Iterator[str]:
    found = _APPLICATION_NAMES.get(name[:8], "gif.application")
    if found == "xmp":
        yield from xmp_names(content)
    else:
        yield found


def _palette_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0
