"""`gaussian`: a Gaussian blur that scales with the face. Weak; for comparison with the course page's method."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymizer.config import RedactionConfig
from anonymizer.image.geometry import IntBoxes, mask_patch
from anonymizer.image.redactors.patches import paste
from anonymizer.records import PIXELS, Grid, Pixels

#: The Gaussian is truncated at this many standard deviations.
REACH = 3.0
#: The picture is reduced until the standard deviation is this many pixels, then blurred: a Gaussian this wide removes
#: all detail that the reduction loses.
WORKING_SIGMA_PX = 4.0


class Gaussian:
    """Blurs the padded face with a standard deviation of `config.sigma` of its longer side. WEAK: for comparison.

    What it leaks: all structure coarser than the blur, without a strict limit. With a standard deviation of s per side
    about (1 / (2 s)) ** 2 independent values of a face remain (4 at the default of 0.25, 25 at 0.1); finer structure is
    attenuated, not removed, and deconvolution recovers some of it. The blur also mixes in the face's surroundings, and
    neighbouring faces that come later in the list.
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
    """Blurs pixels; wide blurs are computed on a reduced copy."""
    height, width = around.shape[:2]
    factor = max(1.0, sigma_px / WORKING_SIGMA_PX)
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    small = cv2.resize(around, size, interpolation=cv2.INTER_AREA) if factor > 1 else around
    small = cv2.GaussianBlur(small, (0, 0), sigma_px / factor, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
