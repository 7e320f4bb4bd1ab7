"""What "auto levels" makes of a picture that shows little as it is: the range that its samples use, over all of 8 bit.

Cameras, scanners and microscopes write ten or twelve bits into samples of sixteen, photos are under- and overexposed,
and a lamp does not light the room around it. A few thousand samples tell whether a picture is such a one: the whole
of it, or what lies in the dark or in glaring light.
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

#: Points of a picture that are looked at, each way, and the tiles that they lie in, each way.
POINTS, TILES = 32, 8

#: A picture that uses less than this share of its range is stretched: at a quarter the detector still finds all faces
#: of `lfw`, at an eighth seven in ten. Of 1,788 ordinary photos none uses less (infra/docs/detection.md).
NARROW = 0.375

#: A frame, or strips along two sides, is no further from the edge than this many points: the scanner's glass, a margin.
BORDER = 6

#: A picture is looked at in the tones that this share of it has, if they are nearer to each other than this share of
#: its range: strips and captions anywhere do not say what it shows either. Five of 1,788 ordinary photos are such.
MOST, CROWDED = 0.75, 0.095

#: A tile is dark if nearly nothing (all but one sample in sixteen) reaches this share of white, and glaring if nearly
#: nothing is further than that from white.
DARK, FULL_TILE = 0.095, 15 / 16

#: Such tiles are looked at if they are this share of a picture of 8 bit; deeper ones hold much more in the dark.
MUCH, MUCH_OF_DEEP = 0.5, 1 / 16

#: Shares of samples that lie below and above what is used: a lamp or a scratch does not say what a picture shows.
TAIL = 0.01

#: Steps of the file's own samples that make a picture; fewer are a surface, with noise perhaps.
LEAST_STEPS = 3

#: A channel is not stretched more than this many times as much as the one that uses most.
MOST_BESIDE = 4.0

#: Middle of a stretched picture below which it is taken for linear light or worse, and the exponents that may help.
DIM_MIDDLE, WANTED_MIDDLE, LEAST_EXPONENT = 0.2, 0.4, 1 / 2.4

_EDGE = POINTS // TILES
_STEPS = np.arange(POINTS)
_WITHIN = np.pad(np.ones((POINTS - 2 * BORDER,) * 2, bool), BORDER).reshape(-1)


@dataclass(frozen=True, slots=True)
class Levels:
    """A curve from samples to 8 bit for each channel.

    Attributes:
        low: (C,) samples that become black.
        high: (C,) samples that become white, each greater than its `low`.
        exponent: Of what lies between, as shares.
        greatest: The samples' greatest value, 255 or 65535.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    exponent: float
    greatest: int

    def seen(self, light: Samples) -> Pixels:
        """Stretched pixels.

        Args:
            light: (H, W) or (H, W, 3) samples, as `as_light` gives them.
        """
        planes = light[..., None] if light.ndim == 2 else light
        result = np.empty(planes.shape, np.uint8)
        for channel, curve in enumerate(self._curves()):
            result[..., channel] = np.take(curve, planes[..., channel])
        return result.reshape(light.shape)

    def stored(self, pixels: Pixels) -> Samples:
        """The inverse of `seen`, but for fineness: (..., C), or (...) of gray, to samples of 16 bit."""
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
    """A few samples of a picture, from all over it.

    Attributes:
        values: (C, POINTS * POINTS) samples, row by row.
        counted: (POINTS * POINTS,) which of them are to be looked at; None = all.
    """

    values: Samples
    counted: Mask | None = None

    @classmethod
    def of(cls, light: Samples, alpha: Samples | None = None, hidden: Mask | None = None) -> Points:
        """Of a picture.

        Args:
            light: (H, W) or (H, W, C).
            alpha: (H, W); what is invisible does not count.
            hidden: (H, W) what does not count either.
        """
        rows, columns = (_STEPS * side // POINTS for side in light.shape[:2])

        def picked(plane: Samples | Mask) -> NDArray[Any]:
            # Several times as fast as both at once.
            return np.asarray(plane.take(rows, axis=0).take(columns, axis=1).reshape(POINTS * POINTS, -1))

        masks = [] if alpha is None else [picked(alpha)[:, 0] != 0]
        masks += [] if hidden is None else [~picked(hidden)[:, 0]]
        return cls(np.ascontiguousarray(picked(light).T), np.logical_and.reduce(masks) if masks else None)

    @property
    def greatest(self) -> int:
        return int(np.iinfo(self.values.dtype).max)

    def chosen(self, part: Mask | None = None) -> Samples:
        """(C, N) samples that count; of a part, (POINTS * POINTS,), only."""
        masks = [mask for mask in (self.counted, part) if mask is not None]
        return self.values[:, np.logical_and.reduce(masks)] if masks else self.values

    def used(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """(C,) least and greatest samples but for the tails; None where none counts."""
        return _used(self.chosen())


def levels_of(points: Points) -> Levels | None:
    """How a picture is stretched that uses little of its range; None where it uses enough, or shows nothing."""
    return next(_narrow(points), None)


def dim_levels(points: Points) -> Levels | None:
    """From black to the brightest that a picture of 16 bit shows, if that is dark: as one of fewer bits it is not.

    One straight line for all channels, so that a fill has the tone that it has among brighter samples.
    """
    used = points.used()
    if used is None or points.greatest == 255:
        return None
    white = float(used[1].max())
    if not LEAST_STEPS <= white < NARROW * points.greatest:
        return None
    return Levels(np.zeros_like(used[1]), np.full_like(used[1], white), 1.0, points.greatest)


def stretched(points: Points) -> Levels | None:
    """How a picture is stretched whatever it uses; None where it shows nothing."""
    return levels_of(points) or _levels(points.chosen(), points.greatest)


def all_levels(points: Points) -> Iterator[Levels]:
    """The ways to stretch a picture that hardly any ordinary one has: most of it, or its dark and its glaring parts."""
    found: list[Levels] = []
    for levels in chain(_narrow(points), (_levels(points.chosen(part), points.greatest) for part in _parts(points))):
        if levels is not None and not any(_alike(levels, other) for other in found):
            found.append(levels)
            yield levels


def _narrow(points: Points) -> Iterator[Levels]:
    """Within a border, as a whole, and in the tones that most of it has: where little of the range is used so."""
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
    """(POINTS * POINTS,) what has about the tones that most of the picture has, if those are few but not one alone."""
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
    # As much again on both sides: a face's own highlights and its hair are not most of a picture.
    low, high = ordered[channels, first] - width, ordered[channels, first + many - 1] + width
    return np.asarray(((points.values >= low[:, None]) & (points.values <= high[:, None])).all(axis=0))


def _parts(points: Points) -> Iterator[Mask]:
    """(POINTS * POINTS,) what lies in dark tiles, and what lies in glaring ones, if that is much."""
    greatest = points.greatest
    limit, much = round(DARK * greatest), MUCH if greatest == 255 else MUCH_OF_DEEP
    for within in (points.values < limit, points.values > greatest - limit):
        # What nobody sees is neither.
        within = within if points.counted is None else within | ~points.counted
        # One channel tells of nearly every picture that it is not such a one.
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
    """(C,) least and greatest of (C, N) samples but for the tails; None where there is none."""
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
    """Whether two ways to stretch show about the same."""
    width = np.maximum(one.high - one.low, other.high - other.low)
    apart = np.maximum(np.abs(one.low - other.low), np.abs(one.high - other.high))
    return bool((apart < width / 4).all())
