"""Between samples as a file holds them and pictures as they are looked at: 8-bit gray or RGB.

Colour arithmetic is the plain one that viewers use for ink without a profile; nothing here needs to be exact, for no
sample that stays goes through it.
"""

from __future__ import annotations

import numpy as np

from anonymizer.image.views.levels import Levels
from anonymizer.records import Pixels, Samples


def as_seen(samples: Samples) -> Pixels:
    """8-bit gray or RGB.

    Args:
        samples: (H, W), (H, W, 3) or (H, W, 4) CMYK, uint8 or uint16; not changed.

    Returns:
        (H, W) or (H, W, 3) uint8; the same array where it is that already.
    """
    eight = samples if samples.dtype == np.uint8 else _high_bytes(samples)
    return np.asarray(as_light(eight), dtype=np.uint8)


def as_light(samples: Samples) -> Samples:
    """Gray or RGB of the samples' own type: ink as it looks on paper.

    Args:
        samples: As for `as_seen`.

    Returns:
        (H, W) or (H, W, 3); the same array where it is that already.
    """
    if samples.ndim == 2 or samples.shape[2] != 4:
        return samples
    full = np.uint32(np.iinfo(samples.dtype).max)
    paper = full - samples
    return ((paper[..., :3] * paper[..., 3:] + full // 2) // full).astype(samples.dtype)


def like_samples(pixels: Pixels, samples: Samples, levels: Levels | None = None) -> Samples:
    """A picture in the kind of samples that it is to stand among; the inverse of `as_seen`, but for fineness.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        samples: Says the type, and whether it is ink: RGB becomes CMY, and black ink 0.
        levels: What the pixels were seen with, of samples of 16 bit; None = `as_seen`.
    """
    if levels is not None:
        light = levels.stored(pixels)
    else:
        light = pixels if samples.dtype == np.uint8 else pixels.astype(np.uint16) * np.uint16(257)
    if samples.ndim == 2 or samples.shape[2] != 4:
        return light
    ink = np.zeros(samples.shape, light.dtype)
    ink[..., :3] = np.iinfo(light.dtype).max - light
    return ink


def _high_bytes(samples: Samples) -> Pixels:
    """As `samples >> 8`, without a copy of the samples on the way."""
    result = np.empty(samples.shape, np.uint8)
    np.right_shift(samples, 8, out=result, casting="unsafe")
    return result
