"""`gaussian`: the Gaussian blur of the course page, scaled with the face. Weak."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymizer.config import RedactionConfig
from anonymizer.image.geometry import IntBoxes, mask_patch
from anonymizer.image.redactors.patches import paste
from anonymizer.records import PIXELS, Grid, Pixels

#: A Gaussian is cut off this many standard deviations from its middle.
REACH = 3.0
#: The picture is reduced before it is blurred until the standard deviation is this many pixels: a Gaussian that wide
#: leaves no detail that the reduction could lose.
WORKING_SIGMA_PX = 4.0


class Gaussian:
    """Blurs the padded face with a standard deviation of `config.sigma` of its longer side. WEAK: for comparison.

    What it leaks: everything coarser than the blur, without a bound. With standard deviation s per side the picture
    of a face keeps about (1 / (2 s)) ** 2 independent samples (4 at the default of 0.25, 25 at 0.1), the finer ones
    weakened and not removed: deconvolution brings some back. It also mixes in what surrounds the face, and the faces
    of neighbours that come later in the list.
    """

    name = "gaussian"
    output_revision = 2

    def __init__(self, config: RedactionConfig) -> None:
        self._sigma = config.sigma

    def redact(self, pixels: Pixels, xyxy: IntBoxes, grid: Grid = PIXELS) -> Pixels:
        """A copy of `pixels` with every mask blurred; see `Redactor.redact`."""
        redacted = pixels.copy()
        for box in xyxy:
            _blur_face(redacted, box, grid, self._sigma)
        return redacted


def _blur_face(redacted: Pixels, box: NDArray[np.int32], grid: Grid, share: float) -> None:
    height, width = redacted.shape[:2]
    rows, columns, mask = mask_patch(box, width, height, grid)
    if not mask.any():
        return
    x1, y1, x2, y2 = (int(v) for v in box)
    sigma_px = share * max(x2 - x1, y2 - y1)
    reach = int(REACH * sigma_px) + 1
    top, left = max(rows.start - reach, 0), max(columns.start - reach, 0)
    around = redacted[top : rows.stop + reach, left : columns.stop + reach]
    blurred = _blurred(around, sigma_px)
    inside = blurred[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    paste(redacted, rows, columns, inside, mask)


def _blurred(around: Pixels, sigma_px: float) -> Pixels:
    """The same size, blurred; wide blurs are done on a reduced copy."""
    height, width = around.shape[:2]
    factor = max(1.0, sigma_px / WORKING_SIGMA_PX)
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    small = cv2.resize(around, size, interpolation=cv2.INTER_AREA) if factor > 1 else around
    small = cv2.GaussianBlur(small, (0, 0), sigma_px / factor, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
