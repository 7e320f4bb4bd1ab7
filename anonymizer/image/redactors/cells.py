"""Reduce a face to the mean colours of a grid of cells, the only information that `blur` and `pixelate` keep.

Only pixels below the mask are read, and each lies in exactly one cell, so a mask shows at most one value per cell.
Masks are processed one after the other, each on the result of the previous ones: a pixel below several masks is read
by the first, and later masks read only the redacted result. So overlapping grids cannot be subtracted from one another.
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

#: Minimum side of a cell in pixels, unless the face is smaller.
MIN_CELL_PX = 2
#: A cell with less than this share of its pixels below the mask is averaged with its eight neighbours. At the mask's
#: edge a cell may contain a single pixel, whose mean would be the pixel itself.
MIN_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Cells:
    """One mask reduced to cells.

    Attributes:
        rows: The rows of the mask's patch in the picture.
        columns: The columns of the mask's patch in the picture.
        mask: (h, w) bool, the mask inside the patch.
        row_edges: (cells_y + 1,) first row of each cell inside the patch, and the end of the last.
        column_edges: (cells_x + 1,) first column of each cell, and the end of the last.
        means: (cells_y, cells_x) or (cells_y, cells_x, 3) uint8 mean colours.
    """

    rows: slice
    columns: slice
    mask: Mask
    row_edges: Edges
    column_edges: Edges
    means: Pixels


def reduce_face(pixels: Pixels, box: NDArray[np.int32], grid: Grid, cells: int) -> Cells | None:
    """Reduces the pixels below one mask to the means of cells.

    Args:
        pixels: (H, W) or (H, W, 3) uint8, earlier masks already redacted.
        box: (4,) int32 padded `xyxy`, not clipped. The size of a cell follows from the whole box: a face at the border
            has fewer cells, not smaller ones.
        grid: Masks are rounded outward to its blocks.
        cells: Number of cells across the shorter side of the box.

    Returns:
        The cells; None if the mask lies outside the picture.
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
    # A cell far from the mask has no pixels; interpolation may still use it, so it gets the overall mean.
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
    """A copy of `pixels` in which every mask shows only the means of its cells.

    Args:
        pixels: See `Redactor.redact`.
        xyxy: See `Redactor.redact`. A later mask reads the result of the earlier ones, never the source.
        grid: See `Redactor.redact`.
        cells: Number of cells across the shorter side of a box.
        enlarge: Draws the cells at the size of the mask's patch.
    """
    redacted = pixels.copy()
    for box in xyxy:
        face = reduce_face(redacted, box, grid, cells)
        if face is not None:
            paste(redacted, face.rows, face.columns, enlarge(face), face.mask)
    return redacted
