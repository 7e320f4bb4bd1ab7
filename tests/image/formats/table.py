"""The table of formats in `infra/docs/formats.md`, from checks that are run here and now."""

from __future__ import annotations

from pathlib import Path

from infra.docs.generate import markers
from tests.image.formats.kinds import KINDS
from tests.image.formats.probes import COLUMNS
from tests.image.formats.tools import clean

PAGE = Path(__file__).parents[3] / "infra" / "docs" / "formats.md"
NAME = "formats"
"""Of the page's part."""
TOOLS = ("ExifTool", "mat2")


def table() -> str:
    """A Markdown table: a line for each kind of file, a column for each check."""
    names = [*COLUMNS, *(f"clean by {tool}" for tool in TOOLS)]
    lines = ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    answers = [clean(tool, KINDS) for tool in TOOLS]
    for kind in KINDS:
        cells = [probe(kind) for probe in COLUMNS.values()] + [answer[kind.name] for answer in answers]
        lines.append(f"| {kind.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def committed() -> dict[str, dict[str, str]]:
    """Kind of file to column to cell, as the page has them."""
    inside = dict(markers.bodies(PAGE.read_text(encoding="utf-8")))[NAME]
    head, _, *rows = ([cell.strip() for cell in line.split("|")[1:-1]] for line in inside.splitlines())
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}
