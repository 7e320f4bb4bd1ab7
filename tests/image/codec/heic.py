"""A writer of tiny HEIC files: HEVC whose blocks hold their samples as they are (PCM), so that tests are exact.

Nothing here is fast or small; it exists because no encoder of HEVC can be installed with the project.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Range of the less probable symbol when the range is 448 and more (H.265, table 9-52, last column), by state.
_LESS_PROBABLE = (
    240, 227, 216, 205, 195, 185, 175, 166, 158, 150, 142, 135, 128, 122, 116, 110, 104, 99, 94, 89, 85, 80, 76, 72,
    69, 65, 62, 59, 56, 53, 50, 48, 45, 43, 41, 39, 37, 35, 33, 31, 30, 28, 27, 25, 24, 23, 22, 21, 20, 19, 18, 17,
    16, 15, 14, 14, 13, 12, 12, 11, 11, 10, 9,
)  # fmt: skip
_BLOCK = 16
_ESSENTIAL = (b"hvcC", b"av1C", b"irot", b"imir", b"clap")
_IDENTITY = struct.pack(">4sHHHB", b"nclx", 1, 13, 0, 0x80)
ALPHA = b"\0\0\0\0urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0"


class _Bits:
    """Bits in the order in which they are written."""

    def __init__(self) -> None:
        self.text: list[str] = []

    def u(self, count: int, value: int) -> _Bits:
        self.text.append(f"{value:0{count}b}" if count else "")
        return self

    def ue(self, *values: int) -> _Bits:
        for value in values:
            code = f"{value + 1:b}"
            self.text.append("0" * (len(code) - 1) + code)
        return self

    def align(self) -> _Bits:
        joined = "".join(self.text)
        self.text = [joined, "0" * (-len(joined) % 8)]
        return self

    def stop(self) -> _Bits:
        """The bit that ends a header or a unit."""
        return self.u(1, 1).align()

    def raw(self) -> bytes:
        joined = "".join(self.text)
        return int(joined, 2).to_bytes(len(joined) // 8, "big")


def _unit(kind: int, payload: bytes) -> bytes:
    """A NAL unit, with a 3 between two zeros and whatever could be taken for a start code."""
    escaped, zeros = bytearray([kind << 1, 1]), 0
    for byte in payload:
        if zeros >= 2 and byte <= 3:
            escaped.append(3)
            zeros = 0
        escaped.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(escaped)


def _profile(bits: _Bits) -> None:
    """Format range extensions, level 3.1."""
    bits.u(8, 4).u(32, 1 << 27).u(48, 0b1011 << 44).u(8, 93)


def _parameter_sets(width: int, height: int, depth: int, chroma: int) -> tuple[bytes, bytes, bytes]:
    video = _Bits().u(4, 0).u(2, 3).u(6, 0).u(3, 0).u(1, 1).u(16, 0xFFFF)
    _profile(video)
    video.u(1, 1).ue(0, 0, 0).u(6, 0).ue(0).u(2, 0)
    sequence = _Bits().u(4, 0).u(3, 0).u(1, 1)
    _profile(sequence)
    sequence.ue(0, chroma)
    if chroma == 3:
        sequence.u(1, 0)
    stored = [-(-side // _BLOCK) * _BLOCK for side in (width, height)]
    sequence.ue(*stored).u(1, 1).ue(0, stored[0] - width, 0, stored[1] - height)
    sequence.ue(depth - 8, depth - 8, 0).u(1, 1).ue(0, 0, 0)
    # Coding blocks of 16 and nothing else, transforms of 4 to 16; no scaling list, no asymmetry, no offsets; PCM.
    sequence.ue(1, 0, 0, 2, 0, 0).u(3, 0).u(1, 1).u(4, depth - 1).u(4, depth - 1).ue(1, 0).u(1, 1)
    sequence.ue(0).u(5, 0)
    # No tool at all; deblocking is off.
    picture = _Bits().ue(0, 0).u(7, 0).ue(0, 0).ue(0).u(3, 0).ue(0, 0).u(7, 0).u(3, 0b101).u(2, 0).ue(0).u(2, 0)
    return _unit(32, video.stop().raw()), _unit(33, sequence.stop().raw()), _unit(34, picture.stop().raw())


def _slice(planes: list[NDArray[Any]], depth: int) -> bytes:
    """One intra slice; each block: not split, samples follow."""
    bits = _Bits().u(1, 1).u(1, 0).ue(0, 2).ue(0).stop()
    rows, columns = (side // _BLOCK for side in planes[0].shape)
    state, low, range_ = 0, 0, 510
    for number in range(rows * columns):
        y, x = number // columns * _BLOCK, number % columns * _BLOCK
        # The more probable symbol of one context, then the end that comes before raw samples.
        range_ -= _LESS_PROBABLE[state] + 2
        state = min(62, state + 1)
        _flush(bits, low + range_)
        for plane in planes:
            for value in plane[y : y + _BLOCK, x : x + _BLOCK].ravel().tolist():
                bits.u(depth, value)
        low, range_ = 0, 508
    _flush(bits, low + range_)
    return _unit(19, bits.raw())


def _flush(bits: _Bits, low: int) -> None:
    """Ends the arithmetic code (H.265, 9.3.4.6): the last bit of the nine is a one, zeros follow."""
    bits.u(8, low >> 1).stop()


def _coded(planes: list[NDArray[Any]], depth: int) -> tuple[bytes, bytes]:
    """Payload of `hvcC`, and the coded picture.

    Args:
        planes: (H, W) each; one (gray) or three of one size.
        depth: Bits of a sample.
    """
    height, width = planes[0].shape
    chroma = 3 if len(planes) == 3 else 0
    sets = _parameter_sets(width, height, depth, chroma)
    padded = [np.pad(plane, ((0, -height % _BLOCK), (0, -width % _BLOCK)), mode="edge") for plane in planes]
    config = b"\1\4" + struct.pack(">I", 1 << 27) + (0b1011 << 44).to_bytes(6, "big") + b"\x5d\xf0\0\xfc"
    config += bytes([0xFC | chroma, 0xF8 | depth - 8, 0xF8 | depth - 8, 0, 0, 0x0F, len(sets)])
    for unit in sets:
        config += struct.pack(">BHH", 0x80 | unit[0] >> 1, 1, len(unit)) + unit
    unit = _slice(padded, depth)
    return config, struct.pack(">I", len(unit)) + unit


@dataclass(frozen=True)
class Item:
    """One item: its kind, what it holds, its properties, and (kind of reference, item) pairs."""

    kind: bytes
    payload: bytes
    properties: tuple[bytes, ...] = ()
    links: tuple[tuple[bytes, int], ...] = ()
    text: bytes = b"\0"


def box(name: bytes, *parts: bytes) -> bytes:
    """One box."""
    return struct.pack(">I4s", 8 + sum(map(len, parts)), name) + b"".join(parts)


def aperture(width: int, height: int, across: int | tuple[int, int], down: int | tuple[int, int]) -> bytes:
    """A clean aperture, its middle so far from the picture's: whole pixels, or (numerator, denominator)."""
    offsets = [side if isinstance(side, tuple) else (side, 1) for side in (across, down)]
    return box(b"clap", struct.pack(">IIIIiIiI", width, 1, height, 1, *offsets[0], *offsets[1]))


def picture(
    pixels: NDArray[Any], *properties: bytes, depth: int = 8, links: tuple[tuple[bytes, int], ...] = ()
) -> Item:
    """A coded picture.

    Args:
        pixels: (H, W) or (H, W, 3).
        properties: Boxes beside size, configuration and colours.
        depth: Bits of a sample.
        links: Its references.
    """
    # The identity matrix: green, blue, red.
    planes = [pixels] if pixels.ndim == 2 else [pixels[..., channel] for channel in (1, 2, 0)]
    config, payload = _coded(planes, depth)
    size = box(b"ispe", bytes(4), struct.pack(">II", pixels.shape[1], pixels.shape[0]))
    bits = box(b"pixi", bytes(4), bytes([len(planes), *[depth] * len(planes)]))
    colors = () if any(part[4:8] == b"colr" for part in properties) else (box(b"colr", _IDENTITY),)
    return Item(b"hvc1", payload, (size, bits, box(b"hvcC", config), *colors, *properties), links)


def alpha(samples: NDArray[Any], of: int, depth: int = 8) -> Item:
    """The alpha of another item."""
    return picture(samples, box(b"auxC", ALPHA), depth=depth, links=((b"auxl", of),))


def heic(
    *items: Item,
    primary: int = 1,
    brands: bytes = b"heicmif1",
    extra: bytes = b"",
    data_first: bool = False,
    in_meta: bool = False,
) -> bytes:
    """A file of items, numbered from 1.

    Args:
        items: Their bytes follow one another in this order.
        primary: Number of the picture that is shown.
        brands: The first is the major one.
        extra: Boxes at its end.
        data_first: The items' bytes come before the box that tells of them.
        in_meta: They are in that box (`idat`).
    """
    kind = box(b"ftyp", brands[:4], bytes(4), brands)
    data = box(b"mdat", *(item.payload for item in items))
    if in_meta:
        return kind + _meta(items, primary, 0, in_meta=True) + extra
    if data_first:
        return kind + data + _meta(items, primary, len(kind) + 8) + extra
    first = len(kind) + len(_meta(items, primary, 0)) + 8
    return kind + _meta(items, primary, first) + data + extra


def _meta(items: tuple[Item, ...], primary: int, at: int, *, in_meta: bool = False) -> bytes:
    entries, places, references = [], [], []
    store: list[bytes] = []
    links = []
    for number, item in enumerate(items, 1):
        entries.append(box(b"infe", b"\2\0\0\0", struct.pack(">HH4s", number, 0, item.kind), item.text))
        method = struct.pack(">H", 1) if in_meta else b""
        places.append(struct.pack(">H", number) + method + struct.pack(">HHII", 0, 1, at, len(item.payload)))
        at += len(item.payload)
        for kind in dict(item.links):
            targets = [target for other, target in item.links if other == kind]
            references.append(box(kind, struct.pack(f">HH{len(targets)}H", number, len(targets), *targets)))
        # The upper bit: a reader has to understand the property.
        indices = [n | 0x80 * (part[4:8] in _ESSENTIAL) for n, part in enumerate(item.properties, len(store) + 1)]
        store += item.properties
        links.append(struct.pack(">HB", number, len(indices)) + bytes(indices))
    count = struct.pack(">H", len(items))
    return box(
        b"meta",
        bytes(4),
        box(b"hdlr", bytes(8), b"pict", bytes(13)),
        box(b"pitm", bytes(4), struct.pack(">H", primary)),
        box(b"iinf", bytes(4), count, *entries),
        box(b"iref", bytes(4), *references),
        box(b"iprp", box(b"ipco", *store), box(b"ipma", bytes(4), struct.pack(">I", len(links)), *links)),
        box(b"iloc", bytes([in_meta, 0, 0, 0]), b"\x44\0", count, *places),
        *([box(b"idat", *(item.payload for item in items))] if in_meta else []),
    )
