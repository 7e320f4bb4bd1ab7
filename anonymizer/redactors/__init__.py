"""Methods that make faces unrecognisable: one file per method, registered in `METHODS`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from anonymizer.config import Method, RedactionConfig
from anonymizer.geometry import IntBoxes, head_mask
from anonymizer.records import PIXELS, Frame, Grid, Pixels, Samples
from anonymizer.redactors.blur import Blur
from anonymizer.redactors.gaussian import Gaussian
from anonymizer.redactors.pixelate import Pixelate
from anonymizer.redactors.smooth import Smooth
from anonymizer.redactors.solid import Solid
from anonymizer.views import as_seen, like_samples

__all__ = ["METHODS", "Redactor", "make", "redact_frame"]


class Redactor(Protocol):
    """One method.

    Attributes:
        name: As in `--method`.
        output_revision: Raised by hand whenever the pixels that the method makes change.
    """

    name: str
    output_revision: int

    def redact(self, pixels: Pixels, xyxy: IntBoxes, grid: Grid = PIXELS) -> Pixels:
        """Redacts every face.

        Args:
            pixels: (H, W) gray or (H, W, 3) RGB, uint8; not changed.
            xyxy: (N, 4) int32 padded boxes in pixels, half-open, not clipped.
            grid: Masks are rounded out to its blocks.

        Returns:
            A new array of the same shape. Only pixels of `geometry.head_mask(xyxy, W, H, grid)` differ.
        """
        ...


METHODS: dict[Method, Callable[[RedactionConfig], Redactor]] = {
    "smooth": Smooth,
    "blur": Blur,
    "pixelate": Pixelate,
    "solid": Solid,
    "gaussian": Gaussian,
}


def make(config: RedactionConfig) -> Redactor:
    """The method that the configuration names.

    Raises:
        ConfigError: `fill` is not a colour.
    """
    return METHODS[config.method](config)


def redact_frame(redactor: Redactor, frame: Frame, xyxy: IntBoxes, grid: Grid = PIXELS) -> Frame:
    """A frame with every face redacted in all that it holds, and opaque there.

    A partly transparent mask would show its outline; ink or fine gradations left under it would show the face.

    Args:
        redactor: The method. It sees 8-bit gray or RGB, and its fill is brought back to the samples' kind.
        frame: Upright; not changed.
        xyxy: (N, 4) int32 padded boxes in pixels, half-open, not clipped.
        grid: Masks are rounded out to its blocks.
    """
    mask = head_mask(xyxy, frame.width, frame.height, grid)
    seen = as_seen(frame.pixels)
    pixels: Samples = redactor.redact(seen, xyxy, grid)
    if seen is not frame.pixels:
        filled = like_samples(pixels, frame.pixels)
        pixels = np.where(mask if filled.ndim == 2 else mask[..., None], filled, frame.pixels)
    if frame.alpha is None:
        return Frame(pixels, None, mask)
    return Frame(pixels, np.where(mask, np.iinfo(frame.alpha.dtype).max, frame.alpha).astype(frame.alpha.dtype), mask)
