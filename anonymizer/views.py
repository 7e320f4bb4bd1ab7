"""Between samples as a file holds them and pictures as they are looked at: 8-bit gray or RGB.

Colour arithmetic is the plain one that viewers use for ink without a profile; nothing here needs to be exact, for no
sample that stays goes through it.
"""

from __future__ import annotations

import numpy as np

from anonymizer.records import Frame, Pixels, Samples


def as_seen(samples: Samples) -> Pixels:
    """8-bit gray or RGB.

    Args:
        samples: (H, W), (H, W, 3) or (H, W, 4) CMYK, uint8 or uint16; not changed.

    Returns:
        (H, W) or (H, W, 3) uint8; the same array where it is that already.
    """
    eight = samples if samples.dtype == np.uint8 else (samples >> 8).astype(np.uint8)
    if eight.ndim == 3 and eight.shape[2] == 4:
        paper = 255 - eight.astype(np.uint16)
        eight = (paper[..., :3] * paper[..., 3:] + 127) // 255
    return np.asarray(eight, dtype=np.uint8)


def like_samples(pixels: Pixels, samples: Samples) -> Samples:
    """A picture in the kind of samples that it is to stand among; the inverse of `as_seen`, but for fineness.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        samples: Says the type, and whether it is ink: RGB becomes CMY, and black ink 0.
    """
    if samples.ndim == 3 and samples.shape[2] == 4:
        ink = np.zeros(samples.shape, np.uint8)
        ink[..., :3] = 255 - pixels
        pixels = ink
    return pixels if samples.dtype == np.uint8 else pixels.astype(np.uint16) * 257


def views(frame: Frame) -> list[Pixels]:
    """Every picture in which a face can be seen in a frame: its colours, its alpha and its black ink by themselves.

    A face that is drawn only in alpha, or in black ink under solid colours, is one that a viewer may never show and
    that anybody can bring out.
    """
    found = [as_seen(frame.pixels)]
    if frame.pixels.ndim == 3 and frame.pixels.shape[2] == 4 and _varies(frame.pixels[..., 3]):
        found.append(as_seen(np.iinfo(frame.pixels.dtype).max - frame.pixels[..., 3]))
    if frame.alpha is not None and _varies(frame.alpha):
        found.append(as_seen(frame.alpha))
    return found


def _varies(plane: Samples) -> bool:
    return bool(plane.min() != plane.max())
