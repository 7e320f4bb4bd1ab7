"""Starts a run, or resumes one that was interrupted, and writes the run's record before any work."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

from anonymizer.config import RunConfig
from anonymizer.people.consent import Registry
from anonymizer.run import engine
from anonymizer.run.context import RunContext, now
from anonymizer.run.driver import intents
from anonymizer.run.record import times_resumed
from anonymizer.run.start.arguments import arguments_sha256
from anonymizer.run.start.clock import Decided

log = logging.getLogger(__name__)

#: Added to the attempts for each time that a run was resumed, so that they are higher than all earlier ones.
ATTEMPTS_EACH = 1000


def begin(run: RunContext, registry: Registry, decided: Decided) -> dict[str, Any]:
    """Resumes the unfinished run with the same arguments, or starts a new one.

    Before that it completes interrupted work of earlier runs: intents are recovered, journals compacted.

    Args:
        run: The run; its id and attempt are set here.
        registry: The consent registry.
        decided: The time for which the run evaluates consent.

    Returns:
        The run's record, as it was written.

    Raises:
        LeaseLost: Another run has taken over.
        OutputLost: OUTPUT has lost its mark.
    """
    run.output.mark_before_removals()
    arguments = arguments_sha256(run.config)
    run_id, resumed = _resumed(run, arguments) or (run.new_run_id(), 0)
    _clean_up(run)
    run.attempt = resumed * ATTEMPTS_EACH
    run.summary.run_id = run_id
    run.summary.registry_problems = registry.problems
    record = {
        "run_id": run_id,
        "arguments_sha256": arguments,
        "settings": _settings(run.config),
        "as_of": decided.as_of.isoformat(),
        "as_of_given": run.config.as_of is not None,
        "latest_clock": decided.clock.isoformat() if decided.clock is not None else None,
        "registry_sha256": registry.sha256,
        "versions": engine.versions(),
        "started": now().isoformat(),
        "resumed": resumed,
        "finished": None,
    }
    run.lease.check()
    run.lease.set_run(run_id)
    run.manifest.write_run(run_id, record)
    return record


def _resumed(run: RunContext, arguments: str) -> tuple[str, int] | None:
    """Id of the run to resume, and how often it will have been resumed; None if there is none to resume."""
    run_id = run.manifest.unfinished(arguments)
    if run_id is None:
        return None
    log.info("resuming run %s", run_id)
    return run_id, times_resumed(run.manifest.read_run(run_id)) + 1


def _clean_up(run: RunContext) -> None:
    """Recovers the intents of workers that died, and compacts the journals of earlier runs."""
    recovered = intents.recover(run.manifest, run.output.root, run.output_key, run.output.require)
    run.summary.recovered += len(recovered)
    for run_id in run.manifest.journal_run_ids():
        run.manifest.compact(run_id, final=True)


def _settings(config: RunConfig) -> dict[str, Any]:
    """The settings for the record; of the fsspec options, which may be credentials, only the names."""
    settings = dataclasses.asdict(config)
    storage = settings["storage"]
    return settings | {"storage": {k: sorted(v) if isinstance(v, dict) else v for k, v in storage.items()}}
