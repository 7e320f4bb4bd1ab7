"""Implements `anonymizer run INPUT OUTPUT`. `jobs/anonymize.py` does the same as a Ray job."""

from __future__ import annotations

import argparse

from anonymizer.cli.command import Command, Invocation
from anonymizer.cli.options import add_all_options, add_common, documentation
from anonymizer.cli.running import run_and_report
from anonymizer.errors import ConfigError
from anonymizer.run.summary import RUN_STATUSES, statuses_text

_DESCRIPTION = (
    "Redacts every face without consent, removes all metadata, and writes the safe images to OUTPUT and one row per "
    "object to the manifest. INPUT is a folder or a single file, OUTPUT a folder, both any fsspec URL. A run that was "
    "interrupted is resumed when it is started again with the same arguments."
)


def _add_arguments(run: argparse.ArgumentParser) -> None:
    run.add_argument("input", metavar="INPUT", help=documentation("input"))
    run.add_argument("output", metavar="OUTPUT", nargs="?", help=documentation("output"))
    add_all_options(run)
    add_common(run, "log every failure as it happens")


def _execute(given: Invocation) -> int:
    if not given.config.output and not given.config.in_place:
        raise ConfigError("OUTPUT or --in-place is required (see anonymizer run --help)")
    return run_and_report(given.config, given.environ)


COMMAND = Command(
    name="run",
    help="anonymize INPUT into OUTPUT",
    description=_DESCRIPTION,
    epilog=statuses_text(RUN_STATUSES),
    add_arguments=_add_arguments,
    execute=_execute,
)
