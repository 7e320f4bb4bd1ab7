"""The blocks of a page: what a reader copies into a terminal."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "infra" / "docs"

_MARK = re.compile(r"<!-- not run: (\S.*?) -->")
_INDENT = "    "


@dataclass(frozen=True)
class Block:
    """A fenced or an indented block.

    Attributes:
        page: Name of the page's file.
        line: Its first line there, from 1.
        language: Of a fence; `sh` for what is indented.
        text: Without fence and indentation.
        reason: Why it cannot be run here, if the comment above it says so.
    """

    page: str
    line: int
    language: str
    text: str
    reason: str | None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: str) -> list[Block]:
    """All blocks of a page below `infra/docs`, in order."""
    return list(_blocks(page, (DOCS / page).read_text(encoding="utf-8").splitlines()))


def _blocks(page: str, lines: list[str]) -> Iterator[Block]:
    reason, at = None, 0
    while at < len(lines):
        line, begin = lines[at], at
        at += 1
        if mark := _MARK.fullmatch(line):
            reason = mark[1]
        elif line.startswith("```"):
            at = lines.index("```", at)
            yield Block(page, begin + 2, line.removeprefix("```"), "\n".join(lines[begin + 1 : at]), reason)
            at, reason = at + 1, None
        elif line.startswith(_INDENT):
            while at < len(lines) and lines[at].startswith(_INDENT):
                at += 1
            text = "\n".join(one.removeprefix(_INDENT) for one in lines[begin:at])
            yield Block(page, begin + 1, "sh", text, reason)
            reason = None
        elif line:
            reason = None


def commands(text: str) -> Iterator[list[str]]:
    """The words of each simple command of shell text, without redirections, assignments before it and comments."""
    lexer = shlex.shlex(text.replace("\\\n", " "), posix=True, punctuation_chars="|&;<>\n")
    lexer.whitespace_split = True
    lexer.whitespace = " \t"
    lexer.commenters = ""
    words: list[str] = []
    for word in _without_comments(lexer):
        if set(word) <= set("|&;\n"):
            yield from _command(words)
            words = []
        else:
            words.append(word)
    yield from _command(words)


def _without_comments(words: Iterator[str]) -> Iterator[str]:
    """A comment ends with its line."""
    inside = False
    for word in words:
        inside = (inside or word.startswith("#")) and "\n" not in word
        if not inside:
            yield word


def _command(words: list[str]) -> Iterator[list[str]]:
    if ">" in words:
        words = words[: words.index(">")]
    while words and re.match(r"[A-Z_]+=", words[0]):
        words = words[1:]
    if words:
        yield words
