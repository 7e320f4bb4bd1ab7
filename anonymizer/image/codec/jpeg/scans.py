"""Which scans of a JPEG its picture needs (ITU-T T.81, B.2.3 and G.1.1.1)."""

from __future__ import annotations

import numpy as np

from anonymizer.errors import DecodeError

MAX_SCANS = 200
"""A usual progressive file has about ten; each one more costs a pass over the whole picture."""


class Scans:
    """Which coefficients the scans have brought so far, and how precisely.

    Attributes:
        orderly: They came in the order that the standard asks for.
        taken: How many scans the picture needed.
    """

    def __init__(self, component_count: int, progressive: bool) -> None:
        self._progressive = progressive
        # Per component and coefficient the lowest bit that is known; -1 = nothing yet.
        self._low = np.full((component_count, 64), -1)
        self._count = 0
        self.orderly = True
        self.taken = 0

    @property
    def complete(self) -> bool:
        return self.orderly and not self._low.any()

    def takes(self, numbers: list[int], first: int, last: int, bits: int) -> bool:
        """Whether the picture needs this scan; notes what it brings (T.81, G.1.1.1).

        A scan beyond those is a hiding place: libjpeg adds it to the coefficients, but not to the pixels.

        Args:
            numbers: Of its components.
            first: Coefficient, in zigzag order.
            last: Coefficient.
            bits: Lowest bits known before and after, four bits each.

        Raises:
            DecodeError: There are too many of them.
        """
        self._count += 1
        if self._count > MAX_SCANS:
            raise DecodeError
        known = self._low[numbers]
        if not self._low.any() or (not self._progressive and (known == 0).any()):
            return False
        if not self._progressive:
            first, last, bits = 0, 63, 0
        before, after = bits >> 4, bits & 15
        expected, band = before or -1, known[:, first : last + 1]
        # DC comes first and by itself; other bands are those of a single component.
        proper = first <= last <= 63 and (last == 0 if first == 0 else len(numbers) == 1 and known[0, 0] >= 0)
        self.orderly &= bool((band == expected).all() and (not before or after == before - 1))
        self.orderly &= bool(proper or not self._progressive)
        self._low[numbers, first : last + 1] = after
        self.taken += 1
        return True
