"""`pixelate`: reduce the face to a few cells and draw them as blocks."""

from __future__ import annotations

import numpy as np

from anonymizer.config import RedactionConfig
from anonymizer.image.geometry import IntBoxes
from anonymizer.image.redactors.cells import Cells, redact_in_cells
from anonymizer.records import PIXELS, Grid, Pixels


class Pixelate:
    """Replaces the padded face by blocks of their mean colour, `config.cells` across its shorter side.

    What it leaks: at most cells_x × cells_y mean colours per face, the same as `blur`, directly readable. `smooth` and
    `solid` leak nothing.
    """

    name = "pixelate"
    output_revision = 2

    def __init__(self, config: RedactionConfig) -> None:
        self._cells = config.cells

    def redact(self, pixels: Pixels, xyxy: IntBoxes, grid: Grid = PIXELS) -> Pixels:
        """A copy of `pixels` with every mask in blocks; see `Redactor.redact`."""
        return redact_in_cells(pixels, xyxy, grid, self._cells, _as_blocks)


def _as_blocks(cells: Cells) -> Pixels:
    bands = np.repeat(cells.means, np.diff(cells.row_edges), axis=0)
    return np.repeat(bands, np.diff(cells.column_edges), axis=1)
