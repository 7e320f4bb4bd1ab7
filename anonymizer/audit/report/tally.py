"""Counters that stay small however much is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

TIMELINE_BINS = 60
"""As many bars as can be told apart on a telephone."""


class Histogram:
    """How many values lie in each of a few ranges.

    Args:
        edges: Ascending; range `i` holds the values from `edges[i]` up to, but not including, `edges[i + 1]`; the last
            one is open.

    Attributes:
        counts: (len(edges),) int64.
    """

    def __init__(self, edges: Sequence[float]) -> None:
        self.edges = tuple(edges)
        self.counts: NDArray[np.int64] = np.zeros(len(edges), np.int64)

    def add(self, values: NDArray[Any]) -> None:
        """Counts values; those below the first edge count in the first range."""
        places = np.searchsorted(np.asarray(self.edges), values, side="right") - 1
        self.counts += np.bincount(np.maximum(places, 0), minlength=len(self.edges))

    def quantile(self, share: float) -> float | None:
        """Below this lie so many of the values, as exactly as the ranges tell; None without any."""
        total = int(self.counts.sum())
        if not total:
            return None
        place = int(np.searchsorted(np.cumsum(self.counts), share * total))
        return self.edges[min(place + 1, len(self.edges) - 1)]


class Timeline:
    """How many events fell into each stretch of time; stretches double until few enough cover all of it.

    Attributes:
        width_s: Of a stretch.
    """

    def __init__(self) -> None:
        self.width_s = 1
        self._counts: Counter[int] = Counter()

    def add(self, seconds: NDArray[np.int64]) -> None:
        """Counts events.

        Args:
            seconds: (N,) since the epoch.
        """
        if not len(seconds):
            return
        places, counts = np.unique(seconds // self.width_s, return_counts=True)
        # The stretches of one batch alone may be many: an old manifest holds years.
        for place, count in zip(places.tolist(), counts.tolist(), strict=True):
            self._counts[place] += count
        while max(self._counts) - min(self._counts) >= TIMELINE_BINS:
            self._double()

    def _double(self) -> None:
        self.width_s *= 2
        wider: Counter[int] = Counter()
        for place, count in self._counts.items():
            wider[place // 2] += count
        self._counts = wider

    @property
    def total(self) -> int:
        return self._counts.total()

    @property
    def start_s(self) -> int:
        """Since the epoch; of the first stretch."""
        return min(self._counts, default=0) * self.width_s

    @property
    def counts(self) -> list[int]:
        """Of every stretch from the first to the last that has any."""
        if not self._counts:
            return []
        return [self._counts[place] for place in range(min(self._counts), max(self._counts) + 1)]
