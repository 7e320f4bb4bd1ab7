"""What `run` and `verify` share: the cluster that the environment names, an orderly end, and the run itself."""

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


def driven(run_config: RunConfig, environ: Mapping[str, str], keys: KeyList | None = None) -> int:
    """Does a run, shows its progress and its closing table, and returns its exit status.

    Args:
        run_config: The run's settings.
        environ: The process's environment variables.
        keys: The objects to do, in place of those that `run_config` names.
    """
    from anonymizer.run import driver, progress

    watched = progress.TerminalProgress(sys.stderr) if sys.stderr.isatty() else progress.LogProgress()
    end_orderly()
    secret = naming.secret_of(environ.get(naming.SECRET_VARIABLE)) if run_config.names == "hashed" else None
    ready = with_cluster(run_config, environ)
    summary = driver.run(ready, watched, inside_job=inside_job(environ), names_secret=secret, keys=keys)
    console.say(progress.closing_table(summary))
    return summary.exit_status


def end_orderly() -> None:
    """Makes SIGTERM end the process as Ctrl-C does."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_signum: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def with_cluster(run_config: RunConfig, environ: Mapping[str, str]) -> RunConfig:
    """The settings with the cluster of `RAY_ADDRESS`, unless the user named another one."""
    if run_config.engine.address != "auto" or not environ.get("RAY_ADDRESS"):
        return run_config
    return replace(run_config, engine=replace(run_config.engine, address=environ["RAY_ADDRESS"]))


def inside_job(environ: Mapping[str, str]) -> bool:
    """Whether this process is the entry point of a Ray job: Ray sets the variable for those."""
    return "RAY_JOB_CONFIG_JSON_ENV_VAR" in environ
