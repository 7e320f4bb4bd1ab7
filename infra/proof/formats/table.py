"""The table of infra/docs/formats.md, from figures: one line for each variant, one column for each decoder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from infra.proof.formats.reasons import EXACT
from infra.proof.formats.trial import Verdict
from infra.proof.formats.variants import SEEDS


def values(verdicts: Iterable[Verdict]) -> dict[str, Any]:
    """Line to decoder to what was measured: of several variants in a line the worst, of the seeds the nearest decoder.

    Returns:
        For each a list: largest difference, mean, its bounds, missing frames, reason; no bounds = nothing is compared.
    """
    lines: dict[str, dict[str, list[Any]]] = {}
    for one in verdicts:
        line = lines.setdefault(one.variant.line, {})
        if one.difference is None:
            continue
        column = "nearest" if one.variant.group.endswith(SEEDS) else one.decoder
        cell = [one.difference.most, one.difference.mean, one.reason.bound, one.difference.missing, one.reason.text]
        line[column] = max(line.get(column, cell), cell, key=lambda known: known[0])
    return lines


def table(lines: Mapping[str, Mapping[str, Any]]) -> str:
    """Markdown."""
    columns = ["nearest", *sorted({name for cells in lines.values() for name in cells} - {"nearest"})]
    notes: dict[str, int] = {}
    head = ["", *columns], ["---", *["---:"] * len(columns)]
    rows = [f"| {' | '.join(cells)} |" for cells in head]
    for name, cells in lines.items():
        shown = [_cell(cells[column], notes) if column in cells else "–" for column in columns]
        rows.append(f"| {name} | {' | '.join(shown)} |")
    told = [f"{number}. {text}" for text, number in notes.items()]
    return "\n".join([*rows, "", *told])


def _cell(cell: list[Any], notes: dict[str, int]) -> str:
    """Differences, the bounds where they are not those of equal pictures, and the number of the reason."""
    most, mean, bound, missing, text = cell
    note = f" ({notes.setdefault(text, len(notes) + 1)})" if text else ""
    if bound is None:
        return f"another{note}"
    fewer = f", {missing} frame{'s'[: missing - 1]} fewer" if missing else ""
    if most <= EXACT[0]:
        return f"equal{fewer}{note if missing else ''}"
    return f"{most:.3g} / {mean:.2g} (of {bound[0]:.3g} / {bound[1]:.2g}){fewer}{note}"
