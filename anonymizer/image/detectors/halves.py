"""A picture halved again and again: what is to be seen small is not made from all of its pixels each time."""

from __future__ import annotations

import cv2
import numpy as np

from anonymizer.image.detectors.passes import Window
from anonymizer.records import Pixels

#: To less than half its size linear interpolation skips pixels, and small faces with them.
MIN_SHARE = 0.5


class Halves:
    """Made for one picture, halved as far as somebody asks.

    Args:
        rgb: (H, W, 3) uint8; not changed.
    """

    def __init__(self, rgb: Pixels) -> None:
        self._levels = [rgb]

    def part(self, window: Window, share: float) -> tuple[Pixels, int]:
        """A window of the picture for a look at `share` working pixels per pixel.

        Returns:
            (h, w, 3) means of so many pixels along each side as the second number says; it holds all whole ones that
            reach into the window, and is still at least as large as what `share` makes of it.
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
            # Exact halves are many times as fast as other fractions; an odd last row or column is left out.
            even = last[: 2 * height, : 2 * width]
            half = cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA)
            self._levels.append(np.asarray(half, dtype=np.uint8))
        return self._levels[level]
