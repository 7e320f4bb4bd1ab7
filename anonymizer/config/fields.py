"""Defines what a setting is: a dataclass field with its documentation and its limits as metadata.

The help texts of the command line, the page of settings and the error messages are made from these fields.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterator
from dataclasses import field
from typing import Any, Literal


def setting(
    default: Any,
    doc: str,
    *,
    low: float | None = None,
    high: float | None = None,
    words: tuple[str, ...] = (),
    commas: bool = False,
) -> Any:
    """Creates a dataclass field with the documentation and limits of a setting.

    Args:
        default: The value when the user sets nothing.
        doc: One sentence or two, as `--help` and the page of settings show them.
        low: The lowest number that is allowed.
        high: The highest number that is allowed.
        words: If given, the value is one of these words, or several of them separated by commas or as a list.
        commas: For a list of texts: commas separate them.
    """
    metadata = {"doc": doc, "low": low, "high": high, "words": words, "commas": commas}
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def fields_of(config_type: type[Any], prefix: str = "") -> Iterator[tuple[str, Any, str]]:
    """Iterates over the settings of a configuration and of its sections.

    Args:
        config_type: `RunConfig`, or the dataclass of a section.
        prefix: Prefix of the names, e.g. `detector.`.

    Yields:
        Dotted name, default and documentation, in the order of the fields.
    """
    hints = typing.get_type_hints(config_type)
    for item in dataclasses.fields(config_type):
        name = f"{prefix}{item.name}"
        if dataclasses.is_dataclass(hints[item.name]):
            yield from fields_of(typing.cast("type[Any]", hints[item.name]), f"{name}.")
        else:
            default = item.default if item.default is not dataclasses.MISSING else {}
            yield name, default, item.metadata["doc"]


def choices(config_type: type[Any], name: str) -> tuple[str, ...] | None:
    """Returns the values that a setting can have.

    Args:
        config_type: `RunConfig`, or the dataclass of a section.
        name: The setting's dotted name.

    Returns:
        The options of its `Literal` type; None for a setting of any other type.
    """
    *sections, last = name.split(".")
    for section in sections:
        config_type = typing.get_type_hints(config_type)[section]
    hint = typing.get_type_hints(config_type)[last]
    either = typing.get_args(hint) if typing.get_origin(hint) in (types.UnionType, typing.Union) else (hint,)
    return next((typing.get_args(option) for option in either if typing.get_origin(option) is Literal), None)
