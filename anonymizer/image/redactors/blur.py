"""`blur`: a few cells across the face, smoothly enlarged."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anonymizer.config import RedactionConfig
from anonymizer.image.geometry import IntBoxes
from anonymizer.image.redactors.cells import Cells, redact_in_cells
from anonymizer.records import PIXELS, Grid, Pixels

_A = -0.75
#: What the weights of a place add up to, and the steps in which a level is held between the two directions. Weights
#: of either sign add up to less than 1.6 times that: 255 * 1.6 * 32 * 1.6 * 512 < 2**24.
_WEIGHT = 512
_BETWEEN = 32


class Blur:
    """Reduces the padded face to `config.cells` cells across its shorter side and enlarges these smoothly.

    What it leaks: at most cells_x × cells_y mean colours a face, however large it is in the picture (6 × 7 for a
    typical face at the default of 6 cells). That is enough to tell people apart better than chance when an attacker
    trains for it; `smooth` and `solid` leak nothing.
    """

    name = "blur"
    output_revision = 2

    def __init__(self, config: RedactionConfig) -> None:
        self._cells = config.cells

    def redact(self, pixels: Pixels, xyxy: IntBoxes, grid: Grid = PIXELS) -> Pixels:
        """A copy of `pixels` with every mask blurred; see `Redactor.redact`."""
        return redact_in_cells(pixels, xyxy, grid, self._cells, _smoothly)


def _smoothly(cells: Cells) -> Pixels:
    """The cells' means by cubic convolution, in products of matrices of whole numbers.

    OpenCV's own cubic enlargement, and Intel's library in it, give other levels on other processors. No sum here
    reaches 2**24, so that every order of adding, with or without fused operations, gives the same number.
    """
    rows, columns = (_cubic(len(cells.mask), cells.means.shape[0]), _cubic(cells.mask.shape[1], cells.means.shape[1]))
    channels = np.moveaxis(cells.means.reshape(*cells.means.shape[:2], -1), -1, 0).astype(np.float32)
    wide = np.rint(channels @ columns.T / np.float32(_WEIGHT / _BETWEEN))
    full = np.rint(rows @ wide / np.float32(_WEIGHT * _BETWEEN)).clip(0, 255).astype(np.uint8)
    return np.ascontiguousarray(np.moveaxis(full, 0, -1)).reshape(*cells.mask.shape, *cells.means.shape[2:])


def _cubic(length: int, count: int) -> NDArray[np.float32]:
    """(length, count) whole weights, `_WEIGHT` a row, of `count` samples drawn at `length` places.

    Keys, "Cubic Convolution Interpolation for Digital Image Processing", IEEE ASSP 29 (1981), with a = -0.75, as
    OpenCV has it; beyond the ends the last sample is repeated.
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
