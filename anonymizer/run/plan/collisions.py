"""Finds sources with the same output key, which are not published: `a.heic` becomes `a.heic.jpg`, a source itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from anonymizer.lake.naming import GUESSED, REPLACEMENTS, extension

T = TypeVar("T")


def rivals(key: str, output_key: str) -> list[str]:
    """Keys of other sources that may have the same output.

    Args:
        key: Key of the source.
        output_key: Key of its output, with `names` same.
    """
    if output_key != key:
        return [output_key]
    stem = key.removesuffix(extension(key))
    return [stem] if extension(key) in REPLACEMENTS and extension(stem) in GUESSED else []


def collisions(entries: Iterable[tuple[str, T]]) -> Iterator[tuple[T, bool]]:
    """Finds out for each entry whether another one may have the same output.

    Args:
        entries: (key, value) pairs in ascending order of keys.

    Yields:
        The value, and whether its output collides. An entry whose format will probably be replaced (by its extension)
        is delayed until all keys that it could collide with have been read.
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
