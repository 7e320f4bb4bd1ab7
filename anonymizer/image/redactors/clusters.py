"""Group masks into clusters that `smooth` fills together, each from one crop of the picture.

The grouping depends only on the boxes and the picture's size, never on pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonymizer.image.geometry import IntBoxes, align
from anonymizer.records import PIXELS, Grid

#: Margin of a crop around a box, as a share of the box's longer side; the margin provides the visible pixels.
MARGIN = 0.35
#: Fixed cost of a crop, expressed as the number of pixels that could be processed in the same time (measured).
CROP_COST_PX = 30_000


@dataclass(frozen=True, slots=True)
class Cluster:
    """Masks that are filled together.

    Attributes:
        boxes: (K, 4) int32 padded `xyxy`, not clipped.
        rows: The rows of the crop in the picture. The crop touches no box of another cluster.
        columns: The columns of the crop in the picture.
    """

    boxes: IntBoxes
    rows: slice
    columns: slice

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the crop in pixels."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    def rounded(self, factor: int) -> Cluster:
        """With a crop that begins at multiples of `factor`; it may touch boxes of another cluster then."""
        rows, columns = (slice(side.start // factor * factor, side.stop) for side in (self.rows, self.columns))
        return Cluster(self.boxes, rows, columns)

    def reduced(self, factor: int) -> Cluster:
        """In a picture that is so many times smaller; the boxes are left as they are."""
        rows, columns = (slice(side.start // factor, -(-side.stop // factor)) for side in (self.rows, self.columns))
        return Cluster(self.boxes, rows, columns)


def clusters(xyxy: IntBoxes, width: int, height: int, grid: Grid = PIXELS) -> list[Cluster]:
    """Groups boxes until no crop touches a box of another group; makes one group if many crops would cost more.

    Args:
        xyxy: (N, 4) int32 padded boxes, not clipped; boxes completely outside the picture are dropped.
        width: Width of the picture in pixels.
        height: Height of the picture in pixels.
        grid: Masks are rounded outward to its blocks; a fill reads no pixel within the grid's reach of a mask.
    """
    boxes = align(xyxy, grid).astype(np.int64)
    limit = np.array([width, height, width, height])
    tight = np.clip(boxes, 0, limit)
    seen = ((tight[:, 2:] > tight[:, :2]) & (boxes[:, 2:] > boxes[:, :2])).all(axis=1)
    boxes, tight, kept = boxes[seen], tight[seen], xyxy[seen]
    if not len(kept):
        return []
    margin = np.ceil(MARGIN * (boxes[:, 2:] - boxes[:, :2]).max(axis=1)).astype(np.int64)[:, None]
    crops = np.clip(np.concatenate([boxes[:, :2] - margin, boxes[:, 2:] + margin], axis=1), 0, limit)
    cost = CROP_COST_PX * len(crops) + int(np.prod(crops[:, 2:] - crops[:, :2], axis=1).sum())
    if cost > CROP_COST_PX + width * height:
        return [_cluster(kept, _hull(crops))]
    labels = _labels(tight, crops)
    return [_cluster(kept[labels == label], _hull(crops[labels == label])) for label in np.unique(labels)]


def _labels(tight: NDArray[np.int64], crops: NDArray[np.int64]) -> NDArray[np.intp]:
    """(N,) group of each box: groups are merged until no crop touches another group's boxes."""
    labels = np.arange(len(tight), dtype=np.intp)
    while True:
        names, labels = np.unique(labels, return_inverse=True)
        touching = _overlaps(_hulls(crops, labels), _hulls(tight, labels))
        np.fill_diagonal(touching, True)
        lowest = np.argmax(touching | touching.T, axis=1)
        if np.array_equal(lowest, np.arange(len(names))):
            return labels
        # Follow chains of merges to their end.
        while not np.array_equal(lowest, lowest[lowest]):
            lowest = lowest[lowest]
        labels = lowest[labels]


def _hulls(boxes: NDArray[np.int64], labels: NDArray[np.intp]) -> NDArray[np.int64]:
    """(G, 4) the smallest box around each group; groups are numbered from 0 without gaps."""
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(labels.max() + 1))
    low = np.minimum.reduceat(boxes[order, :2], starts, axis=0)
    high = np.maximum.reduceat(boxes[order, 2:], starts, axis=0)
    return np.concatenate([low, high], axis=1)


def _overlaps(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.bool_]:
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    return np.asarray((low < high).all(axis=2))


def _hull(boxes: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])


def _cluster(boxes: IntBoxes, crop: NDArray[np.int64]) -> Cluster:
    left, top, right, bottom = (int(v) for v in crop)
    return Cluster(boxes, slice(top, bottom), slice(left, right))
