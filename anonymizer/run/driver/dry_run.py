"""A dry run: what a run would do now and, from a sample, how long that would take. Publishes and starts nothing."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator, Sequence
from datetime import datetime

import numpy as np

from anonymizer.config import RunConfig, item_settings_sha256
from anonymizer.errors import ImageTooLarge, ObjectError, WrongOutput
from anonymizer.lake.identity import absent, identify
from anonymizer.lake.manifest import ManifestStore, Snapshot
from anonymizer.lake.naming import Places
from anonymizer.lake.roots import open_input, open_manifest_root, open_output
from anonymizer.lake.storage import Listed, Root
from anonymizer.people.boxes import SuspectList
from anonymizer.pipeline import Anonymizer
from anonymizer.records import GivenBoxes, ManifestRow, WorkItem
from anonymizer.run.driver import unmatched
from anonymizer.run.plan.current_rows import CurrentRows
from anonymizer.run.plan.planner import Asked, Planner
from anonymizer.run.start.clock import decided_at
from anonymizer.run.start.keylist import requested
from anonymizer.run.start.load import load_boxes, load_keys, load_registry, load_weights
from anonymizer.run.summary import OK, Estimate, Summary
from anonymizer.run.takedown.removals import unsafe_rows

_SURE = 1.96
"""Standard errors on either side of 95 % of a normal distribution."""


class _Refused:
    """Whom the planner tells: counts."""

    def __init__(self) -> None:
        self.count = 0

    def refuse(self, item: WorkItem, error: ObjectError, published: ManifestRow | None) -> None:
        del item, error, published
        self.count += 1

    def collide(self, item: WorkItem) -> None:
        del item
        self.count += 1


class _Sample:
    """So many of a stream, each as likely (Vitter's algorithm R); the same stream gives the same sample."""

    def __init__(self, size: int) -> None:
        self.items: list[WorkItem] = []
        self.seen = self.seen_bytes = 0
        self._size = size
        self._dice = random.Random(0)  # noqa: S311 - no secret

    def add(self, item: WorkItem) -> None:
        self.seen += 1
        self.seen_bytes += item.ref.size
        if len(self.items) < self._size:
            self.items.append(item)
        elif (place := self._dice.randrange(self.seen)) < self._size:
            self.items[place] = item


def rehearse(config: RunConfig, manifest_uri: str, as_of: datetime, places: Places) -> Summary:
    """Plans a run against the manifest as it stands, and does a sample of it in this process.

    Raises:
        UsageError: Configuration or registry are wrong, as a run would find them.
    """
    began = time.monotonic()
    summary = Summary(manifest_uri=manifest_uri, exit_status=OK)
    manifest_root = open_manifest_root(config, manifest_uri)
    output, manifest = open_output(config), ManifestStore(manifest_root)
    if not identify(config, manifest, output).present:
        raise WrongOutput(absent(config, output))
    as_of = decided_at(config, as_of, manifest).as_of
    registry, boxes, keys = load_registry(config, as_of), load_boxes(config), load_keys(config)
    anonymizer = Anonymizer(config, weights=load_weights(config))
    redo = frozenset(request.key for request in keys.of("redo")) if keys is not None else frozenset()

    def settings(given: GivenBoxes | None) -> str:
        return item_settings_sha256(anonymizer.settings_sha256, config, given.sha256 if given is not None else None)

    snapshot, suspects = Snapshot(manifest_root), SuspectList.read(manifest_root)
    asked = Asked(
        registry.decide,
        lambda ref: suspects.besides(ref.key, boxes.find(ref) if boxes is not None else None),
        settings,
        lambda key: config.force or key in redo,
    )
    refused, sample = _Refused(), _Sample(config.estimate or 0)
    planner = Planner(config, CurrentRows(snapshot.scan, "", config.input), asked, refused, places)
    with open_input(config) as source:
        entries: Iterator[Listed] = source.list()
        if keys is not None:
            entries = (found for _, found in requested(source, keys.of("redo", "check")) if found is not None)
        for task in planner.tasks(entries):
            for item in task.items:
                sample.add(item)
        if config.estimate and sample.seen:
            summary.estimate = _estimate(config, anonymizer, source, sample)
    unmatched.tell(registry, config, summary)
    if config.consent.strict:
        unmatched.refuse(list(summary.objections_unmatched))
    summary.listed, summary.listed_bytes = planner.listed, planner.listed_bytes
    summary.unchanged = planner.unchanged
    summary.statuses["to do"] = sample.seen
    summary.statuses["failed"] = refused.count
    summary.to_take_down = sum(1 for _ in unsafe_rows(snapshot, registry, config, as_of))
    summary.seconds = time.monotonic() - began
    return summary


def _estimate(config: RunConfig, anonymizer: Anonymizer, source: Root, sample: _Sample) -> Estimate:
    """Does the sample, one after the other, and scales its time by bytes."""
    seconds: list[float] = []
    failed = 0
    anonymizer.self_test()
    for item in sample.items:
        # Workers read ahead and publish behind: what counts is the time of the computation.
        took = 0.0
        try:
            data = _read(source, item, config.codec.max_bytes)
            began = time.monotonic()
            try:
                anonymizer(data, item.decision, item.boxes)
            finally:
                took = time.monotonic() - began
        except ObjectError:
            failed += 1
        seconds.append(took)
    sizes = [item.ref.size for item in sample.items]
    hours, apart = scaled(seconds, sizes, sample.seen, sample.seen_bytes)
    workers = config.engine.workers or os.cpu_count() or 1
    return Estimate(len(seconds), failed, workers, hours, apart, config.core_price)


def _read(source: Root, item: WorkItem, most: int) -> bytes:
    if item.ref.size > most:
        raise ImageTooLarge
    return source.read(item.ref)


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
