"""`blur`: reduce the face to a few cells and enlarge them smoothly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anonymizer.config import RedactionConfig
from anonymizer.image.geometry import IntBoxes
from anonymizer.image.redactors.cells import Cells, redact_in_cells
from anonymizer.records import PIXELS, Grid, Pixels

_A = -0.75
#: The sum of the weights at one position, and the steps per level in the intermediate result between the horizontal and
#: the vertical pass. Absolute weights add up to less than 1.6 times `_WEIGHT`: 255 * 1.6 * 32 * 1.6 * 512 < 2**24.
_WEIGHT = 512
_BETWEEN = 32


class Blur:
    """Reduces the padded face to `config.cells` cells across its shorter side and enlarges these smoothly.

    What it leaks: at most cells_x × cells_y mean colours per face, however large the face is (6 × 7 for a typical face
    at the default of 6 cells). That is enough to tell people apart better than chance if an attacker trains for it;
    `smooth` and `solid` leak nothing.
    """

    name = "blur"
    output_revision = 2

    def __init__(self, config: RedactionConfig) -> None:
        self._cells = config.cells

    def redact(self, pixels: Pixels, xyxy: IntBoxes, grid: Grid = PIXELS) -> Pixels:
        """A copy of `pixels` with every mask blurred; see `Redactor.redact`."""
        return redact_in_cells(pixels, xyxy, grid, self._cells, _smoothly)


def _smoothly(cells: Cells) -> Pixels:
    """Enlarges the cells' means by cubic convolution, as matrix products of whole numbers.

    OpenCV's cubic interpolation (and Intel's library in it) gives different results on different processors. Here no
    sum reaches 2**24, so every order of additions, with or without fused multiply-add, gives the same number.
    """
    rows, columns = (_cubic(len(cells.mask), cells.means.shape[0]), _cubic(cells.mask.shape[1], cells.means.shape[1]))
    channels = np.moveaxis(cells.means.reshape(*cells.means.shape[:2], -1), -1, 0).astype(np.float32)
    wide = np.rint(channels @ columns.T / np.float32(_WEIGHT / _BETWEEN))
    full = np.rint(rows @ wide / np.float32(_WEIGHT * _BETWEEN)).clip(0, 255).astype(np.uint8)
    return np.ascontiguousarray(np.moveaxis(full, 0, -1)).reshape(*cells.mask.shape, *cells.means.shape[2:])


def _cubic(length: int, count: int) -> NDArray[np.float32]:
    """(length, count) whole weights that interpolate `count` samples at `length` positions; rows sum to `_WEIGHT`.

    Keys, "Cubic Convolution Interpolation for Digital Image Processing", IEEE ASSP 29 (1981), with a = -0.75 as in
    OpenCV; the last sample is repeated beyond the ends.
    """
    place = (np.arange(length) + 0.5) * count / length - 0.5
    index = np.floor(place).astype(np.intp) + np.arange(-1, 3)[:, None]
    taps = np.rint(_kernel(place - index) * _WEIGHT)
    taps[1] += _WEIGHT - (taps[0] + taps[1] + taps[2] + taps[3])
    weights = np.zeros((length, count), np.float32)
    np.add.at(weights, (np.arange(length), index.clip(0, count - 1)), taps)
    return weights


def _kernel(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    d = np.abs(distance)
    near = ((_A + 2) * d - (_A + 3)) * d * d + 1
    far = ((_A * d - 5 * _A) * d + 8 * _A) * d - 4 * _A
    return np.where(d <= 1, near, np.where(d < 2, far, 0))
