"""TIFF files of any layout, made in code tag by tag."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

BYTE, ASCII, SHORT, LONG, RATIONAL, SBYTE, UNDEFINED, SSHORT, SLONG, SRATIONAL, FLOAT, DOUBLE, IFD = range(1, 14)
LONG8, SLONG8, IFD8 = 16, 17, 18
INTEGERS = (BYTE, SHORT, LONG, SBYTE, SSHORT, SLONG, IFD, LONG8, SLONG8, IFD8)
_SIZES = {99: 1, ASCII: 1, UNDEFINED: 1, RATIONAL: 8, SRATIONAL: 8}
_LETTERS = {
    BYTE: "B", SHORT: "H", LONG: "I", RATIONAL: "I", SBYTE: "b", SSHORT: "h", SLONG: "i", SRATIONAL: "i", FLOAT: "f",
    DOUBLE: "d", IFD: "I", LONG8: "Q", SLONG8: "q", IFD8: "Q",
}  # fmt: skip

Values = tuple[float, ...] | bytes


def of_type(kind: int, *values: float) -> tuple[int, Values]:
    """Type and values of a tag; fractions as ten thousandths, whole types without what is behind the point."""
    if kind in (RATIONAL, SRATIONAL):
        return kind, tuple(number for value in values for number in (round(value * 10_000), 10_000))
    return kind, values if kind in (FLOAT, DOUBLE) else tuple(int(value) for value in values)


@dataclass
class Made:
    """One directory: tag → (type, values), its packed segments, the directories below it, and data of other tags."""

    tags: dict[int, tuple[int, Values]]
    segments: list[bytes] = field(default_factory=list)
    children: list[Made] = field(default_factory=list)
    pieces: dict[int, list[bytes]] = field(default_factory=dict)


def page(
    rows: NDArray[Any], photometric: int, *, bits: int = 8, tags: Mapping[int, tuple[int, Values]] | None = None
) -> Made:
    """A page of one unpacked strip. `rows`: (H, W, C) or (H, W), of the byte order that the file will have."""
    channels = 1 if rows.ndim == 2 else rows.shape[2]
    return Made(
        {
            256: (LONG, (rows.shape[1],)),
            257: (LONG, (rows.shape[0],)),
            258: (SHORT, (bits,) * channels),
            259: (SHORT, (1,)),
            262: (SHORT, (photometric,)),
            277: (SHORT, (channels,)),
            278: (LONG, (rows.shape[0],)),
            **(tags or {}),
        },
        [rows.tobytes()],
    )


def tiled(rows: NDArray[Any], photometric: int, size: int, *, bits: int = 8, planar: bool = False) -> Made:
    """A page of deflated tiles, `size` pixels wide and high, padded with 77."""
    made = page(rows, photometric, bits=bits)
    height, width, channels = rows.shape
    padded = np.full((-(-height // size) * size, -(-width // size) * size, channels), 77, rows.dtype)
    padded[:height, :width] = rows
    planes = np.split(padded, channels, axis=2) if planar else [padded]
    made.segments = [
        zlib.compress(plane[y : y + size, x : x + size].tobytes())
        for plane in planes
        for y in range(0, padded.shape[0], size)
        for x in range(0, padded.shape[1], size)
    ]
    del made.tags[278]
    made.tags |= {322: (LONG, (size,)), 323: (LONG, (size,)), 259: (SHORT, (8,)), 284: (SHORT, (2 if planar else 1,))}
    return made


def packed_bits(samples: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """(H, bytes) rows of samples of any depth, each row from a new byte on."""
    shifts = np.arange(bits - 1, -1, -1)
    return np.packbits((samples[..., None] >> shifts & 1).astype(np.uint8).reshape(len(samples), -1), axis=1)


def shared(ycc: NDArray[Any], wide: int, high: int) -> tuple[bytes, NDArray[Any]]:
    """Data units of blocks of pixels that share the colour of their first one, and the picture that this makes."""
    height, width = ycc.shape[:2]
    padded = np.pad(ycc, ((0, -height % high), (0, -width % wide), (0, 0)), mode="edge")
    down, across = padded.shape[0] // high, padded.shape[1] // wide
    luma = padded[..., 0].reshape(down, high, across, wide).swapaxes(1, 2).reshape(down, across, -1)
    chroma = padded[::high, ::wide, 1:]
    spread = chroma.repeat(high, axis=0).repeat(wide, axis=1)[:height, :width]
    return np.concatenate((luma, chroma), axis=2).tobytes(), np.dstack((ycc[..., 0], spread))


def tiff_of(*pages: Made, order: str = "<", big: bool = False) -> bytes:
    """A file of a chain of pages."""
    file = bytearray((b"II" if order == "<" else b"MM") + struct.pack(order + ("HHHQ" if big else "HI"), *_head(big)))
    pointer_at = len(file) - (8 if big else 4)
    for made in pages:
        at, next_at = _append(file, made, order, big)
        struct.pack_into(order + ("Q" if big else "I"), file, pointer_at, at)
        pointer_at = next_at
    return bytes(file)


def _head(big: bool) -> tuple[int, ...]:
    return (43, 8, 0, 0) if big else (42, 0)


def _append(file: bytearray, made: Made, order: str, big: bool) -> tuple[int, int]:
    """Writes segments, children, values and directory; offsets of the directory and of its pointer."""
    tags = dict(made.tags)
    offsets = []
    for segment in made.segments:
        offsets.append(len(file))
        file += segment
    if made.segments:
        is_tiled = 322 in tags
        tags.setdefault(324 if is_tiled else 273, (LONG, tuple(offsets)))
        tags.setdefault(325 if is_tiled else 279, (LONG, tuple(map(len, made.segments))))
    for tag, contents in made.pieces.items():
        places = []
        for content in contents:
            places.append(len(file))
            file += content
        tags[tag] = (LONG, tuple(places))
    if made.children:
        tags[330] = (IFD, tuple(_append(file, child, order, big)[0] for child in made.children))
    entries = []
    inline = 8 if big else 4
    for tag, (kind, values) in sorted(tags.items()):
        raw = values if isinstance(values, bytes) else struct.pack(f"{order}{len(values)}{_LETTERS[kind]}", *values)
        count = len(raw) // (_SIZES.get(kind) or struct.calcsize(_LETTERS[kind]))
        if len(raw) > inline:
            place = struct.pack(order + ("Q" if big else "I"), len(file))
            file += raw
        else:
            place = raw.ljust(inline, b"\0")
        entries.append(struct.pack(order + ("HHQ" if big else "HHI"), tag, kind, count) + place)
    at = len(file)
    file += struct.pack(order + ("Q" if big else "H"), len(entries)) + b"".join(entries)
    file += bytes(inline)
    return at, len(file) - inline
