"""Check a random sample of the published photos with a second detector, on Ray for large samples."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from anonymizer.audit.verify.execution import run_in_process, run_on_ray
from anonymizer.audit.verify.merge_join import COLUMNS, Report
from anonymizer.audit.verify.redacted_pixels import RunSettings
from anonymizer.audit.verify.result import SampleResult, place
from anonymizer.audit.verify.sample_worker import SampleChunkResult, SampledPhoto, SampleJob, SampleWorker
from anonymizer.audit.verify.sampling import sample_keys
from anonymizer.audit.verify.second_detector import detector_settings
from anonymizer.config import BoxesConfig, RunConfig
from anonymizer.errors import RunError
from anonymizer.image import detectors
from anonymizer.lake.manifest import ManifestStore, from_table
from anonymizer.lake.naming import output_key_of
from anonymizer.lake.roots import open_output
from anonymizer.lake.storage import Root
from anonymizer.records import NO_CONSENT, ChunkResult, ImageRef, ManifestRow
from anonymizer.run.chunks import Task, group
from anonymizer.run.start.load import load_weights

log = logging.getLogger(__name__)

RAY_FROM_PHOTOS = 40
"""Samples of at least this size use Ray workers: they take five seconds to start, and one process checks about three
photos a second."""

_COLUMNS = (*COLUMNS, "encoding", "faces", "detector")


@dataclass(frozen=True, slots=True)
class Sample:
    """The sample to draw.

    Attributes:
        count: Number of photos; all if there are fewer.
        seed: Any text; None = the id of the newest run, which gives the same photos until the next run.
    """

    count: int
    seed: str | None = None


def sample_job(config: RunConfig) -> SampleJob:
    """Loads what the second detector needs, before any other work.

    Args:
        config: The configuration of `verify`; its detector is the second detector.

    Raises:
        ConfigError: The detector's weights are missing.
    """
    # A run's configuration may replace detection with given boxes; the second detector is needed here in any case.
    return SampleJob(config, load_weights(replace(config, boxes=BoxesConfig())))


def check_sample(job: SampleJob, manifest: ManifestStore, named: Any, sample: Sample, report: Report) -> SampleResult:
    """Draws the sample and checks it.

    Args:
        job: The job from `sample_job`.
        manifest: The manifest.
        named: Arrow table of the current rows that name an output, with the column `key`.
        sample: The sample to draw.
        report: Called for every finding.

    Raises:
        RunError: The manifest cannot be read, or the workers cannot be started.
    """
    config = job.config
    seed = sample.seed if sample.seed is not None else manifest.run_ids()[-1]
    detector = detectors.make(detector_settings(config.detector), job.weights)
    look = SampleResult(
        detector.name, detector.sha256, detector_settings(config.detector), seed, published=named.num_rows
    )
    keys = sample_keys((key.as_py() for key in named["key"]), sample.count, seed)
    look.drawn = len(keys)
    account = _Account(look, report, config.engine.attempts)
    with open_output(config) as root:
        items = _items(root, manifest, keys, account)
        tasks = map(Task, group(items, config.engine.chunk_keys, config.engine.chunk_bytes))
        if len(keys) >= RAY_FROM_PHOTOS:
            run_on_ray(config, SampleWorker, job, tasks, account)
        else:
            run_in_process(config, SampleWorker(job), tasks, account)
    return look


def _items(root: Root, manifest: ManifestStore, keys: list[str], account: _Account) -> Iterator[SampledPhoto]:
    """The sampled outputs as listed now, with their rows and the settings of their runs."""
    table = manifest.current(_COLUMNS, keys=keys)
    known: dict[str, RunSettings | None] = {}
    for row, run_id in zip(from_table(table), table["run_id"].to_pylist(), strict=True):
        account.used(row)
        if run_id not in known:
            known[run_id] = _run_settings(manifest, run_id)
        key = output_key_of(row.output_uri or "", root.uri)
        found = root.stat(key) if key is not None else None
        if isinstance(found, ImageRef) and found.size == row.output_size:
            account.keys[found.key] = row.key
            yield SampledPhoto(found, NO_CONSENT, None, row, made=known[run_id])
        else:
            account.missed(key or row.key)


def _run_settings(manifest: ManifestStore, run_id: str) -> RunSettings | None:
    try:
        made = RunSettings.of(manifest.read_run(run_id))
    except RunError:
        made = None
    if made is None:
        log.warning("the settings of run %s are not known: its redactions cannot be confirmed in the pixels", run_id)
    return made


class _Account:
    """Collects the results of the workers (an `engine.Sink`).

    Attributes:
        keys: The sources' keys by output key.
    """

    def __init__(self, look: SampleResult, report: Report, attempts: int) -> None:
        self._look = look
        self._report = report
        self._attempts = attempts
        self.keys: dict[str, str] = {}

    def used(self, row: ManifestRow) -> None:
        """Adds the detectors with which a photo was published."""
        self._look.used.update((row.detector or "").split("+"))

    def missed(self, output_key: str) -> None:
        """Reports a photo that could not be checked."""
        self._report(output_key, "not_looked")

    def committed(self, task: Task, result: ChunkResult) -> list[Task]:
        """Adds a chunk's results; photos that the deadline cut off are retried."""
        for output_key in result.codes:
            self.missed(output_key)
        for output_key, looked in result.looked if isinstance(result, SampleChunkResult) else ():
            self._look.take(self.keys[output_key], looked)
            for suspect in looked.suspects:
                log.info("%s: suspect_face %s", output_key, place(suspect))
            if looked.suspects:
                self._report(output_key, "suspect_face")
        left = tuple(item for item in task.items if item.ref.key in result.unfinished)
        if task.attempt < self._attempts:
            return [replace(task, items=left)] if left else []
        for item in left:
            self.missed(item.ref.key)
        return []

    def poison(self, task: Task) -> None:
        """Reports the photos of a task that crashes every worker."""
        for item in task.items:
            self.missed(item.ref.key)

    def refresh(self, task: Task) -> Task:
        """Returns the task as it is: reading changes nothing."""
        return task
