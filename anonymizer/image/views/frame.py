"""Make all pictures of a frame in which a face may be visible."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from anonymizer.image.views.hdr import as_sdr, mapped
from anonymizer.image.views.levels import Levels, Points, all_levels, levels_of, stretched
from anonymizer.image.views.samples import to_rgb, to_uint8
from anonymizer.records import CodePoints, Frame, Pixels, Samples

#: A picture is gray if its channels differ by at most this many of 255 levels on average.
GRAY_CHROMA = 4.0

#: The base of colour negative film is orange: in its brightest areas green and blue are below these shares of red.
ORANGE = (0.85, 0.6)


def views(frame: Frame) -> Iterator[Pixels]:
    """All pictures of a frame in which a face may be visible: its colours, its alpha channel and its black channel.

    A face that is drawn only in alpha, or in black (CMYK) below solid colours, is invisible in a viewer, but easy to
    extract. The same is true of a face in a narrow range of levels, so pictures with such a range are also yielded
    with stretched levels (`all_levels`). HDR is converted to standard dynamic range, because its coded values look
    gray and flat; those are yielded too where the conversion makes different samples equal.
    """
    for light, alpha in _planes(frame):
        yield to_uint8(light)
        for levels in all_levels(Points.of(light, alpha)):
            yield levels.apply(light)


def negatives(frame: Frame) -> Iterator[Pixels]:
    """The inverted picture of a frame that may be the scan of a film negative; nothing for other frames.

    Negatives are gray, or have the orange base of colour film.
    """
    light = light_of(frame)
    points = Points.of(light, frame.alpha)
    levels = stretched(points)
    if levels is not None and _may_be_negative(points, levels):
        yield 255 - levels.apply(light)


def to_display(frame: Frame) -> Pixels:
    """(H, W) or (H, W, 3) uint8: the frame for display to a person, with stretched levels if its range is narrow."""
    light = light_of(frame)
    levels = levels_of(Points.of(light, frame.alpha))
    return to_uint8(light) if levels is None else levels.apply(light)


def light_of(frame: Frame) -> Samples:
    """Converts a frame to gray or RGB of standard dynamic range in the samples' own type (CMYK and HDR are converted).

    Returns:
        (H, W) or (H, W, 3), uint8 or uint16; the same array if no conversion is needed.
    """
    return to_rgb(frame.pixels) if frame.hdr is None else as_sdr(frame.pixels, frame.hdr)


def _planes(frame: Frame) -> Iterator[tuple[Samples, Samples | None]]:
    """What is looked at by itself, gray or RGB of any depth, and its alpha."""
    if frame.hdr is None:
        yield to_rgb(frame.pixels), frame.alpha
    else:
        yield from _hdr_planes(frame.pixels, frame.hdr, frame.alpha)
    if frame.pixels.ndim == 3 and frame.pixels.shape[2] == 4 and _varies(frame.pixels[..., 3]):
        yield np.iinfo(frame.pixels.dtype).max - frame.pixels[..., 3], None
    if frame.alpha is not None and _varies(frame.alpha):
        yield frame.alpha, None


def _hdr_planes(pixels: Samples, points: CodePoints, alpha: Samples | None) -> Iterator[tuple[Samples, Samples | None]]:
    """What a screen without HDR shows; where it cannot show everything, the coded values too, as other viewers do."""
    light, clipped = mapped(pixels, points)
    yield light, alpha
    if clipped:
        yield pixels, alpha


def _may_be_negative(points: Points, levels: Levels) -> bool:
    values = points.chosen().astype(np.float32) * np.float32(255 / points.greatest)
    if float((values.max(axis=0) - values.min(axis=0)).mean()) <= GRAY_CHROMA:
        return True
    red, green, blue = levels.high.tolist()
    return bool(green < ORANGE[0] * red and blue < ORANGE[1] * red)


def _varies(plane: Samples) -> bool:
    return bool(plane.min() != plane.max())
