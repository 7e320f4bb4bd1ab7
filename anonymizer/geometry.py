"""Pure functions on boxes and masks.

Boxes are (N, 4) arrays of `x1, y1, x2, y2` in pixels, half-open: `x2` and `y2` are the first pixel outside. Integer
boxes are always rounded outward, so that the last row and column of a face at the border are covered.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatBoxes = NDArray[np.float32]
IntBoxes = NDArray[np.int32]
Mask = NDArray[np.bool_]

#: Exponent of the superellipse that a mask is: 2 is an oval, infinity a rectangle. 4 reaches into the corners of the
#: detected box at every padding from 1.19 on (2 ** (1/4)), so that a face is covered whole, and leaves out the far
#: corners of the padded box, which show background.
MASK_EXPONENT = 4.0


def as_boxes(xyxy: ArrayLike) -> FloatBoxes:
    """(N, 4) float32 from anything that looks like boxes; an empty list gives (0, 4)."""
    return np.asarray(xyxy, dtype=np.float32).reshape(-1, 4)


def xywh_to_xyxy(xywh: ArrayLike) -> FloatBoxes:
    """(N, 4) `x, y, w, h` to `x1, y1, x2, y2`."""
    boxes = as_boxes(xywh)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def grow(xyxy: ArrayLike, factor: float) -> FloatBoxes:
    """Boxes scaled around their centres: `factor` 1.45 makes width and height 1.45 times as large. Not clipped."""
    boxes = as_boxes(xyxy)
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]) / 2 * np.float32(factor)
    return np.concatenate([centre - half, centre + half], axis=1)


def round_outward(xyxy: ArrayLike) -> IntBoxes:
    """(N, 4) int32: the smallest integer boxes that contain the given ones. Not clipped."""
    boxes = as_boxes(xyxy)
    low = np.floor(boxes[:, :2])
    high = np.ceil(boxes[:, 2:])
    return np.concatenate([low, high], axis=1).astype(np.int32)


def clip(xyxy: ArrayLike, width: int, height: int) -> FloatBoxes:
    """Boxes cut to the image: to `(width, height)`, not to `shape - 1`. What lies outside becomes empty."""
    boxes = as_boxes(xyxy)
    limit = np.array([width, height, width, height], dtype=np.float32)
    return np.asarray(np.clip(boxes, np.float32(0), limit), dtype=np.float32)


def area(xyxy: ArrayLike) -> NDArray[np.float32]:
    """(N,) areas in square pixels; inverted boxes have area 0."""
    boxes = as_boxes(xyxy)
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return np.asarray(sides[:, 0] * sides[:, 1], dtype=np.float32)


def intersection(a: ArrayLike, b: ArrayLike) -> NDArray[np.float32]:
    """(N, M) areas in square pixels that each box of `a` shares with each of `b`."""
    left, right = as_boxes(a)[:, None], as_boxes(b)[None]
    low = np.maximum(left[..., :2], right[..., :2])
    high = np.minimum(left[..., 2:], right[..., 2:])
    sides = np.maximum(high - low, 0)
    return np.asarray(sides[..., 0] * sides[..., 1], dtype=np.float32)


def inside_share(a: ArrayLike, b: ArrayLike) -> NDArray[np.float32]:
    """(N, M) share of each box of `a` that lies inside each of `b`; 0 for boxes without area."""
    total = area(a)[:, None]
    shared = intersection(a, b)
    share: FloatBoxes = np.divide(shared, total, out=np.zeros_like(shared), where=total > 0)
    return share


def iou(a: ArrayLike, b: ArrayLike) -> NDArray[np.float32]:
    """(N, M) intersection over union; 0 where both are empty."""
    shared = intersection(a, b)
    union = area(a)[:, None] + area(b)[None] - shared
    ratio: FloatBoxes = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return ratio


def mask_patch(box: NDArray[np.int32], width: int, height: int) -> tuple[slice, slice, Mask]:
    """One head-shaped mask, cut to the image.

    Args:
        box: (4,) int32 padded `xyxy`, not clipped: a face at the border keeps the shape of a whole one.
        width: Of the image, in pixels.
        height: Of the image, in pixels.

    Returns:
        Row slice, column slice and the (rows, columns) bool mask inside them; empty when nothing is visible.
    """
    x1, y1, x2, y2 = (int(v) for v in box)
    rows = slice(min(max(y1, 0), height), min(max(y2, 0), height))
    columns = slice(min(max(x1, 0), width), min(max(x2, 0), width))
    # Pixel centres, so that the outermost rows and columns of the box belong to the mask.
    y = (np.arange(rows.start, rows.stop) + 0.5 - (y1 + y2) / 2) / max((y2 - y1) / 2, 0.5)
    x = (np.arange(columns.start, columns.stop) + 0.5 - (x1 + x2) / 2) / max((x2 - x1) / 2, 0.5)
    return rows, columns, (np.abs(y) ** MASK_EXPONENT)[:, None] + (np.abs(x) ** MASK_EXPONENT)[None] <= 1.0


def head_mask(xyxy: NDArray[np.int32], width: int, height: int) -> Mask:
    """(H, W) bool: the union of the masks of all padded boxes; every redactor changes these pixels and no others."""
    mask = np.zeros((height, width), bool)
    for box in np.asarray(xyxy, dtype=np.int32).reshape(-1, 4):
        rows, columns, patch = mask_patch(box, width, height)
        mask[rows, columns] |= patch
    return mask
