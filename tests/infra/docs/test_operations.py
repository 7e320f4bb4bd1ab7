"""What the page for the one on call quotes is what the program says."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "infra" / "docs" / "operations.md").read_text(encoding="utf-8")


def quoted() -> list[str]:
    """The messages in the first column of the table of symptoms: in backticks, of more than two words."""
    table = PAGE.split("## What to look at when", 1)[1].split("\n## ", 1)[0]
    first = [line.split(" | ")[0] for line in table.splitlines() if line.startswith("| ")]
    return [text for cell in first for text in re.findall(r"`([^`]+)`", cell) if len(text.split()) > 2]


def said() -> str:
    """Every text of the package, those of f-strings with a gap for each value."""
    texts = []
    for path in sorted((ROOT / "anonymizer").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                texts.append("".join(str(p.value) if isinstance(p, ast.Constant) else "\0" for p in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(re.sub(r"%[sdg]", "\0", node.value))
    return "\n".join(texts)


SAID = said()


@pytest.mark.parametrize("message", quoted())
def test_a_quoted_message_is_one_of_ours(message: str) -> None:
    # `...` leaves something out; a lone capital or a word of capitals stands for a value.
    pieces = [piece.strip() for piece in re.split(r"\.\.\.|\b(?:KEY|[NM])\b", message)]
    for piece in filter(None, pieces):
        assert piece in SAID, f"{message!r}: nothing says {piece!r}"


def test_there_are_messages() -> None:
    assert len(quoted()) > 8
