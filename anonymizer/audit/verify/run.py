"""A verification from configuration to result; on Ray where there is much to read, else in this process."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from anonymizer.audit.verify.checker import Checker
from anonymizer.audit.verify.joined import COLUMNS, named_outputs, outputs, to_check
from anonymizer.audit.verify.placing import here, on_ray
from anonymizer.audit.verify.result import Verification
from anonymizer.audit.verify.sample import Sample, look_job, second_look
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
"""Beyond either, starting workers pays (five seconds): one process checks some hundred files a second."""

LOG_EVERY_S = 30.0


def verify(config: RunConfig, *, inside_job: bool = False, sample: Sample | None = None) -> Verification:
    """Holds every file below OUTPUT against the manifest's current rows; changes nothing.

    Meant for a time when no run is at work: what one publishes meanwhile has no row yet.

    Args:
        config: OUTPUT and the manifest as the user wrote them, how they are reached, and how many workers.
        inside_job: Runs inside a Ray job, where relative paths point into a package that is deleted later.
        sample: What a second detector, that of `config`, looks at besides.

    Returns:
        What was found; `exit_status` 0 only if nothing was.

    Raises:
        UsageError: There is no manifest, or the settings are wrong (exit 2).
        RunError: The listing or the manifest cannot be read completely (exit 1).
    """
    since = time.monotonic()
    config = _resolved(config, inside_job=inside_job)
    manifest_uri = config.manifest or ""
    manifest = open_manifest(config, manifest_uri)
    run_ids = manifest.run_ids()
    if not run_ids:
        raise ConfigError(f"there is no manifest at {manifest_uri}; --manifest URI says where it is")
    job = look_job(config) if sample is not None else None
    current = manifest.current(COLUMNS)
    named = current.filter(current["output_uri"].is_valid())
    result = Verification(config.output, manifest_uri, expected=named.num_rows)
    result.unfinished = _unfinished(manifest, run_ids[-1])
    account = _Account(result, config.engine)
    _check(config, named, account)
    if sample is not None and job is not None:
        result.second_look = second_look(job, manifest, named, sample, account.report)
    result.seconds = time.monotonic() - since
    return result


def _resolved(config: RunConfig, *, inside_job: bool) -> RunConfig:
    """The configuration with full URLs."""
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
    """The newest run, if it has a record that says no end."""
    known = run_id in manifest.runs()
    return run_id if known and manifest.read_run(run_id).get("finished") is None else None


def _check(config: RunConfig, named: Any, account: _Account) -> None:
    with open_output(config) as root:
        rows = named_outputs(named, root.uri, account.report)
        items = to_check(outputs(root), rows, datetime.now(UTC), account.report)
        tasks = map(Task, group(items, config.engine.chunk_keys, config.engine.chunk_bytes))
        if _is_large(named):
            on_ray(config, Checker, config, tasks, account)
        else:
            here(config, Checker(config), tasks, account)


def _is_large(named: Any) -> bool:
    """Whether starting workers pays."""
    if named.num_rows > MANY_OUTPUTS:
        return True
    sizes: list[int | None] = named["output_size"].to_pylist()
    return sum(filter(None, sizes)) > MANY_BYTES


class _Account:
    """Counts; also what the engine reports to (`engine.Sink`)."""

    def __init__(self, result: Verification, config: EngineConfig) -> None:
        self._result = result
        self._attempts = config.attempts
        self._logged = time.monotonic()

    def report(self, key: str, code: str) -> None:
        """Takes a finding."""
        log.debug("%s: %s", key, code)
        self._result.report(key, code)

    def committed(self, task: Task, result: ChunkResult) -> list[Task]:
        """Takes what a checker found; what it had no time for is tried again, and is `unreadable` in the end."""
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
        """A file that no worker survives proves nothing."""
        for item in task.items:
            self.report(item.ref.key, "unreadable")

    def refresh(self, task: Task) -> Task:
        """Reading changes nothing: the task is as it was."""
        return task

    def _log_now_and_then(self) -> None:
        now = time.monotonic()
        if now - self._logged >= LOG_EVERY_S:
            self._logged = now
            found = sum(self._result.findings.values())
            log.info("%d of %d outputs checked, %d findings", self._result.checked, self._result.expected, found)
