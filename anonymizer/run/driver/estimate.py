"""Estimates how long a run would take from a sample of its objects, which is processed in this process."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Sequence

import numpy as np

from anonymizer.config import RunConfig
from anonymizer.errors import ObjectError
from anonymizer.lake.storage import Root
from anonymizer.pipeline import Anonymizer
from anonymizer.records import WorkItem
from anonymizer.run.sources import read_source
from anonymizer.run.summary import Estimate

_SURE = 1.96
"""Half-width, in standard errors, of the 95 % interval of a normal distribution."""


class Sample:
    """Uniform random sample of a stream (Vitter's algorithm R); the same stream always gives the same sample.

    Args:
        size: Maximum number of items in the sample.

    Attributes:
        items: The sample.
        seen: Number of items of the stream so far.
        seen_bytes: Their size in bytes.
    """

    def __init__(self, size: int) -> None:
        self.items: list[WorkItem] = []
        self.seen = self.seen_bytes = 0
        self._size = size
        self._dice = random.Random(0)  # noqa: S311 - no secret

    def add(self, item: WorkItem) -> None:
        """Offers the next item of the stream to the sample."""
        self.seen += 1
        self.seen_bytes += item.ref.size
        if len(self.items) < self._size:
            self.items.append(item)
        elif (place := self._dice.randrange(self.seen)) < self._size:
            self.items[place] = item


def estimate(config: RunConfig, anonymizer: Anonymizer, source: Root, sample: Sample) -> Estimate:
    """Processes the sample, one object after the other, and scales its time by size in bytes. Publishes nothing."""
    anonymizer.self_test()
    done = [_timed(config, anonymizer, source, item) for item in sample.items]
    seconds, succeeded = [took for took, _ in done], sum(success for _, success in done)
    sizes = [item.ref.size for item in sample.items]
    hours, apart = scaled(seconds, sizes, sample.seen, sample.seen_bytes)
    workers = config.engine.workers or os.cpu_count() or 1
    return Estimate(len(done), len(done) - succeeded, workers, hours, apart, config.core_price)


def _timed(config: RunConfig, anonymizer: Anonymizer, source: Root, item: WorkItem) -> tuple[float, bool]:
    """Seconds of computation for one object, and whether it can be published.

    The time of reading does not count, because workers read and publish while they compute.
    """
    took = 0.0
    try:
        data = read_source(source, item.ref, config.codec.max_bytes)
        began = time.monotonic()
        try:
            anonymizer(data, item.decision, item.boxes)
        finally:
            took = time.monotonic() - began
    except ObjectError:
        return took, False
    return took, True


def scaled(seconds: Sequence[float], sizes: Sequence[int], count: int, total: int) -> tuple[float, float]:
    """Estimates the core hours for all objects, and the half-width of the 95 % confidence interval.

    Uses the ratio estimator (Cochran, Sampling Techniques, 3rd ed., 6.3): time is about proportional to size, and the
    total size is known.

    Args:
        seconds: Time of each sampled object.
        sizes: Size of each sampled object, bytes.
        count: Number of all objects.
        total: Size of all objects, bytes.
    """
    took, size = np.asarray(seconds, float), np.asarray(sizes, float)
    if not size.sum():
        return took.mean() * count / 3600, float("inf")
    ratio = took.sum() / size.sum()
    hours = ratio * total / 3600
    if len(took) < 2:
        return hours, float("inf")
    spread = np.sqrt(((took - ratio * size) ** 2).sum() / (len(took) - 1) / len(took))
    of_all = np.sqrt(max(0.0, 1 - len(took) / count))
    return hours, float(_SURE * of_all * spread / size.mean() * total / 3600)
