"""Which rows speak about a key.

A grant compares keys as they are. A veto compares them as they are and, besides, after Unicode normalization and case
folding: whoever objects to `Photos/Zoë.JPG` objects to `photos/zoë.jpg`, however the ë is spelled.

Forms: `exact`; `prefix`, any text that the key starts with; `glob`, where `*` stands for any characters, `/` among
them, and `?` for one; everything else, brackets too, stands for itself. A row whose `match` is none of these is a veto
by that alone, and is taken for all three.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anonymizer.consent.sheet import BATCH_ROWS

EVERY_FORM = ("exact", "prefix", "glob")


def fold(key: str) -> str:
    """A key as vetoes compare it: canonical caseless matching (Unicode 3.13, D145), composed (NFC)."""
    if key.isascii():
        return key.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", key).casefold())


def forms(key: str, match: str) -> tuple[str, ...]:
    """The forms in which a row's key is to be read.

    Args:
        key: The row's key.
        match: Its `match` cell; empty = what the key looks like.
    """
    if match:
        return (match,) if match in EVERY_FORM else EVERY_FORM
    if key.endswith("/"):
        return ("prefix",)
    return ("glob",) if "*" in key or "?" in key else ("exact",)


@lru_cache(maxsize=2**16)
def compile_glob(pattern: str) -> re.Pattern[str]:
    """A glob as a regular expression for `fullmatch`.

    Each piece between two `*` is taken at the first place where it fits and never reconsidered (an atomic group): that
    finds a match whenever there is one, and no pattern can make the search explode.
    """
    first, *rest = ("".join("." if c == "?" else re.escape(c) for c in piece) for piece in pattern.split("*"))
    if not rest:
        return re.compile(first, re.DOTALL)
    *middle, last = rest
    return re.compile(first + "".join(f"(?>.*?{piece})" for piece in middle if piece) + f".*{last}", re.DOTALL)


def _head(pattern: str) -> str:
    """What every key that a glob matches starts with."""
    return re.split(r"[*?]", pattern, maxsplit=1)[0]


class _Starts:
    """Row numbers by a text that a key has to start with; the cost is one look-up per distinct length of the texts."""

    def __init__(self, texts: Iterable[tuple[str, int]]) -> None:
        self._rows: dict[str, list[int]] = {}
        for text, row in texts:
            self._rows.setdefault(text, []).append(row)
        self._lengths = sorted({len(text) for text in self._rows})

    def find(self, key: str) -> Iterator[int]:
        for length in self._lengths:
            if length > len(key):
                return
            yield from self._rows.get(key[:length], ())


@dataclass(frozen=True, slots=True)
class _Patterns:
    """Prefix and glob rows under one way to compare keys."""

    prefixes: _Starts
    globs: _Starts
    pattern: Mapping[int, str]

    def find(self, key: str) -> Iterator[int]:
        yield from self.prefixes.find(key)
        yield from (row for row in self.globs.find(key) if compile_glob(self.pattern[row]).fullmatch(key))


def _patterns(prefixes: Mapping[int, str], globs: Mapping[int, str]) -> _Patterns:
    return _Patterns(
        _Starts((text, row) for row, text in prefixes.items()),
        _Starts((_head(text), row) for row, text in globs.items()),
        globs,
    )


class KeyIndex:
    """Finds the rows that speak about a key.

    Exact keys are a sorted array of 32-bit check sums of the folded keys, with the keys themselves left in Arrow: eight
    to twelve bytes a row, found by bisection, and the same in every process. A hit is compared with the key.

    Args:
        keys: (rows,) large_string.
        matches: (rows,) large_string, or None where the registry has no such column.
        grants: (rows,) bool; the others are vetoes.
    """

    def __init__(self, keys: pa.Array, matches: pa.Array | None, grants: NDArray[np.bool_]) -> None:
        self._keys, self._grants = keys, grants
        prefixes: dict[int, str] = {}
        globs: dict[int, str] = {}
        rows: list[NDArray[np.int64]] = []
        sums: list[NDArray[np.uint32]] = []
        for start in range(0, len(keys), BATCH_ROWS):
            exact: list[int] = []
            checks: list[int] = []
            batch = keys.slice(start, BATCH_ROWS).to_pylist()
            match = matches.slice(start, BATCH_ROWS).to_pylist() if matches is not None else [""] * len(batch)
            for row, key in enumerate(batch, start):
                row_forms = forms(key, match[row - start])
                if "exact" in row_forms:
                    exact.append(row)
                    checks.append(_check_sum(fold(key)))
                if "prefix" in row_forms:
                    prefixes[row] = key
                if "glob" in row_forms:
                    globs[row] = key
            rows.append(np.array(exact, np.int64))
            sums.append(np.array(checks, np.uint32))
        self._sort(np.concatenate([np.zeros(0, np.int64), *rows]), np.concatenate([np.zeros(0, np.uint32), *sums]))
        self._as_is = _patterns(prefixes, globs)
        self._folded = _patterns(*({r: fold(t) for r, t in m.items() if not grants[r]} for m in (prefixes, globs)))

    def _sort(self, rows: NDArray[np.int64], sums: NDArray[np.uint32]) -> None:
        order = np.argsort(sums, kind="stable")
        self._rows, self._sums = rows[order], sums[order]

    def find(self, key: str) -> list[int]:
        """Rows that speak about `key`, from 0, each once, in their order."""
        folded = fold(key)
        found = {*self._exact(key, folded), *self._as_is.find(key), *self._folded.find(folded)}
        return sorted(found)

    def _exact(self, key: str, folded: str) -> Iterator[int]:
        wanted = np.uint32(_check_sum(folded))
        for place in range(int(self._sums.searchsorted(wanted)), len(self._sums)):
            if self._sums[place] != wanted:
                return
            row = int(self._rows[place])
            text = self._keys[row].as_py()
            if text == key or (not self._grants[row] and fold(text) == folded):
                yield row


def _check_sum(folded: str) -> int:
    # A local file's name may be no UTF-8; it then holds lone surrogates and equals no key of the registry.
    return zlib.crc32(folded.encode(errors="surrogatepass"))
