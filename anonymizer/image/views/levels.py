"""Stretch the levels of pictures with a narrow range of tones to 8 bits ("auto levels"), so that faces become visible.

Cameras, scanners and microscopes write ten or twelve bits into 16-bit samples, photos are under- and overexposed, and
a lamp leaves the room around it dark. About a thousand sampled pixels decide whether a picture, or its dark or very
bright parts, need stretching.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonymizer.records import Mask, Pixels, Samples

#: Sampled points per axis, and tiles of points per axis.
POINTS, TILES = 32, 8

#: A picture that uses less than this share of its range is stretched. With a quarter of the range the detector still
#: finds all faces of `lfw`, with an eighth 70 %. None of 1,788 ordinary photos uses less (infra/docs/detection.md).
NARROW = 0.375

#: Width of the border, in points, that is left out when the inner part is examined: a frame or strips along two sides,
#: such as a scanner's glass or a margin.
BORDER = 6

#: If `MOST` of the points lie in a band of tones narrower than `CROWDED` of the range, that band is stretched too: the
#: rest may be strips or captions anywhere. True for five of 1,788 ordinary photos.
MOST, CROWDED = 0.75, 0.095

#: A tile is dark if at least `FULL_TILE` of its samples are below `DARK` times white, and overexposed if that many are
#: within that distance of white.
DARK, FULL_TILE = 0.095, 15 / 16

#: Dark or overexposed tiles are stretched if they are at least this share of an 8-bit or of a 16-bit picture; 16-bit
#: pictures hold much more detail in dark areas.
MUCH, MUCH_OF_DEEP = 0.5, 1 / 16

#: Share of samples ignored at each end of the range: a lamp or a scratch does not determine it.
TAIL = 0.01

#: Minimum number of sample values in a range; with fewer there is no picture, only a flat surface or noise.
LEAST_STEPS = 3

#: Maximum stretch of a channel relative to the channel with the widest range.
MOST_BESIDE = 4.0

#: If the median of a stretched picture is below `DIM_MIDDLE`, it is taken for linear light and gets an exponent that
#: brings the median to `WANTED_MIDDLE`, but not below `LEAST_EXPONENT`.
DIM_MIDDLE, WANTED_MIDDLE, LEAST_EXPONENT = 0.2, 0.4, 1 / 2.4

_EDGE = POINTS // TILES
_STEPS = np.arange(POINTS)
_WITHIN = np.pad(np.ones((POINTS - 2 * BORDER,) * 2, bool), BORDER).reshape(-1)


@dataclass(frozen=True, slots=True)
class Levels:
    """A tone curve from samples to 8 bits for each channel.

    Attributes:
        low: (C,) sample values that become black.
        high: (C,) sample values that become white, each greater than its `low`.
        exponent: Exponent of the curve in between.
        greatest: The samples' maximum, 255 or 65535.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    exponent: float
    greatest: int

    def apply(self, light: Samples) -> Pixels:
        """Applies the curve.

        Args:
            light: (H, W) or (H, W, 3) samples from `to_rgb`.
        """
        planes = light[..., None] if light.ndim == 2 else light
        result = np.empty(planes.shape, np.uint8)
        for channel, curve in enumerate(self._curves()):
            result[..., channel] = np.take(curve, planes[..., channel])
        return result.reshape(light.shape)

    def invert(self, pixels: Pixels) -> Samples:
        """The inverse of `apply` up to rounding: (..., C), or (...) for gray, to 16-bit samples."""
        shares = (np.arange(256) / 255) ** (1 / self.exponent)
        planes = pixels[..., None] if len(self.low) == 1 else pixels
        result = np.empty(planes.shape, np.uint16)
        for channel, (low, high) in enumerate(zip(self.low, self.high, strict=True)):
            curve = np.clip(np.rint(low + shares * (high - low)), 0, self.greatest).astype(np.uint16)
            result[..., channel] = np.take(curve, planes[..., channel])
        return result.reshape(pixels.shape)

    def _curves(self) -> Iterator[Pixels]:
        samples = np.arange(self.greatest + 1)
        for low, high in zip(self.low, self.high, strict=True):
            shares = np.clip((samples - low) / (high - low), 0, 1)
            yield np.rint(255 * shares**self.exponent).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Points:
    """Samples of a picture at a regular grid of points.

    Attributes:
        values: (C, POINTS * POINTS) samples, row by row.
        counted: (POINTS * POINTS,) bool, the points to use; None = all.
    """

    values: Samples
    counted: Mask | None = None

    @classmethod
    def of(cls, light: Samples, alpha: Samples | None = None, hidden: Mask | None = None) -> Points:
        """Samples a picture.

        Args:
            light: (H, W) or (H, W, C) samples.
            alpha: (H, W); fully transparent points are not used.
            hidden: (H, W) bool, points not to use.
        """
        rows, columns = (_STEPS * side // POINTS for side in light.shape[:2])

        def picked(plane: Samples | Mask) -> NDArray[Any]:
            # Two takes are several times as fast as indexing both axes at once.
            return np.asarray(plane.take(rows, axis=0).take(columns, axis=1).reshape(POINTS * POINTS, -1))

        masks = [] if alpha is None else [picked(alpha)[:, 0] != 0]
        masks += [] if hidden is None else [~picked(hidden)[:, 0]]
        return cls(np.ascontiguousarray(picked(light).T), np.logical_and.reduce(masks) if masks else None)

    @property
    def greatest(self) -> int:
        return int(np.iinfo(self.values.dtype).max)

    def chosen(self, part: Mask | None = None) -> Samples:
        """(C, N) the used samples; only those in `part`, (POINTS * POINTS,) bool, if given."""
        masks = [mask for mask in (self.counted, part) if mask is not None]
        return self.values[:, np.logical_and.reduce(masks)] if masks else self.values

    def used(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """(C,) minimum and maximum sample without the tails; None if no point is used."""
        return _used(self.chosen())


def levels_of(points: Points) -> Levels | None:
    """The stretch for a picture with a narrow range; None if its range is wide enough, or it is flat."""
    return next(_narrow(points), None)


def dim_levels(points: Points) -> Levels | None:
    """The linear stretch from 0 to the brightest sample of a dark 16-bit picture; None for other pictures.

    A dark 16-bit picture is typically one of fewer bits that is not dark. All channels have the same curve, so that a
    fill has the same tone relative to its surroundings as in a brighter picture.
    """
    used = points.used()
    if used is None or points.greatest == 255:
        return None
    white = float(used[1].max())
    if not LEAST_STEPS <= white < NARROW * points.greatest:
        return None
    return Levels(np.zeros_like(used[1]), np.full_like(used[1], white), 1.0, points.greatest)


def stretched(points: Points) -> Levels | None:
    """The stretch of a picture whatever its range; None if it is flat."""
    return levels_of(points) or _levels(points.chosen(), points.greatest)


def all_levels(points: Points) -> Iterator[Levels]:
    """All stretches of a picture: of a narrow range, and of its dark and overexposed parts; none for most photos."""
    found: list[Levels] = []
    for levels in chain(_narrow(points), (_levels(points.chosen(part), points.greatest) for part in _parts(points))):
        if levels is not None and not any(_alike(levels, other) for other in found):
            found.append(levels)
            yield levels


def _narrow(points: Points) -> Iterator[Levels]:
    """Stretches for narrow ranges: of the inner part, of the whole picture, and of the band with most of its tones."""
    for chosen in (points.chosen(_WITHIN), points.chosen()):
        used = _used(chosen)
        if used is not None and (used[1] - used[0]).max() < NARROW * points.greatest:
            levels = _levels(chosen, points.greatest)
            if levels is not None:
                yield levels
    crowd = _crowd(points)
    if crowd is not None:
        levels = _levels(points.chosen(crowd), points.greatest)
        if levels is not None:
            yield levels


def _crowd(points: Points) -> Mask | None:
    """(POINTS * POINTS,) bool, the points in or near the narrow band of tones that holds `MOST` of the picture."""
    ordered = np.sort(points.chosen(), axis=1, kind="stable")
    many = math.ceil(MOST * ordered.shape[1])
    if not many:
        return None
    apart = ordered[:, many - 1 :] - ordered[:, : ordered.shape[1] - many + 1]
    first = apart.argmin(axis=1)
    channels = np.arange(len(ordered))
    width = apart[channels, first].astype(np.int64)
    if not LEAST_STEPS <= width.max() < CROWDED * points.greatest:
        return None
    # Extended by its width on both sides: highlights and hair of a face are outside the band.
    low, high = ordered[channels, first] - width, ordered[channels, first + many - 1] + width
    return np.asarray(((points.values >= low[:, None]) & (points.values <= high[:, None])).all(axis=0))


def _parts(points: Points) -> Iterator[Mask]:
    """(POINTS * POINTS,) bool, the points in dark tiles and those in overexposed tiles, each if there are enough."""
    greatest = points.greatest
    limit, much = round(DARK * greatest), MUCH if greatest == 255 else MUCH_OF_DEEP
    for within in (points.values < limit, points.values > greatest - limit):
        # Unused (invisible) points do not decide.
        within = within if points.counted is None else within | ~points.counted
        # Quick rejection by single channels, which suffices for nearly every picture.
        least = much * FULL_TILE * within.shape[1]
        if any(np.count_nonzero(channel) < least for channel in within):
            continue
        tiles = (
            np.logical_and.reduce(within).reshape(TILES, _EDGE, TILES, _EDGE).swapaxes(1, 2).reshape(TILES * TILES, -1)
        )
        full = np.count_nonzero(tiles, axis=1) >= FULL_TILE * tiles.shape[1]
        if np.count_nonzero(full) >= much * full.size:
            yield full.reshape(TILES, TILES).repeat(_EDGE, axis=0).repeat(_EDGE, axis=1).reshape(-1)


def _used(chosen: Samples) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """(C,) minimum and maximum of (C, N) samples without the tails; None if there are no samples."""
    count = chosen.shape[1]
    if not count:
        return None
    tail = math.floor(TAIL * count)
    ordered = np.sort(chosen, axis=1, kind="stable")
    return ordered[:, tail].astype(np.float64), ordered[:, count - 1 - tail].astype(np.float64)


def _levels(chosen: Samples, greatest: int) -> Levels | None:
    used = _used(chosen)
    if used is None:
        return None
    low, high = used
    widest = float((high - low).max())
    if widest < LEAST_STEPS:
        return None
    high = np.maximum(high, low + widest / MOST_BESIDE)
    shares = np.clip((chosen - low[:, None]) / (high - low)[:, None], 0, 1)
    return Levels(low, high, _exponent(float(np.median(shares.max(axis=0)))), greatest)


def _exponent(middle: float) -> float:
    if middle >= DIM_MIDDLE:
        return 1.0
    return max(LEAST_EXPONENT, math.log(WANTED_MIDDLE) / math.log(max(middle, 1e-6)))


def _alike(one: Levels, other: Levels) -> bool:
    """Whether two stretches give nearly the same picture."""
    width = np.maximum(one.high - one.low, other.high - other.low)
    apart = np.maximum(np.abs(one.low - other.low), np.abs(one.high - other.high))
    return bool((apart < width / 4).all())
