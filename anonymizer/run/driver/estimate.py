"""How long a run would take, told from a sample of its objects that is done in this process."""

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
"""Standard errors on either side of 95 % of a normal distribution."""


class Sample:
    """So many of a stream, each as likely (Vitter's algorithm R); the same stream gives the same sample.

    Args:
        size: Items that are kept at most.

    Attributes:
        items: The sample.
        seen: Items of the stream so far.
        seen_bytes: Their bytes.
    """

    def __init__(self, size: int) -> None:
        self.items: list[WorkItem] = []
        self.seen = self.seen_bytes = 0
        self._size = size
        self._dice = random.Random(0)  # noqa: S311 - no secret

    def add(self, item: WorkItem) -> None:
        """Takes the next item of the stream."""
        self.seen += 1
        self.seen_bytes += item.ref.size
        if len(self.items) < self._size:
            self.items.append(item)
        elif (place := self._dice.randrange(self.seen)) < self._size:
            self.items[place] = item


def estimate(config: RunConfig, anonymizer: Anonymizer, source: Root, sample: Sample) -> Estimate:
    """Does the sample, one object after the other, and scales its time by bytes. Publishes nothing."""
    anonymizer.self_test()
    done = [_timed(config, anonymizer, source, item) for item in sample.items]
    seconds, succeeded = [took for took, _ in done], sum(success for _, success in done)
    sizes = [item.ref.size for item in sample.items]
    hours, apart = scaled(seconds, sizes, sample.seen, sample.seen_bytes)
    workers = config.engine.workers or os.cpu_count() or 1
    return Estimate(len(done), len(done) - succeeded, workers, hours, apart, config.core_price)


def _timed(config: RunConfig, anonymizer: Anonymizer, source: Root, item: WorkItem) -> tuple[float, bool]:
    """Seconds of computation for one object, and whether it can be published.

    Workers read ahead and publish behind, so the time of reading does not count.
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
    """Core hours for all, and how far they may be off with 95 % confidence.

    The ratio estimator (Cochran, Sampling Techniques, 3rd ed., 6.3): time goes with bytes, and all bytes are known.

    Args:
        seconds: Each sampled object took.
        sizes: Of the sampled objects, bytes.
        count: Of all objects.
        total: Bytes of all objects.
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
