"""The table of infra/docs/faults.md: a line for each fault; a new measurement takes the place of its old line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from infra.proof.faults.trial import Score

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
BEGIN, END = "<!-- figures: begin (make faults WRITE=--write) -->", "<!-- figures: end -->"
HEAD = (
    "| fault | injected how | hits | starts | objects | outputs right | rows right | redone | looks, bad ones | "
    "wall time | undisturbed | |",
    "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|",
)


def line(score: Score) -> str:
    """Markdown."""
    outputs = f"{score.outputs_right:,} of {score.outputs:,}"
    rows = f"{score.rows_right:,} of {score.objects:,}"
    seen = f"{score.looks:,}, {len(score.wrong)}"
    figures = (score.hits, score.runs, f"{score.objects:,}", outputs, rows, f"{score.redone:,}", seen)
    times = (f"{score.wall_s:.0f} s", f"{score.undisturbed_s:.0f} s")
    return "| " + " | ".join(map(str, (score.fault, score.how, *figures, *times, score.note))) + " |"


def merged(text: str, scores: Iterable[Score]) -> str:
    """The page with these lines between its markers, those of other faults as they were.

    Raises:
        ValueError: A marker is missing.
    """
    before, _, rest = text.partition(BEGIN)
    figures, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"no table between {BEGIN} and {END}")
    lines = {_fault(row): row for row in figures.splitlines() if row.startswith("| ") and row != HEAD[0]}
    lines |= {score.fault: line(score) for score in scores}
    return f"{before}{BEGIN}\n" + "\n".join((*HEAD, *lines.values())) + f"\n{END}{after}"


def _fault(row: str) -> str:
    return row.split("|")[1].strip()
