"""`solid`: fill masks with one constant colour."""

from __future__ import annotations

import re

import numpy as np

from anonymizer.config import RedactionConfig
from anonymizer.errors import ConfigError
from anonymizer.image.geometry import IntBoxes, mask_patch
from anonymizer.image.redactors.patches import paste
from anonymizer.records import PIXELS, Grid, Pixels

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
        height, width = pixels.shape[:2]
        fill = np.array(self._rgb if pixels.ndim == 3 else luma(self._rgb), dtype=np.uint8)
        for box in xyxy:
            rows, columns, mask = mask_patch(box, width, height, grid)
            paste(redacted, rows, columns, np.broadcast_to(fill, (*mask.shape, *fill.shape)), mask)
        return redacted


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
