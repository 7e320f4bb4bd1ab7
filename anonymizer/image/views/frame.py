"""Every picture in which a face can be seen in a frame."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from anonymizer.image.views.hdr import as_sdr
from anonymizer.image.views.levels import Levels, Points, all_levels, levels_of, stretched
from anonymizer.image.views.samples import as_light, as_seen
from anonymizer.records import Frame, Pixels, Samples

#: A picture is gray if its channels are no further apart than this, in the mean, of 255 levels.
GRAY_CHROMA = 4.0

#: The mask of colour negative film is orange: of its lightest places green and blue have less than these shares of red.
ORANGE = (0.85, 0.6)


def views(frame: Frame) -> Iterator[Pixels]:
    """Every picture in which a face can be seen in a frame: its colours, its alpha and its black ink by themselves.

    A face that is drawn only in alpha, or in black ink under solid colours, is one that a viewer may never show and
    that anybody can bring out. So is one that uses few of the levels that there are: what hardly shows as it is, is
    looked at with its levels stretched too (`all_levels`). HDR is looked at as a screen of standard range shows it:
    in the values that code it, it is gray and flat.
    """
    for light, alpha in _planes(frame):
        yield as_seen(light)
        for levels in all_levels(Points.of(light, alpha)):
            yield levels.seen(light)


def negatives(frame: Frame) -> Iterator[Pixels]:
    """A frame that may be a scan of a negative, as its print would be; nothing of any other.

    Negatives are gray, or have the orange mask of colour film.
    """
    light = light_of(frame)
    points = Points.of(light, frame.alpha)
    levels = stretched(points)
    if levels is not None and _may_be_negative(points, levels):
        yield 255 - levels.seen(light)


def as_shown(frame: Frame) -> Pixels:
    """What a person should be shown of a frame: (H, W) or (H, W, 3), stretched where it shows little as it is."""
    light = light_of(frame)
    levels = levels_of(Points.of(light, frame.alpha))
    return as_seen(light) if levels is None else levels.seen(light)


def light_of(frame: Frame) -> Samples:
    """Gray or RGB of standard range, of the samples' own type: ink as it looks on paper, HDR as such a screen shows it.

    Returns:
        (H, W) or (H, W, 3), uint8 or uint16; the same array where it is that already.
    """
    return as_light(frame.pixels) if frame.hdr is None else as_sdr(frame.pixels, frame.hdr)


def _planes(frame: Frame) -> Iterator[tuple[Samples, Samples | None]]:
    """What is looked at by itself, gray or RGB of any depth, and its alpha."""
    yield light_of(frame), frame.alpha
    if frame.pixels.ndim == 3 and frame.pixels.shape[2] == 4 and _varies(frame.pixels[..., 3]):
        yield np.iinfo(frame.pixels.dtype).max - frame.pixels[..., 3], None
    if frame.alpha is not None and _varies(frame.alpha):
        yield frame.alpha, None


def _may_be_negative(points: Points, levels: Levels) -> bool:
    values = points.chosen().astype(np.float32) * np.float32(255 / points.greatest)
    if float((values.max(axis=0) - values.min(axis=0)).mean()) <= GRAY_CHROMA:
        return True
    red, green, blue = levels.high.tolist()
    return bool(green < ORANGE[0] * red and blue < ORANGE[1] * red)


def _varies(plane: Samples) -> bool:
    return bool(plane.min() != plane.max())
