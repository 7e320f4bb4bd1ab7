"""The second look at a random sample of what is published; on Ray where there is much to look at."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from anonymizer.audit.verify.draw import drawn
from anonymizer.audit.verify.joined import COLUMNS, Report
from anonymizer.audit.verify.look import settings
from anonymizer.audit.verify.looker import Drawn, Looker, LookJob, LookResult
from anonymizer.audit.verify.placing import here, on_ray
from anonymizer.audit.verify.proof import MadeWith
from anonymizer.audit.verify.result import SecondLook, place
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

MANY_LOOKS = 40
"""From so many photos on, starting workers pays (five seconds): one process looks at some three a second."""

_COLUMNS = (*COLUMNS, "encoding", "faces", "detector")


@dataclass(frozen=True, slots=True)
class Sample:
    """Which photos are looked at.

    Attributes:
        count: So many, or all if there are no more.
        seed: Any text; None = the id of the newest run: the same photos until something new is published.
    """

    count: int
    seed: str | None = None


def look_job(config: RunConfig) -> LookJob:
    """What a second look needs, read and checked before any work.

    Args:
        config: As of `verify`; its detector is the second one.

    Raises:
        ConfigError: The detector needs weights that are not there.
    """
    # A configuration that is that of a run may give boxes in place of detection; here somebody looks all the same.
    return LookJob(config, load_weights(replace(config, boxes=BoxesConfig())))


def second_look(job: LookJob, manifest: ManifestStore, named: Any, sample: Sample, report: Report) -> SecondLook:
    """Looks at the sample.

    Args:
        job: As `look_job` gives it.
        manifest: Holds the rows.
        named: The current rows that name an output, as a table with `key`.
        sample: What to draw from them.
        report: Told of every finding.

    Raises:
        RunError: The manifest cannot be read, or workers cannot be had.
    """
    config = job.config
    seed = sample.seed if sample.seed is not None else manifest.run_ids()[-1]
    detector = detectors.make(settings(config.detector), job.weights)
    look = SecondLook(detector.name, detector.sha256, settings(config.detector), seed, published=named.num_rows)
    keys = drawn((key.as_py() for key in named["key"]), sample.count, seed)
    look.drawn = len(keys)
    account = _Account(look, report, config.engine.attempts)
    with open_output(config) as root:
        items = _items(root, manifest, keys, account)
        tasks = map(Task, group(items, config.engine.chunk_keys, config.engine.chunk_bytes))
        if len(keys) >= MANY_LOOKS:
            on_ray(config, Looker, job, tasks, account)
        else:
            here(config, Looker(job), tasks, account)
    return look


def _items(root: Root, manifest: ManifestStore, keys: list[str], account: _Account) -> Iterator[Drawn]:
    """The drawn outputs as they lie there now, with their rows and the settings of their runs."""
    table = manifest.current(_COLUMNS, keys=keys)
    known: dict[str, MadeWith | None] = {}
    for row, run_id in zip(from_table(table), table["run_id"].to_pylist(), strict=True):
        account.used(row)
        if run_id not in known:
            known[run_id] = _made_with(manifest, run_id)
        key = output_key_of(row.output_uri or "", root.uri)
        found = root.stat(key) if key is not None else None
        if isinstance(found, ImageRef) and found.size == row.output_size:
            account.keys[found.key] = row.key
            yield Drawn(found, NO_CONSENT, None, row, made=known[run_id])
        else:
            account.missed(key or row.key)


def _made_with(manifest: ManifestStore, run_id: str) -> MadeWith | None:
    try:
        made = MadeWith.of(manifest.read_run(run_id))
    except RunError:
        made = None
    if made is None:
        log.warning("the settings of run %s are not known: no pixel of its photos can be proven", run_id)
    return made


class _Account:
    """Counts; also what the engine reports to (`engine.Sink`).

    Attributes:
        keys: Of the sources, by the outputs' keys.
    """

    def __init__(self, look: SecondLook, report: Report, attempts: int) -> None:
        self._look = look
        self._report = report
        self._attempts = attempts
        self.keys: dict[str, str] = {}

    def used(self, row: ManifestRow) -> None:
        """Takes the detectors that a photo was published with."""
        self._look.used.update((row.detector or "").split("+"))

    def missed(self, output_key: str) -> None:
        """Takes a photo that could not be looked at."""
        self._report(output_key, "not_looked")

    def committed(self, task: Task, result: ChunkResult) -> list[Task]:
        """Takes what was seen; what there was no time for is tried again."""
        for output_key in result.codes:
            self.missed(output_key)
        for output_key, looked in result.looked if isinstance(result, LookResult) else ():
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
        """A photo that no worker survives."""
        for item in task.items:
            self.missed(item.ref.key)

    def refresh(self, task: Task) -> Task:
        """Looking changes nothing: the task is as it was."""
        return task
