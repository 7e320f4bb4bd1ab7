"""Means over the cells of a grid, the one thing that `blur` and `pixelate` keep of a face.

Only pixels under the mask are read, and each lies in exactly one cell, so a mask shows no more than one sample per
cell. Masks are worked off one after the other on the picture that the earlier ones left: a pixel under several masks
is read by the first, and the later ones see only what that one made of it. Overlapping grids thus cannot be
subtracted from one another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymizer.image.geometry import IntBoxes, mask_patch
from anonymizer.image.redactors.patches import Edges, block_edges, block_sums, only, paste
from anonymizer.records import Grid, Mask, Pixels

#: A cell averages at least this many pixels each way, wherever the face has as many.
MIN_CELL_PX = 2
#: A cell with less than this share of its pixels under the mask is averaged with its eight neighbours: at the rim a
#: cell may hold a pixel or two, and the mean of one pixel is that pixel.
MIN_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Cells:
    """One mask reduced to cells.

    Attributes:
        rows: Of the mask's patch in the picture.
        columns: Of the mask's patch in the picture.
        mask: (h, w) bool, the mask inside the patch.
        row_edges: (cells_y + 1,) first row of each cell inside the patch, and its end.
        column_edges: (cells_x + 1,) likewise.
        means: (cells_y, cells_x) or (cells_y, cells_x, 3) uint8.
    """

    rows: slice
    columns: slice
    mask: Mask
    row_edges: Edges
    column_edges: Edges
    means: Pixels


def reduce_face(pixels: Pixels, box: NDArray[np.int32], grid: Grid, cells: int) -> Cells | None:
    """Reduces what lies under one mask to means over cells.

    Args:
        pixels: (H, W) or (H, W, 3) uint8, earlier masks already redacted.
        box: (4,) int32 padded `xyxy`, not clipped. The cells' size comes from the whole box: a face cut off by the
            border gets fewer cells, not smaller ones.
        grid: Masks are rounded out to its blocks.
        cells: Across the shorter side of the box.

    Returns:
        Its cells; None when the mask lies outside the picture.
    """
    height, width = pixels.shape[:2]
    rows, columns, mask = mask_patch(box, width, height, grid)
    if not mask.any():
        return None
    x1, y1, x2, y2 = (int(v) for v in box)
    cell_px = max(MIN_CELL_PX, min(x2 - x1, y2 - y1) / cells)
    row_edges, column_edges = _edges(mask.shape[0], cell_px), _edges(mask.shape[1], cell_px)
    sums = block_sums(only(pixels[rows, columns], mask), row_edges, column_edges)
    counts = block_sums(mask.view(np.uint8), row_edges, column_edges)
    return Cells(rows, columns, mask, row_edges, column_edges, _means(sums, counts, row_edges, column_edges))


def _edges(length: int, cell_px: float) -> Edges:
    return block_edges(length, max(1, int(length / cell_px)))


def _means(
    sums: NDArray[np.float64],
    counts: NDArray[np.float64],
    row_edges: Edges,
    column_edges: Edges,
) -> Pixels:
    areas = np.diff(row_edges)[:, None] * np.diff(column_edges)[None]
    thin = counts < MIN_SHARE * areas
    sums = np.where(thin if sums.ndim == 2 else thin[..., None], _neighbourhood(sums), sums)
    counts = np.where(thin, _neighbourhood(counts), counts)
    # A cell far from the mask has no sample of its own; interpolation may still reach it.
    empty = counts == 0
    sums[empty] = sums.sum(axis=(0, 1))
    counts[empty] = counts.sum()
    return np.rint(sums / (counts if sums.ndim == 2 else counts[..., None])).astype(np.uint8)


def _neighbourhood(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each cell plus its up to eight neighbours."""
    total = cv2.boxFilter(values, -1, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)
    return cast("NDArray[np.float64]", total.reshape(values.shape))


def redact_in_cells(
    pixels: Pixels, xyxy: IntBoxes, grid: Grid, cells: int, enlarge: Callable[[Cells], Pixels]
) -> Pixels:
    """A copy of `pixels` in which every mask shows its cells and nothing finer.

    Args:
        pixels: See `Redactor.redact`.
        xyxy: See `Redactor.redact`. A later mask reads what an earlier one left, never the source again.
        grid: See `Redactor.redact`.
        cells: Across the shorter side of a box.
        enlarge: Draws a face's cells at its own size.
    """
    redacted = pixels.copy()
    for box in xyxy:
        face = reduce_face(redacted, box, grid, cells)
        if face is not None:
            paste(redacted, face.rows, face.columns, enlarge(face), face.mask)
    return redacted
