"""Small pictures made in code. A patch of #ff0080 is a face to the `patch` detector."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from anonymizer.image.detectors.patch import PATCH_RGB

Box = tuple[int, int, int, int]


def scene(width: int, height: int, faces: Sequence[Box] = (), seed: int = 0) -> NDArray[np.uint8]:
    """(H, W, 3) uint8: smooth noise with patches at the given `x1, y1, x2, y2`."""
    coarse = np.random.default_rng(seed).integers(40, 200, (height // 8 + 2, width // 8 + 2, 3), dtype=np.uint8)
    pixels = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BILINEAR)).copy()
    for x1, y1, x2, y2 in faces:
        pixels[y1:y2, x1:x2] = PATCH_RGB
    return pixels


def encoded(pixels: NDArray[np.uint8], image_format: str = "PNG", **options: object) -> bytes:
    """A file of the given format."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, image_format, **options)
    return buffer.getvalue()


def decoded(data: bytes) -> NDArray[np.uint8]:
    """The pixels of a file, as an independent reader sees them."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def photo(seed: int, faces: Sequence[Box] = ((40, 30, 60, 54),), image_format: str = "PNG") -> bytes:
    """A 120 × 90 photo."""
    return encoded(scene(120, 90, faces, seed), image_format)
