"""Converts nested mappings to settings: every value is converted to its field's type and checked against its limits."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from anonymizer.errors import ConfigError

T = TypeVar("T")


def from_mapping(config_type: type[T], values: Mapping[str, Any], prefix: str = "") -> T:
    """Builds a configuration from nested mappings.

    Args:
        config_type: `RunConfig`, or the dataclass of a section.
        values: Name of a setting to its value, name of a section to its mapping. Values may be text, as they come
            from a command line.
        prefix: Prefix of the settings' names in messages, e.g. `detector.`.

    Raises:
        ConfigError: A key is unknown, or a value has the wrong type or is outside its limits.
    """
    hints = typing.get_type_hints(config_type)
    known = {item.name: item for item in dataclasses.fields(typing.cast("Any", config_type))}
    arguments: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if key not in known:
            raise ConfigError(f"unknown setting {name!r}; the known ones are {', '.join(sorted(known))}")
        hint = hints[key]
        if dataclasses.is_dataclass(hint):
            if not isinstance(value, Mapping):
                raise ConfigError(f"{name} is a section, not a value")
            arguments[key] = from_mapping(typing.cast("type[Any]", hint), value, f"{name}.")
        else:
            arguments[key] = _checked(name, value, hint, known[key].metadata)
    return config_type(**arguments)


def _checked(name: str, value: Any, hint: Any, metadata: Mapping[str, Any]) -> Any:
    words = metadata["words"]
    if metadata["commas"]:
        value = [part.strip() for item in _listed(value) for part in str(item).split(",")]
    converted = _joined(name, value, words) if words else _converted(name, value, hint)
    return _limited(name, converted, metadata)


def _converted(name: str, value: Any, hint: Any) -> Any:
    """The value converted to its field's type; empty text becomes None if the type allows None."""
    origin, options = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        if value is None or value == "":
            return None
        return _converted(name, value, next(o for o in options if o is not type(None)))
    if origin is Literal:
        if value not in options:
            raise ConfigError(f"{name} must be one of {', '.join(options)}, not {value!r}")
        return value
    if origin is tuple:
        values = _listed(value)
        if typing.get_origin(options[0]) is Literal:
            values = tuple(word.strip() for item in values for word in str(item).split(","))
        return tuple(_converted(name, item, options[0]) for item in values)
    if origin is dict:
        if not isinstance(value, Mapping):
            raise ConfigError(f"{name} needs a key: {name}.KEY=VALUE")
        return dict(value)
    return _scalar(name, value, hint)


def _listed(value: Any) -> tuple[Any, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _joined(name: str, value: Any, words: tuple[str, ...]) -> str:
    """Converts `a, b` or `["a", "b"]` to `a,b`; each word may be given once."""
    given = value.split(",") if isinstance(value, str) else list(value) if isinstance(value, (list, tuple)) else [value]
    parts = [part.strip() if isinstance(part, str) else part for part in given]
    for part in parts:
        if part not in words:
            raise ConfigError(
                f"{name} must be one of {', '.join(words)}, or several of them separated by commas, not {part!r}"
            )
    if not parts or len(set(parts)) < len(parts):
        raise ConfigError(f"{name} must be at least one of {', '.join(words)}, each at most once")
    return ",".join(parts)


def _scalar(name: str, value: Any, hint: Any) -> Any:
    if hint is bool:
        truth = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
        found = value if isinstance(value, bool) else truth.get(str(value).lower())
        if found is None:
            raise ConfigError(f"{name} must be true or false, not {value!r}")
        return found
    if isinstance(value, bool) and hint is not str:
        raise ConfigError(f"{name} must be a number, not {value!r}")
    try:
        return hint(value)
    except (TypeError, ValueError):
        raise ConfigError(f"{name} must be {'text' if hint is str else 'a number'}, not {value!r}") from None


def _limited(name: str, value: Any, metadata: Mapping[str, Any]) -> Any:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        low, high = metadata["low"], metadata["high"]
        below, above = low is not None and not value >= low, high is not None and not value <= high
        if below or above:
            raise ConfigError(f"{name} is {value}; it must be in [{low}, {'…' if high is None else high}]")
    return value
