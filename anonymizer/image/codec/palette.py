"""Frames as indices into a palette, where few enough colours are seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from anonymizer.records import Frame, Mask, Pixels

_Keys = NDArray[np.uint32]
"""Colours as numbers, alpha first: 0xAARRGGBB. Sorted, what is not opaque comes first, as PNG's tRNS likes it."""

_OPAQUE = np.uint32(0xFF000000)
_BAND_PIXELS = 2**18


@dataclass(frozen=True, slots=True)
class Indexed:
    """A frame by its colours.

    Attributes:
        indices: (H, W) uint8, below N.
        palette: (N, 4) uint8 RGBA, without repetition, each of them used, sorted by (A, R, G, B). Where A = 0, so are
            R, G and B.
    """

    indices: Pixels
    palette: Pixels


def to_palette(frame: Frame, limit: int = 256) -> Indexed | None:
    """Indices into the colours that a frame really uses: a function of its samples and its mask alone.

    Colours outside the mask stay as they are. Those that only the fill has get the entries that are left: all of them
    if they suffice, else as many as there are free ones (median cut), else the nearest opaque colours.

    Args:
        frame: Gray or RGB, uint8; not changed.
        limit: Entries that the palette may have, 1 to 256.

    Returns:
        None where a palette cannot hold it: 16 bit, CMYK, more colours outside the mask than `limit`, or no opaque
        entry for the fill.
    """
    if frame.pixels.dtype != np.uint8 or (frame.pixels.ndim == 3 and frame.pixels.shape[2] == 4):
        return None
    colors = fill = np.zeros(0, np.uint32)
    for _, keys, mask in _bands(frame):
        colors = np.union1d(colors, keys[~mask])
        fill = np.union1d(fill, keys[mask])
        if len(colors) > limit:
            return None
    fitted = _fitted(fill, colors, limit - len(colors))
    if fitted is None:
        return None
    palette = np.union1d(colors, fitted)
    indices = np.empty(frame.pixels.shape[:2], np.uint8)
    for rows, keys, mask in _bands(frame):
        keys[mask] = fitted[np.searchsorted(fill, keys[mask])]
        indices[rows] = np.searchsorted(palette, keys)
    return Indexed(indices, _channels(palette))


def _bands(frame: Frame) -> Iterator[tuple[slice, _Keys, Mask]]:
    """Rows, their colours (a new array) and their mask: a few at a time, since colours and places take memory."""
    step = max(1, _BAND_PIXELS // frame.width)
    for start in range(0, frame.height, step):
        rows = slice(start, start + step)
        band = Frame(frame.pixels[rows], None if frame.alpha is None else frame.alpha[rows])
        mask = np.zeros(band.pixels.shape[:2], np.bool_) if frame.redacted is None else frame.redacted[rows]
        yield rows, _keys(band), mask


def _keys(frame: Frame) -> _Keys:
    """(H, W), a new array; what is invisible has one colour."""
    if frame.pixels.ndim == 2:
        keys = frame.pixels.astype(np.uint32) * np.uint32(0x010101)
    else:
        red, green, blue = (frame.pixels[..., channel].astype(np.uint32) for channel in range(3))
        keys = (red << np.uint32(16)) | (green << np.uint32(8)) | blue
    if frame.alpha is None:
        return keys | _OPAQUE
    return np.where(frame.alpha == 0, np.uint32(0), keys | frame.alpha.astype(np.uint32) << 24)


def _channels(keys: _Keys) -> Pixels:
    """(N, 4) RGBA."""
    return np.stack([keys >> shift & 0xFF for shift in (16, 8, 0, 24)], axis=-1).astype(np.uint8)


def _fitted(fill: _Keys, colors: _Keys, free: int) -> _Keys | None:
    """What each of the fill's colours (N,) becomes: one that is there or one of at most `free` new ones.

    None if none will do.
    """
    added = np.setdiff1d(fill, colors)
    if len(added) <= free:
        return fill
    candidates = np.union1d(colors, _reduced(added, free)) if free else colors
    candidates = candidates[candidates >= _OPAQUE]
    if not len(candidates):
        return None
    return candidates[_nearest(_channels(fill), _channels(candidates))]


def _reduced(fill: _Keys, count: int) -> _Keys:
    """At most `count` opaque colours that stand for the fill's."""
    row = Image.fromarray(_channels(fill)[None, :, :3])
    palette = row.quantize(count, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).getpalette() or []
    red, green, blue = np.array(palette, np.uint32).reshape(-1, 3)[:count].T
    return np.unique(_OPAQUE | (red << np.uint32(16)) | (green << np.uint32(8)) | blue)


def _nearest(wanted: Pixels, candidates: Pixels) -> NDArray[np.intp]:
    """For each of (N, 4) colours the index of the candidate (M, 4) at the least squared distance."""
    best = np.zeros(len(wanted), np.intp)
    # In pieces: a fill has up to as many colours as pixels.
    for start in range(0, len(wanted), 4096):
        piece = wanted[start : start + 4096, None].astype(np.int32)
        best[start : start + 4096] = ((piece - candidates.astype(np.int32)) ** 2).sum(axis=2).argmin(axis=1)
    return best
