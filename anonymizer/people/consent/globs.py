"""Find the globs among very many that match a key.

`*` matches any characters including `/`, `?` matches one character; all others, including brackets, match themselves.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice

#: Lengths of the substrings by which globs are indexed. More lengths distinguish more globs, but each costs a look-up
#: at every position of a key.
WINDOWS = (1, 2, 3, 4, 6, 8, 12, 16)
#: Maximum number of positions of a piece that are considered; a piece may be as long as a cell.
PLACES = 64
MOST_COUNTERS = 2**20
_WILD = re.compile(r"[*?]+")


@lru_cache(maxsize=2**16)
def compile_glob(pattern: str) -> re.Pattern[str]:
    """Compiles a glob to a regular expression for `fullmatch`.

    Each piece between two `*` is an atomic group that matches at the first possible position without backtracking. This
    finds every match and never takes exponential time.
    """
    first, *rest = ("".join("." if c == "?" else re.escape(c) for c in piece) for piece in pattern.split("*"))
    if not rest:
        return re.compile(first, re.DOTALL)
    *middle, last = rest
    return re.compile(first + "".join(f"(?>.*?{piece})" for piece in middle if piece) + f".*{last}", re.DOTALL)


def matches(pattern: str, key: str) -> bool:
    """Whether a glob matches a key."""
    if "?" in pattern:
        return compile_glob(pattern).fullmatch(key) is not None
    first, *rest = pattern.split("*")
    if not rest:
        return first == key
    *middle, last = rest
    if len(key) < len(first) + len(last) or not (key.startswith(first) and key.endswith(last)):
        return False
    place, end = len(first), len(key) - len(last)
    for piece in middle:
        found = key.find(piece, place, end)
        if found < 0:
            return False
        place = found + len(piece)
    return True


def _one_spelling(pattern: str) -> str:
    """Normalizes runs of wildcards: `*?**` and `?*` are the same."""
    return _WILD.sub(lambda run: "?" * run[0].count("?") + "*" * ("*" in run[0]), pattern)


class Starts:
    """An index of prefixes; a query costs one look-up per distinct prefix length."""

    def __init__(self, texts: Iterable[tuple[str, int]]) -> None:
        self._numbers: dict[str, list[int]] = {}
        for text, number in texts:
            self._numbers.setdefault(text, []).append(number)
        self._lengths = sorted({len(text) for text in self._numbers})

    def find(self, key: str) -> Iterator[int]:
        for length in self._lengths:
            if length > len(key):
                return
            yield from self._numbers.get(key[:length], ())


class Globs:
    """Finds the globs that match a key without trying them all.

    Each glob is indexed by the rarest text that every matching key must contain: the text before its first wildcard, or
    after its last, or a substring of one of a few lengths (`WINDOWS`) in between. A query looks up the key's substrings
    of these lengths and tries only the globs that it finds.

    Args:
        patterns: Pairs of glob and number; a glob may have several numbers.
    """

    def __init__(self, patterns: Iterable[tuple[str, int]]) -> None:
        self._numbers: dict[str, list[int]] = {}
        for pattern, number in patterns:
            self._numbers.setdefault(_one_spelling(pattern), []).append(number)
        self._patterns = list(self._numbers)
        heads = Counter(_WILD.split(pattern, maxsplit=1)[0] for pattern in self._patterns)
        tails = Counter(_tail(pattern) for pattern in self._patterns)
        rarity = _Rarity(self._patterns)
        self._windows: dict[int, dict[str, list[int]]] = {}
        starts: list[tuple[str, int]] = []
        ends: list[tuple[str, int]] = []
        blank: list[tuple[int, int]] = []
        for place, pattern in enumerate(self._patterns):
            head, tail, (count, window) = _WILD.split(pattern, maxsplit=1)[0], _tail(pattern), rarity.rarest(pattern)
            if not window:
                blank.append((pattern.count("?"), place))
            elif head and heads[head] <= min(count, tails[tail] if tail else count):
                starts.append((head, place))
            elif tail and tails[tail] <= count:
                ends.append((tail[::-1], place))
            else:
                self._windows.setdefault(len(window), {}).setdefault(window, []).append(place)
        self._starts, self._ends = Starts(starts), Starts(ends)
        self._blank = sorted(blank)
        self._blank_lengths = [length for length, _ in self._blank]

    def find(self, key: str) -> Iterator[int]:
        """Yields the numbers of the globs that match."""
        places = {*self._starts.find(key), *self._ends.find(key[::-1])}
        for length, table in self._windows.items():
            for window in table.keys() & {key[i : i + length] for i in range(len(key) - length + 1)}:
                places.update(table[window])
        # Globs of wildcards only match if the key is at least as long as their number of `?`.
        places.update(place for _, place in islice(self._blank, bisect_right(self._blank_lengths, len(key))))
        for place in places:
            pattern = self._patterns[place]
            if matches(pattern, key):
                yield from self._numbers[pattern]


def _tail(pattern: str) -> str:
    return pattern[max(pattern.rfind("*"), pattern.rfind("?")) + 1 :]


def _windows(pattern: str) -> Iterator[str]:
    for piece in _WILD.split(pattern):
        length = max((size for size in WINDOWS if size <= len(piece)), default=0)
        if length:
            yield from (piece[i : i + length] for i in range(min(PLACES, len(piece) - length + 1)))


class _Rarity:
    """Estimates in how many globs a substring occurs: counts by hash, so that collisions add up."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._counts = array("I", bytes(4 * min(MOST_COUNTERS, 1 + 32 * len(patterns))))
        for pattern in patterns:
            for window in _windows(pattern):
                self._counts[hash(window) % len(self._counts)] += 1

    def rarest(self, pattern: str) -> tuple[int, str]:
        """(count, window): the glob's rarest substring, the longest among equals; empty if it has none."""
        found = ((self._counts[hash(window) % len(self._counts)], -len(window), window) for window in _windows(pattern))
        count, _, window = min(found, default=(0, 0, ""))
        return count, window
