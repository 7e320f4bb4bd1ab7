"""What was measured, and when, and on what: `infra/docs/figures.json`.

The commands that measure write it with `--write`, pages quote it by name through markers. A figure's name is that of
its measurement, a dot, and its own: `detection.wider_val.balanced.recall20`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.proof.machine import processor

FILE = Path(__file__).parents[1] / "figures.json"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One run of a command that measures.

    Attributes:
        command: What measures it again.
        date: On which day it was measured (ISO 8601, UTC).
        processor: As `infra.proof.machine` names it; empty where nobody wrote it down.
        values: By name: a number, a text, a share (`hits`, `of`, and the interval's ends `low` and `high`), a value
            with its interval (`value`, `low`, `high`), or rounds of a benchmark (`median`, `least`, `most`, `unit`).
        note: What else has to be known, in a sentence.
    """

    command: str
    date: str
    processor: str
    values: Mapping[str, Any]
    note: str = ""

    @property
    def made(self) -> str:
        """How, when and on what it was measured, as pages say it."""
        on = self.processor or "processor not recorded"
        return f"`{self.command}`, {self.date}, {on}{f'; {self.note}' if self.note else ''}"


def load(file: Path = FILE) -> dict[str, Measurement]:
    """Every measurement by its name."""
    return {name: Measurement(**one) for name, one in json.loads(file.read_text(encoding="utf-8")).items()}


def save(name: str, command: str, values: Mapping[str, Any], note: str = "", file: Path = FILE) -> None:
    """Puts a measurement of today on this machine in the place of the last one of that name."""
    today = datetime.now(UTC).date().isoformat()
    known = load(file) | {name: Measurement(command, today, processor(), values, note)}
    made = {name: asdict(one) for name, one in known.items()}
    file.write_text(json.dumps(made, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def shown(name: str, form: str, known: Mapping[str, Measurement]) -> str:
    """A figure as a page quotes it; in the form `made` of a whole measurement how it was made.

    Raises:
        ValueError: There is no such figure or form.
    """
    measurement, _, value = name.partition(".")
    if form == "made" and name in known:
        return known[name].made
    if measurement not in known or value not in known[measurement].values:
        raise ValueError(f"no figure {name} in {FILE.name}")
    if form not in FORMS:
        raise ValueError(f"no form {form}; there are {', '.join(FORMS)} and made")
    return FORMS[form](known[measurement].values[value])


def having_prefix(known: Mapping[str, Measurement], prefix: str) -> dict[str, Measurement]:
    """The measurements whose names begin so, by what follows."""
    return {name.removeprefix(prefix): one for name, one in known.items() if name.startswith(prefix)}


def when(known: Mapping[str, Measurement]) -> str:
    """On which day and what processor these were measured, as a list in Markdown: a line for each such pair."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for name, one in known.items():
        groups.setdefault((one.date, one.processor or "processor not recorded", one.note), []).append(name)
    lines = []
    for (date, on, note), names in groups.items():
        which = "all lines" if len(groups) == 1 else ", ".join(names)
        lines.append(f"- Measured {date}, {on}{f'; {note}' if note else ''}: {which}.")
    return "\n".join(lines)


def number(value: float) -> str:
    """Three digits, or all of those before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return number(value)
    if "median" in value:
        return f"{number(value['median'])} {value['unit']}".strip()
    if "value" in value:
        return f"{value['value']:.3f}"
    return "none" if not value["of"] else f"{100 * value['hits'] / value['of']:.1f} %"


def _counts(value: Any) -> str:
    return f"{value['hits']:,} of {value['of']:,}"


def _fraction(value: Any) -> str:
    return "none" if not value["of"] else f"{value['hits'] / value['of']:.3f}"


def _interval(value: Any) -> str:
    return f"{_fraction(value)} [{value['low']:.3f}, {value['high']:.3f}] of {value['of']}" if value["of"] else "none"


def _percent(value: Any) -> str:
    return f"{100 * value:.1f} %" if isinstance(value, int | float) else _plain(value)


FORMS: Mapping[str, Callable[[Any], str]] = {
    "plain": _plain,
    "percent": _percent,
    "counts": _counts,
    "fraction": _fraction,
    "interval": _interval,
}
