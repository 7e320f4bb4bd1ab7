"""Starts runs for `run` and `verify`: address of the cluster, handling of SIGTERM, progress and closing table."""

from __future__ import annotations

import signal
import sys
import typing
from collections.abc import Mapping
from dataclasses import replace
from types import FrameType
from typing import NoReturn

from anonymizer.cli import console
from anonymizer.config import RunConfig
from anonymizer.lake import naming

if typing.TYPE_CHECKING:
    from anonymizer.run.start.keylist import KeyList


def run_and_report(run_config: RunConfig, environ: Mapping[str, str], keys: KeyList | None = None) -> int:
    """Executes a run, shows its progress and its closing table, and returns its exit status.

    Args:
        run_config: The run's settings.
        environ: The environment variables of the process.
        keys: The objects to process; overrides `run_config.keys`.
    """
    from anonymizer.run import driver, progress

    watched = progress.TerminalProgress(sys.stderr) if sys.stderr.isatty() else progress.LogProgress()
    stop_on_sigterm()
    secret = naming.secret_of(environ.get(naming.SECRET_VARIABLE)) if run_config.names == "hashed" else None
    ready = with_cluster(run_config, environ)
    summary = driver.run(ready, watched, inside_job=inside_job(environ), names_secret=secret, keys=keys)
    console.print_result(progress.closing_table(summary))
    return summary.exit_status


def stop_on_sigterm() -> None:
    """Makes SIGTERM stop the process in the same way as Ctrl-C."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_signum: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def with_cluster(run_config: RunConfig, environ: Mapping[str, str]) -> RunConfig:
    """Returns the settings with the address from `RAY_ADDRESS`, unless the user set `engine.address`."""
    if run_config.engine.address != "auto" or not environ.get("RAY_ADDRESS"):
        return run_config
    return replace(run_config, engine=replace(run_config.engine, address=environ["RAY_ADDRESS"]))


def inside_job(environ: Mapping[str, str]) -> bool:
    """Whether this process is the entry point of a Ray job, for which Ray sets a variable."""
    return "RAY_JOB_CONFIG_JSON_ENV_VAR" in environ
