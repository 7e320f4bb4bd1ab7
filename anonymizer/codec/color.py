"""Colours of any profile to sRGB, so that the profile can be dropped without changing what is seen."""

from __future__ import annotations

import functools
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

_MAX_PROFILE_BYTES = 8 * 2**20

# A profile that moves no probe colour by more than this is sRGB by another name.
_SAME_LEVELS = 1


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Converts colours to sRGB.

    Args:
        image: Mode `L`, `RGB` or `CMYK`.
        profile: ICC profile of the source. One that is broken, oversized or for another kind of colours counts as
            absent, and the picture as sRGB.

    Returns:
        Mode `L` for gray, else `RGB`.
    """
    transform = _transform(profile, image.mode) if profile and len(profile) <= _MAX_PROFILE_BYTES else None
    if transform is None:
        return image.convert("RGB") if image.mode == "CMYK" else image
    converted = transform.apply(image)
    return converted.getchannel("G") if image.mode == "L" else converted


# Building a transform costs more than applying it to a small photo, and a data lake has few different profiles.
@functools.lru_cache(maxsize=8)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return None
    return None if _changes_nothing(transform, mode) else transform


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    if mode == "CMYK":
        return False
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    channels = 3 if mode == "RGB" else 1
    grid = np.stack(np.meshgrid(*[levels] * channels, indexing="ij"), axis=-1).reshape(1, -1, channels)
    probe = Image.fromarray(grid if channels == 3 else grid[..., 0])
    moved = np.asarray(transform.apply(probe)).astype(np.int16) - grid
    return int(np.abs(moved).max()) <= _SAME_LEVELS
