"""List the settings of a run from its record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from anonymizer.audit.report.tables import Column, Grid
from anonymizer.config import RunConfig, fields_of

_COLUMNS: tuple[Column, ...] = (("Setting", "code"), ("Value", "code"), ("Meaning", "text"))

_PUBLIC_SECTIONS = ("detector.", "redaction.", "codec.", "metadata.")
_PUBLIC = ("names", "boxes.mode")
_NEVER_PUBLIC = ("detector.weights",)
"""A public page shows only settings of the method, none that names data or people."""


def tables(settings: Mapping[str, Any], *, public: bool) -> tuple[Grid, Grid]:
    """The settings that differ from their defaults, and those that do not.

    Args:
        settings: The settings in a run's record: nested; of filesystem options only the names.
        public: Only settings that are not confidential.
    """
    changed: list[tuple[str, ...]] = []
    default: list[tuple[str, ...]] = []
    for name, standard, doc in fields_of(RunConfig):
        if public and not _is_public(name):
            continue
        value = _value(settings, name)
        row = (name, _shown(value), doc)
        (changed if _shown(value) != _shown(standard) else default).append(row)
    return (
        Grid("settings-set", "Settings that differ from the default", _COLUMNS, tuple(changed)),
        Grid("settings-default", "Settings with their default value", _COLUMNS, tuple(default)),
    )


def _is_public(name: str) -> bool:
    return name in _PUBLIC or (name.startswith(_PUBLIC_SECTIONS) and name not in _NEVER_PUBLIC)


def _value(settings: Mapping[str, Any], name: str) -> Any:
    found: Any = settings
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _shown(value: Any) -> str:
    """A value as text; None and empty collections are a dash."""
    if value is None or (isinstance(value, (list, tuple, dict, str)) and not value):
        return "–"
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return json.dumps(value, sort_keys=True)
