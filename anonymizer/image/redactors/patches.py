"""Copy masked pixels between a picture and a patch of it, and sum pixels over blocks."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymizer.records import Mask, Pixels

Edges = NDArray[np.intp]
"""(blocks + 1,) first row or column of each block, and the end of the last."""


def only(patch: Pixels, mask: Mask, multiple: int = 1) -> Pixels:
    """(h, w) or (h, w, 3) copy of a patch, 0 outside the (h, w) mask. Same as `np.where`, ten times as fast.

    Args:
        patch: The patch; not changed.
        mask: The pixels to copy.
        multiple: Height and width are padded with 0 to a multiple of this.
    """
    height, width = mask.shape
    copy = np.zeros((height + -height % multiple, width + -width % multiple, *patch.shape[2:]), np.uint8)
    paste(copy, slice(height), slice(width), patch, mask)
    return copy


def paste(target: Pixels, rows: slice, columns: slice, patch: Pixels, mask: Mask) -> None:
    """Copies the pixels of a patch that lie below the mask into `target`, in place."""
    cv2.copyTo(patch, mask.view(np.uint8), target[rows, columns])


def widened(mask: Mask, reach: int) -> Mask:
    """Same as `geometry.widened`, several times as fast."""
    side = 2 * reach + 1
    return np.asarray(cv2.dilate(mask.view(np.uint8), np.ones((side, side), np.uint8)), dtype=np.uint8).view(bool)


def block_edges(length: int, count: int) -> Edges:
    """Divides `length` pixels into `count` blocks whose sizes differ by at most one pixel."""
    return np.arange(count + 1, dtype=np.intp) * length // count


def block_sums(patch: Pixels, row_edges: Edges, column_edges: Edges) -> NDArray[np.float64]:
    """(blocks_y, blocks_x[, 3]) sums; exact, because they are whole numbers below 2**53."""
    bands = [patch[first:last].sum(axis=0, dtype=np.uint32) for first, last in pairwise(row_edges)]
    sums = np.add.reduceat(np.stack(bands), column_edges[:-1], axis=1, dtype=np.float64)
    return cast("NDArray[np.float64]", sums)
