"""What a command of the program is made of."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from anonymizer.config import RunConfig


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """A command line that has been read.

    Attributes:
        config: The settings; a command that is no run takes from them what it needs.
        arguments: What argparse made of the command line, for what is no setting.
        environ: The process's environment variables.
    """

    config: RunConfig
    arguments: argparse.Namespace
    environ: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command of the program.

    Attributes:
        name: The word that the user types.
        help: Its line in `anonymizer --help`.
        description: What its own help says above the arguments.
        epilog: What its own help says below them, if anything.
        add_arguments: Adds its arguments to its parser.
        execute: Does it and returns the exit status.
    """

    name: str
    help: str
    description: str
    epilog: str | None = None
    add_arguments: Callable[[argparse.ArgumentParser], None]
    execute: Callable[[Invocation], int]
