"""Run a verification from configuration to result, on Ray for large OUTPUTs and in this process for small ones."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from anonymizer.audit.verify.checker import Checker
from anonymizer.audit.verify.execution import run_in_process, run_on_ray
from anonymizer.audit.verify.merge_join import COLUMNS, files_to_check, named_outputs, outputs
from anonymizer.audit.verify.result import Verification
from anonymizer.audit.verify.sample import Sample, check_sample, sample_job
from anonymizer.config import EngineConfig, RunConfig
from anonymizer.errors import ConfigError
from anonymizer.lake.manifest import ManifestStore
from anonymizer.lake.roots import open_manifest, open_output
from anonymizer.lake.storage import folder_uri, is_relative, nested
from anonymizer.records import ChunkResult
from anonymizer.run.chunks import Task, group

log = logging.getLogger(__name__)

MANY_OUTPUTS = 10_000
MANY_BYTES = 4 * 2**30
"""Above either limit Ray workers are used: they take five seconds to start, and one process checks about a hundred
files a second."""

LOG_EVERY_S = 30.0


def verify(config: RunConfig, *, inside_job: bool = False, sample: Sample | None = None) -> Verification:
    """Compares every file below OUTPUT with the manifest's current rows; changes nothing.

    To be used while no run is active: files that a run publishes meanwhile have no row yet.

    Args:
        config: OUTPUT and the manifest as given by the user, storage options and number of workers.
        inside_job: Whether this is a Ray job, whose working directory is deleted afterwards: relative paths are
            refused.
        sample: The sample that the second detector (`config.detector`) checks; None = no sample.

    Returns:
        The findings; `exit_status` is 0 only if there are none.

    Raises:
        UsageError: There is no manifest, or a setting is invalid (exit 2).
        RunError: The listing or the manifest cannot be read completely (exit 1).
    """
    since = time.monotonic()
    config = _resolved(config, inside_job=inside_job)
    manifest_uri = config.manifest or ""
    manifest = open_manifest(config, manifest_uri)
    run_ids = manifest.run_ids()
    if not run_ids:
        raise ConfigError(f"there is no manifest at {manifest_uri}; --manifest URI says where it is")
    job = sample_job(config) if sample is not None else None
    current = manifest.current(COLUMNS)
    named = current.filter(current["output_uri"].is_valid())
    result = Verification(config.output, manifest_uri, expected=named.num_rows)
    result.unfinished = _unfinished(manifest, run_ids[-1])
    account = _Account(result, config.engine)
    _check(config, named, account)
    if sample is not None and job is not None:
        photos = named.filter(named["shard"].is_null())
        result.second_look = check_sample(job, manifest, photos, sample, account.report)
    result.seconds = time.monotonic() - since
    return result


def _resolved(config: RunConfig, *, inside_job: bool) -> RunConfig:
    """The configuration with absolute URLs."""
    given = [uri for uri in (config.output, config.manifest) if uri]
    if not config.output:
        raise ConfigError("OUTPUT is needed")
    if inside_job and any(map(is_relative, given)):
        raise ConfigError("inside a Ray job relative paths point into a package that is deleted later: give full ones")
    output = folder_uri(config.output)
    manifest_uri = folder_uri(config.manifest or f"{output.rstrip('/')}.manifest")
    if nested(output, manifest_uri):
        raise ConfigError("OUTPUT and the manifest lie inside one another")
    return replace(config, output=output, manifest=manifest_uri)


def _unfinished(manifest: ManifestStore, run_id: str) -> str | None:
    """The newest run's id if its record has no end time, else None."""
    known = run_id in manifest.runs()
    return run_id if known and manifest.read_run(run_id).get("finished") is None else None


def _check(config: RunConfig, named: Any, account: _Account) -> None:
    with open_output(config) as root:
        rows = named_outputs(named, root.uri, account.report)
        items = files_to_check(outputs(root), rows, datetime.now(UTC), account.report)
        tasks = map(Task, group(items, config.engine.chunk_keys, config.engine.chunk_bytes))
        if _is_large(named):
            run_on_ray(config, Checker, config, tasks, account)
        else:
            run_in_process(config, Checker(config), tasks, account)


def _is_large(named: Any) -> bool:
    """Whether the work justifies starting Ray workers."""
    if named.num_rows > MANY_OUTPUTS:
        return True
    sizes: list[int | None] = named["output_size"].to_pylist()
    return sum(filter(None, sizes)) > MANY_BYTES


class _Account:
    """Collects the findings of the workers (an `engine.Sink`)."""

    def __init__(self, result: Verification, config: EngineConfig) -> None:
        self._result = result
        self._attempts = config.attempts
        self._logged = time.monotonic()

    def report(self, key: str, code: str) -> None:
        """Adds a finding."""
        log.debug("%s: %s", key, code)
        self._result.report(key, code)

    def committed(self, task: Task, result: ChunkResult) -> list[Task]:
        """Adds a chunk's findings; files that the deadline cut off are retried and finally count as `unreadable`."""
        for key, code in result.codes.items():
            self.report(key, code)
        self._result.checked += len(result.statuses)
        self._result.checked_bytes += result.output_bytes
        self._log_now_and_then()
        if task.attempt >= self._attempts:
            for key in result.unfinished:
                self.report(key, "unreadable")
            return []
        left = tuple(item for item in task.items if item.ref.key in result.unfinished)
        return [replace(task, items=left)] if left else []

    def poison(self, task: Task) -> None:
        """Reports the files of a task that crashes every worker as `unreadable`."""
        for item in task.items:
            self.report(item.ref.key, "unreadable")

    def refresh(self, task: Task) -> Task:
        """Returns the task as it is: reading changes nothing."""
        return task

    def _log_now_and_then(self) -> None:
        now = time.monotonic()
        if now - self._logged >= LOG_EVERY_S:
            self._logged = now
            found = sum(self._result.findings.values())
            log.info("%d of %d outputs checked, %d findings", self._result.checked, self._result.expected, found)
