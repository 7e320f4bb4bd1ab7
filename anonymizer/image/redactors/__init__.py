"""Redact faces: one module per method, registered in `METHODS`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np

from anonymizer.config import Method, RedactionConfig
from anonymizer.image.geometry import IntBoxes, head_mask, widened
from anonymizer.image.redactors.blur import Blur
from anonymizer.image.redactors.gaussian import Gaussian
from anonymizer.image.redactors.pixelate import Pixelate
from anonymizer.image.redactors.smooth import Smooth
from anonymizer.image.redactors.solid import Solid
from anonymizer.image.views import Points, dim_levels, like_samples, to_rgb, to_uint8
from anonymizer.records import PIXELS, Frame, Grid, Mask, Partial, Pixels, Samples

__all__ = ["METHODS", "FromReduced", "Redactor", "make", "redact_frame", "suffices"]


#: Pixels that are converted back to the frame's sample type at a time, to bound memory.
_BAND_PIXELS = 2**18


class Redactor(Protocol):
    """A redaction method.

    Attributes:
        name: The name in `--method`.
        output_revision: Increased by hand whenever the method's output changes.
    """

    name: str
    output_revision: int

    def redact(self, pixels: Pixels, xyxy: IntBoxes, grid: Grid = PIXELS) -> Pixels:
        """Redacts every face.

        Args:
            pixels: (H, W) gray or (H, W, 3) RGB, uint8; not changed.
            xyxy: (N, 4) int32 padded boxes in pixels, half-open, not clipped.
            grid: Masks are rounded outward to its blocks.

        Returns:
            A new array of the same shape. Only pixels of `geometry.head_mask(xyxy, W, H, grid)` differ.
        """
        ...


@runtime_checkable
class FromReduced(Redactor, Protocol):
    """A method that fills masks of blocks from a smaller picture as well as from the whole one."""

    def reduction(self, xyxy: IntBoxes, width: int, height: int, grid: Grid) -> int:
        """How many times smaller a picture may be given to `redact_reduced` without its fill becoming coarser.

        Args:
            xyxy: See `redact`.
            width: Width of the whole picture in pixels.
            height: Height of the whole picture in pixels.
            grid: See `redact`.
        """
        ...

    def redact_reduced(self, pixels: Pixels, whole: Partial, xyxy: IntBoxes, grid: Grid) -> Pixels:
        """Fills every mask.

        Args:
            pixels: Like those of `redact`, `whole.factor` times smaller.
            whole: Size of the whole picture.
            xyxy: See `redact`, in pixels of the whole picture.
            grid: See `redact`; blocks have sides that `whole.factor` divides.

        Returns:
            A new array of the whole picture's size, 0 outside of `geometry.head_mask(xyxy, W, H, grid)`.
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
    """Makes the configured method's redactor.

    Raises:
        ConfigError: `fill` is not a colour.
    """
    return METHODS[config.method](config)


def suffices(redactor: Redactor, frame: Frame, xyxy: IntBoxes, grid: Grid) -> bool:
    """Whether a frame holds enough of its picture for `redact_frame`."""
    if frame.partial is None or not len(xyxy):
        return True
    if not isinstance(redactor, FromReduced):
        return False
    return redactor.reduction(xyxy, frame.width, frame.height, grid) >= frame.partial.factor


def redact_frame(redactor: Redactor, frame: Frame, xyxy: IntBoxes, grid: Grid = PIXELS) -> Frame:
    """Redacts every face in all channels of a frame and makes the masks opaque.

    All channels matter: a partly transparent mask would show a face's outline, and a black channel or low-order bits
    left below the mask would show the face.

    Args:
        redactor: The method. It receives 8-bit gray or RGB, and its result is converted back to the frame's sample
            type. Dark 16-bit samples are scaled to their own range first, so that the fill is not far too bright.
        frame: Upright; not changed. If it is partial it `suffices`, and so is the result, which holds the masks.
        xyxy: (N, 4) int32 padded boxes in pixels, half-open, not clipped.
        grid: Masks are rounded outward to its blocks.
    """
    mask = head_mask(xyxy, frame.width, frame.height, grid)
    if frame.partial is not None and isinstance(redactor, FromReduced):
        fills = redactor.redact_reduced(to_uint8(frame.pixels), frame.partial, xyxy, grid)
        return replace(frame, pixels=fills, redacted=mask, partial=replace(frame.partial, factor=1))
    pixels = _redacted(redactor, frame, mask, xyxy, grid)
    if frame.alpha is None:
        return replace(frame, pixels=pixels, redacted=mask)
    alpha = frame.alpha.copy()
    alpha[mask] = np.iinfo(alpha.dtype).max
    return replace(frame, pixels=pixels, alpha=alpha, redacted=mask)


def _redacted(redactor: Redactor, frame: Frame, mask: Mask, xyxy: IntBoxes, grid: Grid) -> Samples:
    light = to_rgb(frame.pixels)
    # Computed from visible pixels only: nothing below a mask may influence its fill.
    deep = light.dtype == np.uint16
    levels = dim_levels(Points.of(light, frame.alpha, widened(mask, grid.reach))) if deep else None
    seen = to_uint8(light) if levels is None else levels.apply(light)
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
