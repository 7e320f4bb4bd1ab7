"""Compute with boxes and masks; all functions are pure.

Boxes are (N, 4) arrays of `x1, y1, x2, y2` in pixels, half-open: `x2` and `y2` are the first pixel outside. Integer
boxes are always rounded outward, so that a face is covered up to its last row and column.
"""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anonymizer.image.block_masks import BLOCK_SHARE, MASK_CORE, block_mask
from anonymizer.records import PIXELS, Grid, Mask

FloatBoxes = NDArray[np.float32]
IntBoxes = NDArray[np.int32]


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
    """Clips boxes to the image, to `(width, height)`, not to `shape - 1`. Boxes outside the image become empty."""
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


def mask_patch(box: NDArray[np.int32], width: int, height: int, grid: Grid = PIXELS) -> tuple[slice, slice, Mask]:
    """The mask of one face: a superellipse made of whole blocks, clipped to the image.

    Args:
        box: (4,) int32 padded `xyxy`, not clipped: the mask of a face at the border keeps its shape.
        width: Width of the image in pixels.
        height: Height of the image in pixels.
        grid: The blocks that can change independently.

    Returns:
        Row slice, column slice and the (rows, columns) bool mask inside them; empty when nothing is visible.
    """
    x1, y1, x2, y2 = (int(v) for v in box)
    rows = _span(y1, y2, height, grid.height)
    columns = _span(x1, x2, width, grid.width)
    # Distances of pixel centres, so that the outermost rows and columns of the box belong to the mask.
    y = np.abs(np.arange(rows.start, rows.stop) + 0.5 - (y1 + y2) / 2) / max((y2 - y1) / 2, 0.5)
    x = np.abs(np.arange(columns.start, columns.stop) + 0.5 - (x1 + x2) / 2) / max((x2 - x1) / 2, 0.5)
    # MASK_EXPONENT as products, because the last bits of a power depend on the processor.
    mask = ((y * y) * (y * y))[:, None] + ((x * x) * (x * x))[None] <= 1.0
    if grid.width == grid.height == 1 or not mask.size:
        return rows, columns, mask
    touched = _touched(y, (y2 - y1) / 2, grid.height)[:, None] & _touched(x, (x2 - x1) / 2, grid.width)[None]
    return rows, columns, _enlarged(touched | _mostly(mask, grid), grid)[: len(y), : len(x)]


def head_mask(xyxy: NDArray[np.int32], width: int, height: int, grid: Grid = PIXELS) -> Mask:
    """(H, W) bool: the union of the masks of all padded boxes; every redactor changes exactly these pixels.

    The array is read-only, because the last result is cached: the steps of a redaction ask for the same mask.
    """
    return _head_mask(np.asarray(xyxy, dtype=np.int32).tobytes(), width, height, grid)


@functools.lru_cache(maxsize=1)
def _head_mask(boxes: bytes, width: int, height: int, grid: Grid) -> Mask:
    xyxy = np.frombuffer(boxes, np.int32).reshape(-1, 4)
    if grid.width == grid.height == 1:
        mask = np.zeros((height, width), bool)
        for box in xyxy:
            rows, columns, patch = mask_patch(box, width, height)
            mask[rows, columns] |= patch
    else:
        mask = _enlarged(block_mask(boxes, width, height, grid), grid)[:height, :width]
    mask.flags.writeable = False
    return mask


def reduced_mask(xyxy: NDArray[np.int32], width: int, height: int, grid: Grid, factor: int) -> Mask:
    """`head_mask` of a picture that is so many times smaller, which the sides of the grid's blocks are multiples of.

    Returns:
        (H, W) bool, the picture's sides divided by `factor` and rounded up.
    """
    if factor == 1:
        return head_mask(xyxy, width, height, grid)
    blocks = block_mask(np.asarray(xyxy, dtype=np.int32).tobytes(), width, height, grid)
    enlarged = _enlarged(blocks, replace(grid, width=grid.width // factor, height=grid.height // factor))
    return enlarged[: -(-height // factor), : -(-width // factor)]


def widened(mask: Mask, reach: int) -> Mask:
    """(H, W) bool: the mask and all pixels within `reach` of it along both axes; the same array for a reach of 0."""
    for _ in range(reach):
        grown = mask.copy()
        grown[1:] |= mask[:-1]
        grown[:-1] |= mask[1:]
        mask = grown.copy()
        mask[:, 1:] |= grown[:, :-1]
        mask[:, :-1] |= grown[:, 1:]
    return mask


def align(xyxy: IntBoxes, grid: Grid) -> IntBoxes:
    """(N, 4) int32 boxes rounded outward to whole blocks, then enlarged by the grid's reach. Not clipped."""
    boxes = np.asarray(xyxy, np.int64).reshape(-1, 4)
    size = np.array([grid.width, grid.height])
    low, high = boxes[:, :2] // size * size, -(-boxes[:, 2:] // size) * size
    limits = np.iinfo(np.int32)
    aligned = np.concatenate([low - grid.reach, high + grid.reach], axis=1)
    return np.asarray(np.clip(aligned, limits.min, limits.max), dtype=np.int32)


def _span(low: int, high: int, length: int, block: int) -> slice:
    """The visible part of a side, rounded outward to whole blocks (the border may cut the last one)."""
    start, stop = min(max(low, 0), length), min(max(high, 0), length)
    return slice(start // block * block, min(-(-stop // block) * block, length)) if stop > start else slice(start, stop)


def _touched(distance: NDArray[np.float64], half_px: float, block: int) -> Mask:
    """(blocks,) whether a block touches the inner rectangle of a mask along one axis.

    Args:
        distance: (pixels,) distances of pixel centres from the mask's centre, in units of half its side; starts at a
            block's first pixel.
        half_px: Half the mask's side in pixels.
        block: Side of a block in pixels.
    """
    reach = MASK_CORE + 0.5 / max(half_px, 0.5)  # A pixel ends half a pixel from its centre.
    return np.asarray(np.minimum.reduceat(distance, np.arange(0, len(distance), block)) < reach)


def _mostly(mask: Mask, grid: Grid) -> Mask:
    """(block rows, block columns) whether at least `BLOCK_SHARE` of a block's visible pixels are in the mask."""
    top, left = np.arange(0, mask.shape[0], grid.height), np.arange(0, mask.shape[1], grid.width)
    counts = np.add.reduceat(np.add.reduceat(mask, top, axis=0, dtype=np.int32), left, axis=1)
    tall, wide = np.minimum(mask.shape[0] - top, grid.height), np.minimum(mask.shape[1] - left, grid.width)
    return np.asarray(counts >= BLOCK_SHARE * (tall[:, None] * wide))


def _enlarged(blocks: Mask, grid: Grid) -> Mask:
    """Enlarges a mask of blocks, (block rows, block columns), to pixels."""
    # Columns first: what is then repeated are whole rows.
    blocks = blocks.repeat(grid.width, axis=1) if grid.width > 1 else blocks
    return blocks.repeat(grid.height, axis=0) if grid.height > 1 else blocks
