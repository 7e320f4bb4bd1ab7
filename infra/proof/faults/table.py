"""The table of infra/docs/faults.md: a line for each fault, each a measurement of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from infra.docs.generate.figures import Measurement, having_prefix, when
from infra.proof.faults.trial import Score

PREFIX = "fault "
HEAD = (
    "| fault | injected how | hits | starts | objects | outputs right | rows right | redone | looks, bad ones | "
    "wall time | undisturbed | |",
    "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|",
)


def values(score: Score) -> dict[str, Any]:
    """The figures of a line, by the names of `Score`; of what was wrong the number."""
    return asdict(score) | {"wrong": len(score.wrong)}


def line(one: Mapping[str, Any]) -> str:
    """Markdown."""
    outputs = f"{one['outputs_right']:,} of {one['outputs']:,}"
    rows = f"{one['rows_right']:,} of {one['objects']:,}"
    seen = f"{one['looks']:,}, {one['wrong']}"
    figures = (one["hits"], one["runs"], f"{one['objects']:,}", outputs, rows, f"{one['redone']:,}", seen)
    times = (f"{one['wall_s']:.0f} s", f"{one['undisturbed_s']:.0f} s")
    return "| " + " | ".join(map(str, (one["fault"], one["how"], *figures, *times, one["note"]))) + " |"


def table(measurements: Mapping[str, Measurement]) -> str:
    """All lines as Markdown, and when each was measured."""
    known = having_prefix(measurements, PREFIX)
    return "\n".join((*HEAD, *(line(one.values) for one in known.values()), "", when(known)))
