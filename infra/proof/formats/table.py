"""The table of infra/docs/formats.md, from figures: one line for each variant, one column for each decoder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from infra.proof.formats.reasons import EXACT
from infra.proof.formats.trial import Verdict
from infra.proof.formats.variants import SEEDS

NEAREST = "nearest"
NOTHING = "–"


def values(verdicts: Iterable[Verdict]) -> dict[str, Any]:
    """What is kept of a run.

    Returns:
        `decoders`, the columns; `lines`, by name the cells of a line, in that order, between bars; `reasons`, which
        cells name by their number, from 1.
    """
    lines = worst(verdicts)
    columns = [NEAREST, *sorted({name for cells in lines.values() for name in cells} - {NEAREST})]
    notes: dict[str, int] = {}
    shown = {
        name: " | ".join(_cell(cells[column], notes) if column in cells else NOTHING for column in columns)
        for name, cells in lines.items()
    }
    return {"decoders": columns, "lines": shown, "reasons": list(notes)}


def table(made: Mapping[str, Any]) -> str:
    """Markdown of `values`."""
    columns = made["decoders"]
    head = [f"| | {' | '.join(columns)} |", f"|---|{'---:|' * len(columns)}"]
    lines = [f"| {name} | {cells} |" for name, cells in made["lines"].items()]
    reasons = [f"{number}. {text}" for number, text in enumerate(made["reasons"], 1)]
    return "\n".join([*head, *lines, "", *reasons])


def worst(verdicts: Iterable[Verdict]) -> dict[str, dict[str, Verdict]]:
    """Line to decoder to the verdict with the largest difference; of the fuzzer's seeds the column is `NEAREST`."""
    lines: dict[str, dict[str, Verdict]] = {}
    for one in verdicts:
        line = lines.setdefault(one.variant.line, {})
        column = NEAREST if one.variant.group.endswith(SEEDS) else one.decoder
        if one.difference is not None:
            line[column] = max(line.get(column, one), one, key=_most)
    return lines


def _most(verdict: Verdict) -> float:
    return 0.0 if verdict.difference is None else verdict.difference.most


def _cell(verdict: Verdict, notes: dict[str, int]) -> str:
    """Differences, the bounds where they are not those of equal pictures, and the number of the reason."""
    found, bound, text = verdict.difference, verdict.reason.bound, verdict.reason.text
    if found is None:
        return NOTHING
    fewer = f", {found.missing} frame{'s'[: found.missing - 1]} fewer" if found.missing else ""
    if bound is not None and found.most <= EXACT[0] and not fewer:
        return "equal"
    note = f" ({notes.setdefault(text, len(notes) + 1)})" if text else ""
    if bound is None:
        return f"another{note}"
    if found.most <= EXACT[0]:
        return f"equal{fewer}{note}"
    return f"{found.most:.3g} / {found.mean:.2g} (of {bound[0]:.3g} / {bound[1]:.2g}){fewer}{note}"
