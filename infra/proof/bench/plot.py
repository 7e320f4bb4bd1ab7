"""Draw the figures that have a target as a bar chart with Pillow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from infra.docs.generate.figures import number
from infra.proof.bench.figures import Figure

WIDTH_PX, ROW_PX, MARGIN_PX = 1100, 44, 24
LABELS_PX, VALUES_PX = 520, 150
FURTHEST = 2.0
"""Bars end at this multiple of their target."""
_MET, _MISSED, _LINE, _TEXT = "#2a7f62", "#c0392b", "#444444", "#222222"


def draw(figures: Sequence[Figure], path: Path) -> None:
    """Writes a PNG: one bar for each target, its length the median as a multiple of the target, the line at 1."""
    rows = [figure for figure in figures if figure.target is not None]
    height = 3 * MARGIN_PX + ROW_PX * max(1, len(rows))
    image = Image.new("RGB", (WIDTH_PX, height), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(15)
    for index, figure in enumerate(rows):
        _row(pen, font, figure, MARGIN_PX + index * ROW_PX)
    line = bar_end(1.0)
    pen.line([(line, MARGIN_PX // 2), (line, height - 2 * MARGIN_PX)], fill=_LINE, width=2)
    pen.text((line, height - 1.7 * MARGIN_PX), "target", font=font, fill=_LINE, anchor="ma")
    image.save(path, optimize=True)


def _row(
    pen: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, figure: Figure, top: int
) -> None:
    middle = top + ROW_PX / 2
    name = f"{figure.part}  {figure.name}".replace("`", "")
    pen.text((MARGIN_PX, middle), name, font=font, fill=_TEXT, anchor="lm")
    end = bar_end(figure.nearness)
    pen.rectangle([LABELS_PX, top + 10, end, top + ROW_PX - 10], fill=_MET if figure.is_met else _MISSED)
    # Pillow's own font has no sign for "at least" or "at most".
    target = str(figure.target).translate({ord("≥"): ">=", ord("≤"): "<="})
    text = f"{number(figure.median)} {figure.unit}".strip() + f"  ({target})"
    pen.text((WIDTH_PX - MARGIN_PX, middle), text, font=font, fill=_TEXT, anchor="rm")


def bar_end(nearness: float) -> float:
    """Column where a bar of this multiple of its target ends."""
    length = WIDTH_PX - MARGIN_PX - VALUES_PX - LABELS_PX
    return LABELS_PX + length * min(max(nearness, 0.0), FURTHEST) / FURTHEST
