"""The arguments that commands share: options that stand for a setting, `--config`, `--set` and `--verbose`."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Iterable
from typing import Any

from anonymizer import config
from anonymizer.config import RunConfig

#: Option → its setting, and the name of its value in help texts. The help text is the setting's documentation.
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
REPEATED = {"--include": "include", "--exclude": "exclude"}
#: Options without a value.
FLAGS = {
    "--in-place": "in_place",
    "--discard-originals": "discard_originals",
    "--force": "force",
    "--prune": "prune",
    "--dry-run": "dry_run",
}


def documentation(setting: str) -> str:
    """A setting's documentation as argparse takes a help text."""
    return _escaped(_documented()[setting][1])


def add_all_options(command: argparse.ArgumentParser) -> None:
    """Adds every option that stands for a setting, with its default and its choices."""
    for option, (setting, metavar) in OPTIONS.items():
        default, doc = _documented()[setting]
        choices = config.choices(RunConfig, setting)
        text = f"{doc} (default: {default})" if default is not None else doc
        command.add_argument(option, dest=setting, metavar=metavar, choices=choices, help=_escaped(text))
    for option, setting in REPEATED.items():
        command.add_argument(option, dest=setting, metavar="GLOB", action="append", help=documentation(setting))
    for option, setting in FLAGS.items():
        command.add_argument(option, dest=setting, action="store_true", help=documentation(setting))


def add_options(command: argparse.ArgumentParser | argparse._ArgumentGroup, options: Iterable[str]) -> None:
    """Adds some of `OPTIONS` to a command that is no run, where a run's defaults say nothing."""
    for option in options:
        setting, metavar = OPTIONS[option]
        command.add_argument(option, dest=setting, metavar=metavar, help=documentation(setting))


def add_common(command: argparse.ArgumentParser, verbose: str) -> None:
    """Adds the arguments that every command has.

    Args:
        command: The command's parser.
        verbose: What `--verbose` does there.
    """
    text = "settings as TOML (or JSON), section by section; any fsspec URL"
    command.add_argument("--config", metavar="FILE", help=text)
    assignments: dict[str, Any] = {"action": "append", "default": [], "metavar": "SECTION.KEY=VALUE"}
    text = "any setting, repeatable; infra/docs/settings.md lists them"
    command.add_argument("--set", dest="assignments", help=text, **assignments)
    command.add_argument("--verbose", action="store_true", help=verbose)


@functools.cache
def _documented() -> dict[str, tuple[Any, str]]:
    """Dotted name of every setting → its default and documentation."""
    return {name: (default, doc) for name, default, doc in config.fields_of(RunConfig)}


def _escaped(text: str) -> str:
    return text.replace("%", "%%")
