"""`python -m infra.docs.generate.privacy FILE`: what `jobs/evaluate_privacy.py --json FILE` found goes into the pages.

A figure is named by what it is (`area`, `first`, `beyond`), the variant, the attacker and the gallery.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

RAW, REDACTED = "raw gallery", "redacted gallery"
VARIANTS = ("raw", "blur", "pixelate", "gaussian", "smooth", "solid")
ATTACKERS = tuple(
    f"{kind}, {sees}" for sees in ("face", "wide") for kind in ("nearest", "eigenfaces", "gradients", "network")
)
COMMAND = "jobs/evaluate_privacy.py lfw --labels lfw/labels.csv --methods smooth,blur,pixelate,solid,gaussian"


def values(outcomes: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures of `Measured.outcomes`, by name."""
    named = {"area": "auc", "first": "rank_1", "beyond": "beyond_solid"}
    return {
        f"{what}.{one['variant']}.{one['attacker']}.{one['setting']}": one[field]
        for one in outcomes
        for what, field in named.items()
        if one[field] is not None
    }


def table(known: Mapping[str, Any], what: str, gallery: str) -> str:
    """Markdown: an attacker a line, a variant a column; `what` is `area` or `first`."""
    shown = [one for one in VARIANTS if f"{what}.{one}.{ATTACKERS[0]}.{gallery}" in known]
    lines = [f"| attacker | {' | '.join(shown)} |", "|---" * (len(shown) + 1) + "|"]
    for attacker in ATTACKERS:
        cells = [interval(known[f"{what}.{variant}.{attacker}.{gallery}"]) for variant in shown]
        lines.append(f"| {attacker} | {' | '.join(cells)} |")
    return "\n".join(lines)


def beyond_solid(known: Mapping[str, Any]) -> str:
    """Markdown: the AUC of the default minus that of `solid`, an attacker a line."""
    lines = [f"| attacker | {RAW} | {REDACTED} |", "|---|---|---|"]
    for attacker in ATTACKERS:
        cells = [signed(known[f"beyond.smooth.{attacker}.{gallery}"]) for gallery in (RAW, REDACTED)]
        lines.append(f"| {attacker} | {' | '.join(cells)} |")
    return "\n".join(lines)


def strongest(known: Mapping[str, Any]) -> str:
    """Markdown: of each variant the attacker with the greatest AUC against raw photos."""
    names = {"raw": "original photo", "pixelate": "6 × 6 cells in blocks (`pixelate`)"}
    names |= {"blur": "6 × 6 cells, smoothed (`blur`)", "gaussian": "`gaussian`", "smooth": "`smooth` (default)"}
    lines = ["| | strongest attacker | AUC | rank-1 |", "|---|---|---|---|"]
    for variant in ("raw", "pixelate", "blur", "gaussian", "smooth", "solid"):
        best = _best(known, variant)
        area, first = (known[f"{what}.{variant}.{best}.{RAW}"] for what in ("area", "first"))
        lines.append(f"| {names.get(variant, f'`{variant}`')} | {best} | {interval(area)} | {first['value']:.3f} |")
    return "\n".join(lines)


def _best(known: Mapping[str, Any], variant: str) -> str:
    return max(ATTACKERS, key=lambda attacker: known[f"area.{variant}.{attacker}.{RAW}"]["value"])


def interval(one: Mapping[str, float]) -> str:
    """`0.646 [0.620, 0.672]`."""
    return f"{one['value']:.3f} [{one['low']:.3f}, {one['high']:.3f}]"


def signed(one: Mapping[str, float]) -> str:
    """`+0.052 [+0.031, +0.074]`."""
    return f"{one['value']:+.3f} [{one['low']:+.3f}, {one['high']:+.3f}]"


#: Those of the page of privacy, by name.
TABLES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "area-raw": partial(table, what="area", gallery=RAW),
    "area-redacted": partial(table, what="area", gallery=REDACTED),
    "first-raw": partial(table, what="first", gallery=RAW),
    "first-redacted": partial(table, what="first", gallery=REDACTED),
    "beyond-solid": beyond_solid,
}

if __name__ == "__main__":
    from infra.docs.generate.pages import measured

    evidence = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    measured("privacy", COMMAND, values(evidence["figures"]["outcomes"]))
