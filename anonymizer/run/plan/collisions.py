"""Finds sources that share an output, of which none is published: `a.heic` becomes `a.heic.jpg`, maybe a source too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from anonymizer.lake.naming import GUESSED, REPLACEMENTS, extension

T = TypeVar("T")


def rivals(key: str, output_key: str) -> list[str]:
    """Other sources that the output of a source may belong to.

    Args:
        key: Of the source.
        output_key: Of its output, named after it.
    """
    if output_key != key:
        return [output_key]
    stem = key.removesuffix(extension(key))
    return [stem] if extension(key) in REPLACEMENTS and extension(stem) in GUESSED else []


def collisions(entries: Iterable[tuple[str, T]]) -> Iterator[tuple[T, bool]]:
    """Says of each entry whether another one may have the same output.

    Args:
        entries: Keys in ascending order, each with whatever is to be handed on.

    Yields:
        What was handed on, and whether its output collides. An entry whose name lets one expect that its format will
        be replaced is held back until the keys that it could collide with have passed.
    """
    held: dict[str, T] = {}
    colliding: set[str] = set()
    for key, value in entries:
        for waiting in [k for k in held if key > f"{k}{max(REPLACEMENTS)}"]:
            yield held.pop(waiting), waiting in colliding
            colliding.discard(waiting)
        ending = extension(key)
        stem = key.removesuffix(ending) if ending in REPLACEMENTS else ""
        if stem in held:
            colliding.add(stem)
        if ending in GUESSED:
            held[key] = value
        else:
            yield value, stem in held
    for waiting, value in held.items():
        yield value, waiting in colliding
