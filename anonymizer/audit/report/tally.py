"""Count values and events in bounded memory: histograms and timelines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

TIMELINE_BINS = 60
"""The maximum number of bins: as many bars as a phone's screen can show."""


class Histogram:
    """A histogram with fixed bins.

    Args:
        edges: Ascending lower edges; bin `i` holds values from `edges[i]` up to, not including, `edges[i + 1]`; the
            last bin has no upper limit.

    Attributes:
        counts: (len(edges),) int64.
    """

    def __init__(self, edges: Sequence[float]) -> None:
        self.edges = tuple(edges)
        self.counts: NDArray[np.int64] = np.zeros(len(edges), np.int64)

    def add(self, values: NDArray[Any]) -> None:
        """Counts values; values below the first edge fall into the first bin."""
        places = np.searchsorted(np.asarray(self.edges), values, side="right") - 1
        self.counts += np.bincount(np.maximum(places, 0), minlength=len(self.edges))

    def quantile(self, share: float) -> float | None:
        """The quantile, rounded up to a bin edge; None if there are no values."""
        total = int(self.counts.sum())
        if not total:
            return None
        place = int(np.searchsorted(np.cumsum(self.counts), share * total))
        return self.edges[min(place + 1, len(self.edges) - 1)]


class Timeline:
    """Counts of events over time; bin widths double until at most `TIMELINE_BINS` bins cover all events.

    Attributes:
        width_s: Width of a bin in seconds.
    """

    def __init__(self) -> None:
        self.width_s = 1
        self._counts: Counter[int] = Counter()

    def add(self, seconds: NDArray[np.int64]) -> None:
        """Counts events.

        Args:
            seconds: (N,) times in seconds since the epoch.
        """
        if not len(seconds):
            return
        places, counts = np.unique(seconds // self.width_s, return_counts=True)
        # One batch alone may need many bins: an old manifest spans years.
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
        """Start of the first bin, in seconds since the epoch."""
        return min(self._counts, default=0) * self.width_s

    @property
    def counts(self) -> list[int]:
        """Counts of all bins from the first to the last with events."""
        if not self._counts:
            return []
        return [self._counts[place] for place in range(min(self._counts), max(self._counts) + 1)]
