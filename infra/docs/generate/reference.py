"""Tables of settings, of the manifest's columns and of error codes, from the code that defines them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from anonymizer.config import RunConfig, fields_of
from anonymizer.errors import DeadlinePassed, ObjectError
from anonymizer.image.detectors.centerface.presets import PRESETS, Search
from anonymizer.lake.manifest.columns import COLUMNS, FACE


def settings() -> str:
    """Markdown: every setting, its default and what it does."""
    lines = ["| setting | default | |", "|---|---|---|"]
    for name, default, text in fields_of(RunConfig):
        lines.append(f"| `{name}` | {_default(default)} | {_cell(text)} |")
    return "\n".join(lines)


def presets() -> str:
    """Markdown: what `detector.preset` stands for, a column for each."""
    lines = [f"| | {' | '.join(PRESETS)} |", "|---" * (len(PRESETS) + 1) + "|"]
    rows: dict[str, Callable[[Search], object]] = {
        "scale": lambda one: f"{one.scale} and {one.scale / 2}" if one.halved else one.scale,
        "at most, working pixels": lambda one: f"{one.max_area_px:,}" if one.max_area_px else "no limit",
        "faces from this height on are looked for however large the photo is": lambda one: (
            f"{one.min_face_px:g} px" if one.min_face_px else "–"
        ),
        "least score": lambda one: one.min_score,
        "least score after a second look": lambda one: one.lone_score,
        "second looks": lambda one: one.second_looks,
        "numbers (`precision`)": lambda one: one.precision,
    }
    lines += [f"| {name} | {' | '.join(str(of(one)) for one in PRESETS.values())} |" for name, of in rows.items()]
    return "\n".join(lines)


def columns() -> str:
    """Markdown: every column of the manifest, its type and what it says."""
    lines = ["| column | type | |", "|---|---|---|", "| `run_id` | `string` | The run that wrote the row. |"]
    lines += [f"| `{column.name}` | {_type(str(column.type))} | {_cell(column.text)} |" for column in COLUMNS]
    return "\n".join(lines)


#: Whoever catches these sends the object to be done again: no row is written.
NEVER_IN_A_ROW = (DeadlinePassed,)


def error_codes() -> str:
    """Markdown: every code that a row can bear, its status and message, and whether it is retryable."""
    lines = ["| code | status | message | `retryable` |", "|---|---|---|---|"]
    for error in sorted(_errors(ObjectError), key=lambda one: (one.status, one.code)):
        retryable = "yes" if error.retryable else "no"
        lines.append(f"| `{error.code}` | {error.status} | {_cell(error.message)} | {retryable} |")
    return "\n".join(lines)


def codes() -> set[str]:
    """Every code that a row can bear."""
    return {error.code for error in _errors(ObjectError)}


def _errors(kind: type[ObjectError]) -> Iterator[type[ObjectError]]:
    for error in kind.__subclasses__():
        if error not in NEVER_IN_A_ROW:
            yield error
        yield from _errors(error)


def _default(default: Any) -> str:
    """As it would be written on a command line; nothing for none."""
    if default in (None, "", (), {}):
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _type(arrow: str) -> str:
    """Arrow's name of a type, shorter for faces: `list<struct<frame: int32, ...>>`."""
    named = re.sub(r"(?:item|element): ", "", arrow)
    face = f"struct<{', '.join(f'{field.name} {field.type}' for field in FACE)}>"
    shorter = re.sub(r"struct<.*>(?=>)", face, named)
    return f"`{re.sub(r'float(?![0-9])', 'float32', shorter)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
