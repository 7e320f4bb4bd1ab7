"""Methods that make faces unrecognisable: one file per method, registered in `METHODS`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import numpy as np

from anonymizer.config import Method, RedactionConfig
from anonymizer.image.geometry import IntBoxes, head_mask, widened
from anonymizer.image.redactors.blur import Blur
from anonymizer.image.redactors.gaussian import Gaussian
from anonymizer.image.redactors.pixelate import Pixelate
from anonymizer.image.redactors.smooth import Smooth
from anonymizer.image.redactors.solid import Solid
from anonymizer.image.views import Points, as_light, as_seen, dim_levels, like_samples
from anonymizer.records import PIXELS, Frame, Grid, Mask, Pixels, Samples

__all__ = ["METHODS", "Redactor", "make", "redact_frame"]


#: Of samples that are not what a method makes, so many are brought back at a time.
_BAND_PIXELS = 2**18


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
        redactor: The method. It sees 8-bit gray or RGB, and its fill is brought back to the samples' kind. Of dark
            samples of 16 bit it sees the range that they use, so that a fill is no lamp among them.
        frame: Upright; not changed.
        xyxy: (N, 4) int32 padded boxes in pixels, half-open, not clipped.
        grid: Masks are rounded out to its blocks.
    """
    mask = head_mask(xyxy, frame.width, frame.height, grid)
    pixels = _redacted(redactor, frame, mask, xyxy, grid)
    if frame.alpha is None:
        return replace(frame, pixels=pixels, redacted=mask)
    alpha = frame.alpha.copy()
    alpha[mask] = np.iinfo(alpha.dtype).max
    return replace(frame, pixels=pixels, alpha=alpha, redacted=mask)


def _redacted(redactor: Redactor, frame: Frame, mask: Mask, xyxy: IntBoxes, grid: Grid) -> Samples:
    light = as_light(frame.pixels)
    # From what stays visible alone: nothing under a mask may decide about its fill.
    deep = light.dtype == np.uint16
    levels = dim_levels(Points.of(light, frame.alpha, widened(mask, grid.reach))) if deep else None
    seen = as_seen(light) if levels is None else levels.seen(light)
    filled = redactor.redact(seen, xyxy, grid)
    if seen is frame.pixels:
        return filled
    del light, seen
    result = frame.pixels.copy()
    step = max(1, _BAND_PIXELS // frame.width)
    for start in range(0, frame.height, step):
        rows = slice(start, start + step)
        inside = mask[rows]
        if inside.any():
            band = like_samples(filled[rows], result[rows], levels)
            np.copyto(result[rows], band, where=inside if band.ndim == 2 else inside[..., None])
    return result
