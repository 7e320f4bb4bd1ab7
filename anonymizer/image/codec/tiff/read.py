"""Pages of a TIFF file as samples. Packed bytes are undone here or by libtiff; what they mean is decided here."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonymizer.errors import DecodeError
from anonymizer.image.codec.pixels import samples_of
from anonymizer.image.codec.tiff.page import (
    DEFLATE,
    OLD_DEFLATE,
    PALETTE,
    RAW,
    WHITE_IS_ZERO,
    Page,
)
from anonymizer.image.codec.tiff.segments import segment_rows
from anonymizer.image.codec.tiff.view import batches, stored_segments, unpacked_bytes, whole_page
from anonymizer.records import Pixels, Samples

_COLOR_MAP = 320
_UNPACKED_AT_ONCE = 2**22


@dataclass(frozen=True, slots=True)
class Stored:
    """Samples of a page as they are stored, not yet upright.

    Attributes:
        pixels: As `Frame.pixels`; colours that were multiplied by alpha are divided by it again.
        alpha: As `Frame.alpha`.
        whole: Nothing was rounded: written again, every sample is what it was.
    """

    pixels: Samples
    alpha: Samples | None
    whole: bool


def read_samples(page: Page) -> Stored:
    """Reads the samples of a page; see `anonymizer.image.codec.decode` for what it raises."""
    if not page.of_bytes:
        pixels, alpha = samples_of(whole_page(page))
        return Stored(pixels, alpha, whole=True)
    samples = _arranged(page, _samples(page, _unpacked(page)))
    colors = samples[..., : page.colors] if page.colors > 1 else samples[..., 0]
    alpha = None if page.alpha is None else _spread(samples[..., page.alpha], page.bits)
    whole = True
    if page.photometric == PALETTE:
        palette, whole = _palette(page)
        colors = palette[colors]
        alpha = None if alpha is None or alpha.dtype != np.uint8 else alpha
    else:
        colors = _spread(colors, page.bits)
    if page.photometric == WHITE_IS_ZERO:
        colors = np.iinfo(colors.dtype).max - colors
    if alpha is not None and page.associated:
        whole = whole and not bool((colors > (alpha if colors.ndim == 2 else alpha[..., None])).any())
        colors = divided(colors, alpha)
    return Stored(np.ascontiguousarray(colors), None if alpha is None else np.ascontiguousarray(alpha), whole)


def divided(colors: Samples, alpha: Samples) -> Samples:
    """Colours that were multiplied by alpha, without it; 0 where alpha is 0.

    `multiplied` gives back the very same samples, as long as none was greater than its alpha.
    """
    full = int(np.iinfo(colors.dtype).max)
    wide = np.maximum(alpha, 1).astype(np.uint32)
    wide = wide if colors.ndim == 2 else wide[..., None]
    straight = np.minimum((colors * np.uint32(full) + wide // 2) // wide, full)
    seen = alpha != 0
    return np.where(seen if colors.ndim == 2 else seen[..., None], straight, 0).astype(colors.dtype)


def multiplied(colors: Samples, alpha: Samples) -> Samples:
    """Colours multiplied by alpha, as TIFF's associated alpha wants them."""
    full = np.uint32(np.iinfo(colors.dtype).max)
    wide = alpha.astype(np.uint32)
    return ((colors * (wide if colors.ndim == 2 else wide[..., None]) + full // 2) // full).astype(colors.dtype)


def _unpacked(page: Page) -> Pixels:
    """(bytes,) of all segments, one behind the other."""
    rows = segment_rows(page)
    sizes = rows * page.row_bytes
    if page.compression == RAW and bool((page.offsets[1:] == page.offsets[:-1] + sizes[:-1]).all()):
        first, last = int(page.offsets[0]), int(page.offsets[-1] + sizes[-1])
        plain = np.frombuffer(page.directory.data, np.uint8, last - first, first)
        return _bit_reversed(plain) if page.reversed_bits else plain
    unpacked = np.empty(int(sizes.sum()), np.uint8)
    segments = list(stored_segments(page))
    at = 0
    for first, last in batches(sizes):
        part = _batch(page.compression, segments[first:last], int(rows[first]), page.row_bytes)
        unpacked[at : at + part.size] = part
        at += part.size
    return unpacked


def _batch(compression: int, segments: list[bytes], rows: int, row_bytes: int) -> Pixels:
    """(bytes,) of neighbouring segments of one size."""
    if compression == RAW:
        return np.frombuffer(b"".join(segments), np.uint8)
    if compression in (DEFLATE, OLD_DEFLATE):
        return np.frombuffer(b"".join(_inflated(segment, rows * row_bytes) for segment in segments), np.uint8)
    return unpacked_bytes(compression, segments, rows, row_bytes).reshape(-1)


def _inflated(segment: bytes, size: int) -> bytes:
    inflated = zlib.decompressobj().decompress(segment, size)
    if len(inflated) != size:
        raise DecodeError
    return inflated


def _bit_reversed(plain: Pixels) -> Pixels:
    return np.packbits(np.unpackbits(plain, bitorder="little"))


def _samples(page: Page, unpacked: Pixels) -> Samples:
    """(rows of all segments, width, channels) samples, uint8 or uint16, the predictor undone."""
    rows = unpacked.reshape(-1, page.row_bytes)
    if page.bits == 8:
        samples: Samples = rows
    elif page.bits == 16:
        samples = rows.view(page.directory.endian + "u2").astype(np.uint16)
    else:
        samples = _unpacked_bits(rows, page)
    samples = samples.reshape(len(rows), page.segment_width, -1)
    if page.predictor == 2:
        return np.cumsum(samples, axis=1, dtype=samples.dtype)
    return samples


def _unpacked_bits(rows: Pixels, page: Page) -> Samples:
    """(rows, samples) of samples that do not fill bytes; each row begins with a byte (TIFF 6.0, section 3)."""
    count = page.segment_width * (1 if page.planar else page.channels)
    weights = 1 << np.arange(page.bits - 1, -1, -1, dtype=np.uint16)
    samples = np.empty((len(rows), count), np.uint8 if page.bits < 8 else np.uint16)
    step = max(1, _UNPACKED_AT_ONCE // (count * page.bits))
    for first in range(0, len(rows), step):
        bits = np.unpackbits(rows[first : first + step], axis=1, count=count * page.bits)
        samples[first : first + step] = bits.reshape(-1, count, page.bits) @ weights
    return samples


def _arranged(page: Page, samples: Samples) -> Samples:
    """(H, W, channels): tiles and planes brought together."""
    channels = samples.shape[-1]
    if page.tiled:
        across, down = -(-page.width // page.segment_width), -(-page.height // page.segment_height)
        shape = page.planes, down, across, page.segment_height, page.segment_width, channels
        samples = samples.reshape(shape).swapaxes(2, 3)
        samples = samples.reshape(page.planes, down * page.segment_height, across * page.segment_width, channels)
    else:
        samples = samples.reshape(page.planes, page.height, page.width, channels)
    samples = samples[:, : page.height, : page.width]
    return np.moveaxis(samples[..., 0], 0, -1) if page.planar else samples[0]


def _spread(samples: Samples, bits: int) -> Samples:
    """Samples of any depth over the whole range of 8 or 16 bit."""
    if bits in (8, 16):
        return samples
    full = 255 if bits < 8 else 65535
    highest = 2**bits - 1
    levels = (np.arange(highest + 1, dtype=np.uint32) * full + highest // 2) // highest
    return np.take(levels.astype(np.uint8 if bits < 8 else np.uint16), samples)


def _palette(page: Page) -> tuple[Pixels, bool]:
    """(N, 3) RGB of the colour map, and whether eight bits hold all of it (TIFF 6.0, section 5)."""
    size = 2**page.bits
    values = page.directory.numbers(_COLOR_MAP, 3 * 2**16)
    if len(values) != 3 * size:
        raise DecodeError
    colors: NDArray[np.int64] = values.reshape(3, size).T
    # Some writers fill in 8-bit values; libtiff looks for them in the same way.
    if int(colors.max()) < 256:
        return colors.astype(np.uint8), True
    low, high = colors & 0xFF, colors >> 8
    return high.astype(np.uint8), bool(((low == 0) | (low == high)).all())
