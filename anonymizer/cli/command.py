"""Defines what a command of the program consists of."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from anonymizer.config import RunConfig


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """A parsed command line.

    Attributes:
        config: The settings; commands other than `run` use some of them.
        arguments: The parsed arguments, for those that are not settings.
        environ: The environment variables of the process.
    """

    config: RunConfig
    arguments: argparse.Namespace
    environ: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command of the program.

    Attributes:
        name: Name on the command line.
        help: Its line in `anonymizer --help`.
        description: Text above the arguments in its own help.
        epilog: Text below the arguments in its own help, if any.
        add_arguments: Adds its arguments to its parser.
        execute: Executes it and returns the exit status.
    """

    name: str
    help: str
    description: str
    epilog: str | None = None
    add_arguments: Callable[[argparse.ArgumentParser], None]
    execute: Callable[[Invocation], int]
