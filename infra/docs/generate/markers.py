"""Parts of a Markdown page that are generated.

A block stands on lines of its own, a figure inside a sentence or a cell of a table:

    <!-- generated: settings -->
    ...
    <!-- /generated -->

    It covered <!-- figure: detection.wider_val.balanced.recall20 -->96.5 %<!-- / --> of them.

A figure may be asked for in another form: `<!-- figure(interval): NAME -->`. `figures.FORMS` names the forms.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

_BLOCK = re.compile(r"^<!-- generated: (?P<name>\S+) -->\n(?P<body>.*?)^<!-- /generated -->$", re.MULTILINE | re.DOTALL)
_FIGURE = re.compile(r"<!-- figure(?:\((?P<form>\w+)\))?: (?P<name>[^>\n]+?) -->(?P<body>[^<\n]*)<!-- / -->")
_ANY = re.compile(r"<!-- (?:generated: |/generated|figure\b|/ -->)")


def rewritten(text: str, block: Callable[[str, str], str], figure: Callable[[str, str], str]) -> str:
    """A page with all of its generated parts anew.

    Args:
        text: Of the page.
        block: Gives a block from its name and from what stands there.
        figure: Gives a figure from its name and its form, `plain` where none is given.

    Raises:
        ValueError: A marker has no partner, or is written in a way that is none of ours.
    """
    lonely = [line for line in without(text).splitlines() if _ANY.search(line)]
    if lonely:
        raise ValueError(f"a marker without its partner: {lonely[0]}")

    def put_block(match: re.Match[str]) -> str:
        made = block(match["name"], match["body"].removesuffix("\n"))
        return f"<!-- generated: {match['name']} -->\n{made}\n<!-- /generated -->"

    def put_figure(match: re.Match[str]) -> str:
        made = figure(match["name"], match["form"] or "plain")
        return match[0].removesuffix(f"{match['body']}<!-- / -->") + f"{made}<!-- / -->"

    # Figures first: what a block is made of is not looked through for markers again.
    return _BLOCK.sub(put_block, _outside_blocks(text, put_figure))


def without(text: str) -> str:
    """What people wrote of a page: its generated parts are taken out."""
    return _FIGURE.sub("", _BLOCK.sub("", text))


def bodies(text: str) -> Iterator[tuple[str, str]]:
    """Name and text of each block of a page."""
    for match in _BLOCK.finditer(text):
        yield match["name"], match["body"].removesuffix("\n")


def figures(text: str) -> Iterator[tuple[str, str, str]]:
    """Name, form and text of each figure of a page."""
    for match in _FIGURE.finditer(_BLOCK.sub("", text)):
        yield match["name"], match["form"] or "plain", match["body"]


def _outside_blocks(text: str, put: Callable[[re.Match[str]], str]) -> str:
    parts, end = [], 0
    for match in _BLOCK.finditer(text):
        parts += [_FIGURE.sub(put, text[end : match.start()]), match[0]]
        end = match.end()
    return "".join([*parts, _FIGURE.sub(put, text[end:])])
