"""`solid`: fill masks with one constant colour."""

from __future__ import annotations

import re

import numpy as np

from anonymizer.config import RedactionConfig
from anonymizer.errors import ConfigError
from anonymizer.image.geometry import IntBoxes, mask_patch
from anonymizer.image.redactors.patches import paste
from anonymizer.records import PIXELS, Grid, Partial, Pixels

#: Luma weights of ITU-R BT.601, as in JPEG, WebP and Pillow's mode `L`.
LUMA = (0.299, 0.587, 0.114)


class Solid:
    """Fills every mask with `config.fill`.

    What it leaks: nothing below the mask; only its position and size.
    """

    name = "solid"
    output_revision = 2

    def __init__(self, config: RedactionConfig) -> None:
        self._rgb = parse_colour(config.fill)

    def redact(self, pixels: Pixels, xyxy: IntBoxes, grid: Grid = PIXELS) -> Pixels:
        """A copy of `pixels` with every mask filled; see `Redactor.redact`."""
        redacted = pixels.copy()
        self._paint(redacted, xyxy, grid)
        return redacted

    def reduction(self, xyxy: IntBoxes, width: int, height: int, grid: Grid) -> int:
        """Any: no pixel is read. See `FromReduced.reduction`."""
        del xyxy, grid
        return max(width, height)

    def redact_reduced(self, pixels: Pixels, whole: Partial, xyxy: IntBoxes, grid: Grid) -> Pixels:
        """Every mask filled; see `FromReduced.redact_reduced`."""
        redacted = np.zeros((whole.height, whole.width, *pixels.shape[2:]), np.uint8)
        self._paint(redacted, xyxy, grid)
        return redacted

    def _paint(self, pixels: Pixels, xyxy: IntBoxes, grid: Grid) -> None:
        height, width = pixels.shape[:2]
        fill = np.array(self._rgb if pixels.ndim == 3 else luma(self._rgb), dtype=np.uint8)
        for box in xyxy:
            rows, columns, mask = mask_patch(box, width, height, grid)
            paste(pixels, rows, columns, np.broadcast_to(fill, (*mask.shape, *fill.shape)), mask)


def parse_colour(text: str) -> tuple[int, int, int]:
    """`#rrggbb` to red, green and blue in 0…255.

    Raises:
        ConfigError: The text is not of this form.
    """
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise ConfigError(f"redaction.fill is a colour written #rrggbb, not {text!r}")
    red, green, blue = bytes.fromhex(text[1:])
    return red, green, blue


def luma(rgb: tuple[int, int, int]) -> int:
    """The gray value, 0…255, of a colour."""
    return round(sum(weight * channel for weight, channel in zip(LUMA, rgb, strict=True)))
