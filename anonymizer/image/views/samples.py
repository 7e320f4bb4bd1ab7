"""Convert between a file's samples (8 or 16 bits, gray, RGB or CMYK) and 8-bit gray or RGB.

CMYK is converted by the simple formula that viewers use without a profile. This need not be exact, because samples that
are not redacted are never converted.
"""

from __future__ import annotations

import numpy as np

from anonymizer.image.views.levels import Levels
from anonymizer.records import Pixels, Samples


def to_uint8(samples: Samples) -> Pixels:
    """Converts samples to 8-bit gray or RGB.

    Args:
        samples: (H, W), (H, W, 3) or (H, W, 4) CMYK, uint8 or uint16; not changed.

    Returns:
        (H, W) or (H, W, 3) uint8; the same array if no conversion is needed.
    """
    eight = samples if samples.dtype == np.uint8 else _high_bytes(samples)
    return np.asarray(to_rgb(eight), dtype=np.uint8)


def to_rgb(samples: Samples) -> Samples:
    """Converts CMYK to RGB in the samples' own type; returns gray and RGB unchanged.

    Args:
        samples: See `to_uint8`.

    Returns:
        (H, W) or (H, W, 3); the same array if no conversion is needed.
    """
    if samples.ndim == 2 or samples.shape[2] != 4:
        return samples
    full = np.uint32(np.iinfo(samples.dtype).max)
    paper = full - samples
    return ((paper[..., :3] * paper[..., 3:] + full // 2) // full).astype(samples.dtype)


def like_samples(pixels: Pixels, samples: Samples, levels: Levels | None = None) -> Samples:
    """Converts 8-bit gray or RGB to a file's sample type; the inverse of `to_uint8` up to rounding.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        samples: Gives the type, and whether it is CMYK: RGB then becomes CMY with black 0.
        levels: The stretch that made the pixels from 16-bit samples; None = `to_uint8`.
    """
    if levels is not None:
        light = levels.invert(pixels)
    else:
        light = pixels if samples.dtype == np.uint8 else pixels.astype(np.uint16) * np.uint16(257)
    if samples.ndim == 2 or samples.shape[2] != 4:
        return light
    ink = np.zeros(samples.shape, light.dtype)
    ink[..., :3] = np.iinfo(light.dtype).max - light
    return ink


def _high_bytes(samples: Samples) -> Pixels:
    """Same as `(samples >> 8).astype(uint8)`, without an intermediate copy."""
    result = np.empty(samples.shape, np.uint8)
    np.right_shift(samples, 8, out=result, casting="unsafe")
    return result
