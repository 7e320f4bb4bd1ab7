"""Draw the soft ovals of `smooth`, one in each box: all pixels of all of them in a few calls."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anonymizer.image.redactors.clusters import Cluster

Floats = NDArray[np.float32]

#: The oval's half axes relative to the padded box's half sides, and its vertical offset relative to the box's height:
#: the position of a face within a head.
OVAL = (0.66, 0.76)
OVAL_DOWN = 0.04
#: Distances from the centre, in half axes, at which the oval starts to fade and ends; opacity at the centre.
OVAL_FADE = (0.35, 1.25)
OVAL_OPACITY = 0.9


def ovals(cluster: Cluster, zoom: float, shape: tuple[int, int]) -> Floats:
    """Opacity of a soft oval in every box; where ovals overlap, the more opaque one counts.

    Args:
        cluster: Its boxes, and the crop whose corner is the fill's.
        zoom: Pixels of the fill per pixel of the picture.
        shape: Height and width of the fill in pixels.

    Returns:
        (height, width), 0 to 1.
    """
    height, width = shape
    boxes = cluster.boxes.astype(np.float64)
    down = OVAL_DOWN * (boxes[:, 3] - boxes[:, 1])
    y = _Axis.of(boxes[:, 1] + down, boxes[:, 3] + down, cluster.rows.start, zoom, OVAL[1], height)
    x = _Axis.of(boxes[:, 0], boxes[:, 2], cluster.columns.start, zoom, OVAL[0], width)
    # All pixels of all ovals, row by row: a crowd takes a few calls in place of some for each box.
    box, row = _runs(y.low, y.high)
    line, column = _runs(x.low[box], x.high[box])
    inward = y.squares(box, row)[line] + x.squares(box[line], column)
    opacity = np.zeros(height * width, np.float32)
    np.maximum.at(opacity, row[line] * width + column, _oval(inward))
    return opacity.reshape(height, width)


class _Axis(NamedTuple):
    """The ovals of N boxes along one axis of the fill.

    Attributes:
        centre: (N,) in pixels of the fill.
        half: (N,) half axes in pixels.
        low: (N,) int64 first pixel within an oval's extent.
        high: (N,) int64 the one behind the last.
    """

    centre: NDArray[np.float64]
    half: NDArray[np.float64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]

    @classmethod
    def of(
        cls, first: NDArray[np.float64], last: NDArray[np.float64], start: int, zoom: float, share: float, length: int
    ) -> _Axis:
        first, last = (first - start) * zoom, (last - start) * zoom
        centre, half = (first + last) / 2, np.maximum((last - first) / 2 * share, 0.5)
        reach = half * OVAL_FADE[1]
        low, high = (np.clip(end, 0, length).astype(np.int64) for end in (centre - reach, centre + reach + 1))
        return cls(centre, half, low, high)

    def squares(self, box: NDArray[np.intp], place: NDArray[np.int64]) -> Floats:
        """Squared distance of pixels from the centre of their box, in half axes."""
        distance = np.asarray((place + 0.5 - self.centre[box]) / self.half[box], dtype=np.float32)
        return distance * distance


def _oval(inward: Floats) -> Floats:
    """Opacity of an oval at squared distances from its centre; the array is used up."""
    np.sqrt(inward, out=inward)
    np.subtract(OVAL_FADE[1], inward, out=inward)
    inward *= np.float32(1 / (OVAL_FADE[1] - OVAL_FADE[0]))
    np.clip(inward, 0, 1, out=inward)
    return np.asarray(np.float32(OVAL_OPACITY) * inward * inward * (3 - 2 * inward), dtype=np.float32)


def _runs(first: NDArray[np.int64], last: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """The numbers from `first` to `last` (excluded) of N runs, one run after the other, and which each belongs to."""
    counts = np.maximum(last - first, 0)
    of = np.repeat(np.arange(len(counts)), counts)
    return of, np.arange(len(of)) + (first - (np.cumsum(counts) - counts))[of]
