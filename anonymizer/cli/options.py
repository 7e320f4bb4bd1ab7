"""Adds the arguments that commands share: options that set a setting, `--config`, `--set` and `--verbose`."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Iterable
from typing import Any

from anonymizer import config
from anonymizer.config import RunConfig

#: Option → its setting and metavar. The help text is the setting's documentation.
OPTIONS: dict[str, tuple[str, str | None]] = {
    "--consent": ("consent.registry", "URI"),
    "--purpose": ("consent.purpose", "NAME"),
    "--as-of": ("as_of", "TIME"),
    "--method": ("redaction.method", None),
    "--policy": ("consent.policy", None),
    "--fill": ("redaction.fill", "#RRGGBB"),
    "--detector": ("detector.name", "NAME[,NAME]"),
    "--weights": ("detector.weights", "URI"),
    "--boxes": ("boxes.uri", "URI"),
    "--jpeg": ("codec.jpeg", None),
    "--names": ("names", None),
    "--adopt": ("adopt", None),
    "--manifest": ("manifest", "URI"),
    "--limit": ("limit", "N"),
    "--originals": ("originals", "URI"),
    "--keys": ("keys", "URI"),
    "--prune-limit": ("prune_limit", "N|P%"),
    "--estimate": ("estimate", "N"),
    "--core-price": ("core_price", "AMOUNT"),
    "--workers": ("engine.workers", "N"),
    "--address": ("engine.address", "local|auto|ADDRESS"),
    "--max-failures": ("max_failures", "N|P%"),
}
#: Options that may be given several times.
REPEATED = {
    "--include": ("include", "GLOB"),
    "--exclude": ("exclude", "GLOB"),
    "--allow": ("allow", "CODE[,CODE]"),
}
#: Options without a value.
FLAGS = {
    "--in-place": "in_place",
    "--discard-originals": "discard_originals",
    "--force": "force",
    "--prune": "prune",
    "--dry-run": "dry_run",
}


def documentation(setting: str) -> str:
    """Returns a setting's documentation, escaped for argparse."""
    return _escaped(_documented()[setting][1])


def add_all_options(command: argparse.ArgumentParser) -> None:
    """Adds all options that set a setting, with defaults and choices."""
    for option, (setting, metavar) in OPTIONS.items():
        default, doc = _documented()[setting]
        choices = config.choices(RunConfig, setting)
        text = f"{doc} (default: {default})" if default is not None else doc
        command.add_argument(option, dest=setting, metavar=metavar, choices=choices, help=_escaped(text))
    for option, (setting, metavar) in REPEATED.items():
        command.add_argument(option, dest=setting, metavar=metavar, action="append", help=documentation(setting))
    for option, setting in FLAGS.items():
        command.add_argument(option, dest=setting, action="store_true", help=documentation(setting))


def add_options(command: argparse.ArgumentParser | argparse._ArgumentGroup, options: Iterable[str]) -> None:
    """Adds some of `OPTIONS` to a command other than `run`; the help does not show the defaults of a run."""
    for option in options:
        setting, metavar = OPTIONS[option]
        command.add_argument(option, dest=setting, metavar=metavar, help=documentation(setting))


def add_common(command: argparse.ArgumentParser, verbose: str) -> None:
    """Adds the arguments that every command has.

    Args:
        command: The command's parser.
        verbose: Help text of `--verbose`.
    """
    text = "settings as TOML (or JSON), section by section; any fsspec URL"
    command.add_argument("--config", metavar="FILE", help=text)
    assignments: dict[str, Any] = {"action": "append", "default": [], "metavar": "SECTION.KEY=VALUE"}
    text = "any setting, repeatable; infra/docs/settings.md lists them"
    command.add_argument("--set", dest="assignments", help=text, **assignments)
    command.add_argument("--verbose", action="store_true", help=verbose)


@functools.cache
def _documented() -> dict[str, tuple[Any, str]]:
    """Maps the dotted name of every setting to its default and documentation."""
    return {name: (default, doc) for name, default, doc in config.fields_of(RunConfig)}


def _escaped(text: str) -> str:
    return text.replace("%", "%%")
