"""Merges the settings of a command line from its layers: the configuration file, `--set`, options."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from anonymizer import config
from anonymizer.cli.credentials import refuse_secret
from anonymizer.cli.options import FLAGS, OPTIONS, REPEATED
from anonymizer.config import RunConfig


def settings(arguments: argparse.Namespace) -> RunConfig:
    """Merges the configuration file, `--set` and options; if they differ, the later one wins.

    Args:
        arguments: Parsed arguments of any command; it may lack some of the options.

    Raises:
        ConfigError: A setting is unknown or wrong, or there is a secret on the command line.
    """
    values: dict[str, Any] = {}
    if arguments.config is not None:
        from anonymizer.lake.files import read_uri

        name = PurePosixPath(arguments.config).name
        values = config.parse_file(read_uri(arguments.config, "the configuration"), name)
    for assignment in arguments.assignments:
        refuse_secret(assignment)
    values = config.merge(values, config.parse_assignments(arguments.assignments))
    for name, value in _given(arguments):
        values = config.merge(values, _nested(name, value))
    return config.from_mapping(RunConfig, values)


def _given(arguments: argparse.Namespace) -> Iterator[tuple[str, Any]]:
    """Dotted name and value of every setting that has an option or argument on this command line."""
    for name in (*(name for name, _ in (*OPTIONS.values(), *REPEATED.values())), "input", "output"):
        value = getattr(arguments, name, None)
        if value is not None:
            yield name, value
    for name in FLAGS.values():
        if getattr(arguments, name, False):
            yield name, True


def _nested(path: str, value: Any) -> dict[str, Any]:
    """Converts `a.b` and 1 to `{"a": {"b": 1}}`."""
    for part in reversed(path.split(".")):
        value = {part: value}
    return dict(value)
