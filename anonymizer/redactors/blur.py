"""`blur`: a few cells across the face, smoothly enlarged."""

from __future__ import annotations

import cv2
import numpy as np

from anonymizer.config import RedactionConfig
from anonymizer.geometry import IntBoxes
from anonymizer.records import PIXELS, Grid, Pixels
from anonymizer.redactors.cells import Cells, redact_in_cells


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
    size = (cells.mask.shape[1], cells.mask.shape[0])
    return np.asarray(cv2.resize(cells.means, size, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
