"""Classic TIFF of our own: a few tags in a fixed order, strips of deflate, and no byte that belongs to nothing.

A page is its directory, the values that do not fit into it in the order of their tags, and its strips, each part at an
even offset; the next page follows. `anonymizer.image.metadata.tiff` accepts nothing else.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np

from anonymizer.errors import EncodeError
from anonymizer.image.codec.palette import to_palette
from anonymizer.image.codec.tiff.read import multiplied
from anonymizer.records import Frame, Pixels, Samples

_SHORT, _LONG, _UNDEFINED = 3, 4, 7
_DEFLATE = 8
_BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK = 1, 2, 3, 5
_ASSOCIATED, _UNASSOCIATED = 1, 2
_HORIZONTAL = 2

_STRIP_BYTES = 2**18
# Differences of photos: a third of the time of level 6 for 4 % more bytes. What else there is, is soon done.
_LEVEL_OF_DIFFERENCES, _LEVEL = 3, 6
_MAX_FILE_BYTES = 2**32 - 1


@dataclass(frozen=True, slots=True)
class PageStyle:
    """What a page was, from its directory: what it is again if its samples allow it.

    Attributes:
        bilevel: One bit of gray.
        indexed: Colours by a palette.
        associated: Colours are stored multiplied by alpha.
    """

    bilevel: bool = False
    indexed: bool = False
    associated: bool = False


@dataclass(frozen=True, slots=True)
class _Layout:
    """Samples ready to be written.

    Attributes:
        rows: (H, W, C) uint8 or uint16; (H, bytes, 1) packed bits where `bits` is 1.
        colors: (256, 3) palette.
        extra: Kind of alpha, 0 = none.
    """

    rows: Samples
    width: int
    bits: int
    photometric: int
    colors: Pixels | None = None
    extra: int = 0


def written_page(frame: Frame, style: PageStyle, profile: bytes | None, at: int, *, last: bool) -> bytes:
    """One page as it stands at an offset of the file, the pointer to the next one included.

    Args:
        frame: Its samples; colours that `style` wants multiplied are so afterwards.
        style: What the source's page was.
        profile: ICC profile that is embedded.
        at: Even offset.
        last: No page follows.

    Raises:
        EncodeError: It would end beyond 4 GiB, or its samples are of another type.
    """
    layout = _layout(frame, style)
    strips, rows_per_strip = _strips(layout)
    height, channels = layout.rows.shape[0], layout.rows.shape[2]
    tags = [
        (256, _LONG, struct.pack("<I", layout.width)),
        (257, _LONG, struct.pack("<I", height)),
        (258, _SHORT, struct.pack("<H", layout.bits) * channels),
        (259, _SHORT, struct.pack("<H", _DEFLATE)),
        (262, _SHORT, struct.pack("<H", layout.photometric)),
        (273, _LONG, bytes(4 * len(strips))),
        (277, _SHORT, struct.pack("<H", channels)),
        (278, _LONG, struct.pack("<I", rows_per_strip)),
        (279, _LONG, struct.pack(f"<{len(strips)}I", *map(len, strips))),
        (284, _SHORT, struct.pack("<H", 1)),
    ]
    if _predicted(layout):
        tags.append((317, _SHORT, struct.pack("<H", _HORIZONTAL)))
    if layout.colors is not None:
        # Eight bits become sixteen so that 255 is the greatest value of both.
        tags.append((320, _SHORT, (layout.colors.T.astype("<u2") * 257).tobytes()))
    if layout.extra:
        tags.append((338, _SHORT, struct.pack("<H", layout.extra)))
    if profile is not None:
        tags.append((34675, _UNDEFINED, profile))
    return _assembled(tags, strips, at, last)


def _layout(frame: Frame, style: PageStyle) -> _Layout:
    pixels, bits = frame.pixels, 8 * frame.pixels.dtype.itemsize
    if pixels.dtype not in (np.uint8, np.uint16) or (frame.alpha is not None and frame.alpha.dtype != pixels.dtype):
        raise EncodeError
    if frame.alpha is None and style.bilevel and _is_bilevel(pixels):
        return _Layout(np.packbits(pixels == 255, axis=1)[..., None], frame.width, 1, _BLACK_IS_ZERO)
    if frame.alpha is None and style.indexed and (indexed := to_palette(frame)) is not None:
        colors = np.zeros((256, 3), np.uint8)
        colors[: len(indexed.palette)] = indexed.palette[:, :3]
        return _Layout(indexed.indices[..., None], frame.width, 8, _PALETTE, colors)
    photometric = _BLACK_IS_ZERO if pixels.ndim == 2 else {3: _RGB, 4: _CMYK}[pixels.shape[2]]
    if frame.alpha is None:
        return _Layout(pixels if pixels.ndim == 3 else pixels[..., None], frame.width, bits, photometric)
    if style.associated:
        pixels = multiplied(pixels, frame.alpha)
    extra = _ASSOCIATED if style.associated else _UNASSOCIATED
    return _Layout(np.dstack((pixels, frame.alpha)), frame.width, bits, photometric, extra=extra)


def _is_bilevel(pixels: Samples) -> bool:
    return pixels.ndim == 2 and pixels.dtype == np.uint8 and bool(((pixels == 0) | (pixels == 255)).all())


def _predicted(layout: _Layout) -> bool:
    """Neighbours are alike in pictures, but not in indices, and bits are not bytes."""
    return layout.bits >= 8 and layout.colors is None


def _strips(layout: _Layout) -> tuple[list[bytes], int]:
    """Packed strips and the rows of each."""
    height = layout.rows.shape[0]
    count = max(1, _STRIP_BYTES // (layout.rows.shape[1] * layout.rows.shape[2] * layout.rows.itemsize))
    count = min(count, height)
    return [_packed(layout, layout.rows[first : first + count]) for first in range(0, height, count)], count


def _packed(layout: _Layout, rows: Samples) -> bytes:
    if not _predicted(layout):
        return zlib.compress(rows.tobytes(), _LEVEL)
    differences = np.concatenate((rows[:, :1], np.diff(rows, axis=1)), axis=1)
    little_endian = differences.astype(rows.dtype.newbyteorder("<"), copy=False)
    return zlib.compress(little_endian.tobytes(), _LEVEL_OF_DIFFERENCES)


def _assembled(tags: list[tuple[int, int, bytes]], strips: list[bytes], at: int, last: bool) -> bytes:
    """Directory, values and strips; now that all sizes are known, the offsets are."""
    values_at = at + 2 + 12 * len(tags) + 4
    strips_at = values_at + sum(_even(len(value)) for _, _, value in tags if len(value) > 4)
    offsets = strips_at + np.cumsum([0, *map(len, strips)])
    end = _even(int(offsets[-1]))
    if end > _MAX_FILE_BYTES:
        raise EncodeError
    entries, values = [struct.pack("<H", len(tags))], list[bytes]()
    for tag, kind, content in tags:
        value = offsets[:-1].astype("<u4").tobytes() if tag == 273 else content
        inline = value.ljust(4, b"\0")
        if len(value) > 4:
            inline = struct.pack("<I", values_at)
            values.append(value + bytes(len(value) % 2))
            values_at += _even(len(value))
        entries.append(struct.pack("<HHI", tag, kind, len(value) // {_SHORT: 2, _LONG: 4}.get(kind, 1)) + inline)
    pointer = struct.pack("<I", 0 if last else end)
    return b"".join((*entries, pointer, *values, *strips, bytes(end - int(offsets[-1]))))


def _even(size: int) -> int:
    return size + size % 2
