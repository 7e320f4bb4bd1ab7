"""Parses `--set` arguments and configuration files into nested mappings, and merges them."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

from anonymizer.errors import ConfigError


def parse_assignments(assignments: Iterable[str]) -> dict[str, Any]:
    """Parses the arguments of `--set`, e.g. `["a.b=1"]`, into nested mappings, e.g. `{"a": {"b": "1"}}`.

    Values stay text, except for JSON lists, objects, booleans and null, and for lists of bare words such as `[a, b]`.

    Raises:
        ConfigError: There is no `=` or no name before it, or the same name is used for a value and a section.
    """
    result: dict[str, Any] = {}
    for assignment in assignments:
        path, separator, text = assignment.partition("=")
        if not separator or not path:
            raise ConfigError(f"--set takes section.key=value, not {assignment!r}")
        node = result
        *parents, last = path.split(".")
        for parent in parents:
            node = node.setdefault(parent, {})
            if not isinstance(node, dict):
                raise ConfigError(f"--set {path}: {parent} is already a value")
        node[last] = _maybe_json(text)
    return result


def _maybe_json(text: str) -> Any:
    if text[:1] in "[{" or text in ("true", "false", "null"):
        try:
            return json.loads(text)
        except ValueError:
            # A list of bare words, as in `[dpi, icc]`: the shell removed the quotes.
            words = re.fullmatch(r"\[([^\[\]\"]*)\]", text)
            return [word.strip() for word in words[1].split(",")] if words else text
    return text


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Merges two nested mappings, section by section; if both have a value, that of `over` wins."""
    result = dict(base)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merge(result[key], value) if both else value
    return result


def parse_file(text: bytes, name: str) -> dict[str, Any]:
    """Parses a configuration file into nested mappings.

    Args:
        text: Its content.
        name: Its name, for messages; if it ends in `.json` the file is JSON, else TOML.

    Raises:
        ConfigError: The file cannot be parsed, or its top level is not a table.
    """
    try:
        parsed = json.loads(text) if name.endswith(".json") else tomllib.loads(text.decode())
    except ValueError as error:
        raise ConfigError(f"{name}: {error}") from None
    if not isinstance(parsed, dict):
        raise ConfigError(f"{name}: expected a table of settings")
    return parsed
