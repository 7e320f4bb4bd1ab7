"""Keep an image pyramid: a picture reduced by factors of two, from which smaller versions are made quickly."""

from __future__ import annotations

import cv2
import numpy as np

from anonymizer.image.detectors.centerface.passes import Window
from anonymizer.records import Pixels

#: Linear interpolation to less than half the size skips pixels, and small faces with them.
MIN_SHARE = 0.5


class ImagePyramid:
    """The pyramid of one picture; levels are computed on demand.

    Args:
        rgb: (H, W, 3) uint8; not changed.
    """

    def __init__(self, rgb: Pixels) -> None:
        self._levels = [rgb]

    def part(self, window: Window, share: float) -> tuple[Pixels, int]:
        """A window of the picture from the coarsest level that is still at least as fine as the scale `share`.

        Args:
            window: In pixels of the picture.
            share: Network input pixels per pixel of the picture.

        Returns:
            (h, w, 3) the pixels of that level that overlap the window, and the level's reduction factor.
        """
        level = 0
        while share * 2 ** (level + 1) <= 1 and min(self._at(level).shape[:2]) > 1:
            level += 1
        factor = 2**level
        x1, y1, x2, y2 = window
        return self._at(level)[y1 // factor : -(-y2 // factor), x1 // factor : -(-x2 // factor)], factor

    def _at(self, level: int) -> Pixels:
        while len(self._levels) <= level:
            last = self._levels[-1]
            height, width = last.shape[0] // 2, last.shape[1] // 2
            # Reduction by exactly two is many times as fast as by other factors; an odd last row or column is dropped.
            even = last[: 2 * height, : 2 * width]
            half = cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA)
            self._levels.append(np.asarray(half, dtype=np.uint8))
        return self._levels[level]
