"""What a decoder makes of a file, in one form for all decoders, and how far two of them are apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymizer.records import Frame

Values = NDArray[np.float32]

RANGE = 255.0
"""Samples of any depth are given in 1/255 of their range."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One upright frame.

    Attributes:
        color: (H, W, 3) RGB or (H, W, 4) CMYK, 0 to 255; gray is RGB of equal channels.
        alpha: (H, W), 0 to 255; None = opaque.
    """

    color: Values
    alpha: Values | None = None

    @classmethod
    def of_samples(cls, samples: NDArray[Any], greatest: float, *, alpha: bool = False, inks: bool = False) -> Seen:
        """From samples of any depth.

        Args:
            samples: (H, W) or (H, W, C).
            greatest: The value that stands for the whole range.
            alpha: The last channel is alpha.
            inks: The channels are CMYK, not RGB.
        """
        values = np.asarray(samples, np.float32) * np.float32(RANGE / greatest)
        values = values[..., None] if values.ndim == 2 else values
        visible = values[..., -1] if alpha else None
        color = values[..., :-1] if alpha else values
        if color.shape[2] == 1:
            color = np.repeat(color, 3, axis=2)
        if color.shape[2] != (4 if inks else 3):
            raise ValueError(f"{color.shape[2]} channels of colour")
        return cls(color, visible)

    @classmethod
    def of_frame(cls, frame: Frame) -> Seen:
        """From a frame of ours; HDR keeps the values that code its light."""
        greatest = float(np.iinfo(frame.pixels.dtype).max)
        inks = frame.pixels.ndim == 3 and frame.pixels.shape[2] == 4
        color = cls.of_samples(frame.pixels, greatest, inks=inks).color
        alpha = None if frame.alpha is None else np.asarray(frame.alpha, np.float32) * np.float32(RANGE / greatest)
        return cls(color, alpha)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.color.shape[0], self.color.shape[1]

    @property
    def inks(self) -> bool:
        return int(self.color.shape[2]) == 4

    def as_rgb(self) -> Seen:
        """Ink as viewers show it that know no profile: white times what each ink and the black let through."""
        if not self.inks:
            return self
        paper = np.float32(RANGE) - self.color
        light: Values = np.asarray(paper[..., :3] * paper[..., 3:] / RANGE, np.float32)
        return Seen(light, self.alpha)

    def planes(self) -> Values:
        """(H, W, C): what can be seen of the colours, those under alpha 0 being black, and alpha."""
        if self.alpha is None:
            return np.dstack((self.color, np.full(self.size, RANGE, np.float32)))
        return np.dstack((self.color * self.alpha[..., None] / np.float32(RANGE), self.alpha))

    def thumbnail(self, side: int) -> Seen:
        """RGB whose longer side has so many pixels, each the mean of what it covers."""
        rgb = self.as_rgb()
        scale = side / max(self.size)
        wanted = max(1, round(self.size[1] * scale)), max(1, round(self.size[0] * scale))
        small = cv2.resize(rgb.planes(), wanted, interpolation=cv2.INTER_AREA)
        return Seen(np.asarray(small[..., :3], np.float32))


@dataclass(frozen=True, slots=True)
class Difference:
    """How far two decoders are apart.

    Attributes:
        most: The largest difference of a sample, in 1/255 of the range.
        mean: Of all samples.
        frames: How many were compared.
        missing: How many frames one of both has more.
        sizes: Both sizes (height, width) of the first frame whose sizes differ; it counts as 255.
    """

    most: float
    mean: float
    frames: int = 1
    missing: int = 0
    sizes: tuple[tuple[int, int], tuple[int, int]] | None = None


def difference(ours: Sequence[Seen], theirs: Sequence[Seen]) -> Difference:
    """Compares frame by frame what is visible, and alpha."""
    frames, missing = min(len(ours), len(theirs)), abs(len(ours) - len(theirs))
    most, total, count = 0.0, 0.0, 0
    for one, other in zip(ours, theirs, strict=False):
        if one.size != other.size:
            return Difference(RANGE, RANGE, frames, missing, (one.size, other.size))
        apart = _apart(one, other)
        most = max(most, float(apart.max()))
        total += float(apart.sum(dtype=np.float64))
        count += apart.size
    return Difference(round(most, 4), round(total / max(count, 1), 4), frames, missing)


def _apart(one: Seen, other: Seen) -> Values:
    if one.inks != other.inks:
        one, other = one.as_rgb(), other.as_rgb()
    planes = one.planes()
    apart: Values = np.abs(planes - other.planes())
    return apart
