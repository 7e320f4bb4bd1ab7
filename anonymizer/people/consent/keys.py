"""Find the registry rows that apply to a key.

A grant must match the key exactly. A veto also matches other spellings, as a person would read them: an objection to
`Photos/Zoë.JPG` also covers `photos/zoë.jpg`, ` /photos//zo%C3%AB.jpg`, the key in quotes, the photo's full URI and its
key in the bucket that contains INPUT (`anonymizer.people.consent.spelling`).

Forms of a row's key (`match`): `exact`; `prefix`, a text with which the key starts; `glob`, in which `*` matches any
characters including `/` and `?` matches one character; all others, including brackets, match themselves. A row with any
other `match` is a veto, and its key is used in all three forms.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anonymizer.people.consent.globs import Globs, Starts
from anonymizer.people.consent.sheet import BATCH_ROWS
from anonymizer.people.consent.spelling import absolute, beside, fold, plain, readings

EVERY_FORM = ("exact", "prefix", "glob")
#: Kinds of `match` cells: empty, one of the forms, anything else.
_CELLS = ("", *EVERY_FORM, "?")


def forms(key: str, match: str) -> tuple[str, ...]:
    """The forms in which a row's key is matched.

    Args:
        key: The row's key.
        match: Its `match` cell; empty = inferred from the key.
    """
    if match:
        return (match,) if match in EVERY_FORM else EVERY_FORM
    if key.endswith("/"):
        return ("prefix",)
    return ("glob",) if "*" in key or "?" in key else ("exact",)


class _Patterns:
    """Prefixes and globs for one kind of comparison, each with its group."""

    def __init__(self) -> None:
        self._given: dict[str, list[tuple[str, int]]] = {"prefix": [], "glob": []}
        self._prefixes, self._globs = Starts(()), Globs(())
        self.is_empty = True

    def add(self, group_forms: Iterable[str], texts: Iterable[str], group: int) -> None:
        for form in group_forms:
            if form in self._given:
                self._given[form] += [(text, group) for text in texts]

    def close(self) -> None:
        """Builds the indexes; nothing can be added afterwards."""
        self.is_empty = not any(self._given.values())
        self._prefixes, self._globs = Starts(self._given["prefix"]), Globs(self._given["glob"])
        self._given = {}

    def find(self, key: str) -> Iterator[int]:
        yield from self._prefixes.find(key)
        yield from self._globs.find(key)


class _Exact:
    """An index of exact spellings by checksum: sorted arrays, eight bytes per spelling, the same in every process."""

    def __init__(self) -> None:
        self._batches: list[tuple[NDArray[np.uint32], NDArray[np.int32]]] = []
        self._sums, self._groups = np.zeros(0, np.uint32), np.zeros(0, np.int32)

    def add(self, spellings: list[tuple[str, int]]) -> None:
        sums = np.array([_check_sum(text) for text, _ in spellings], np.uint32)
        self._batches.append((sums, np.array([group for _, group in spellings], np.int32)))

    def close(self) -> None:
        """Builds the index; nothing can be added afterwards."""
        sums = np.concatenate([np.zeros(0, np.uint32), *(sums for sums, _ in self._batches)])
        order = np.argsort(sums, kind="stable")
        self._sums = sums[order]
        self._groups = np.concatenate([np.zeros(0, np.int32), *(groups for _, groups in self._batches)])[order]
        self._batches = []

    def find(self, text: str) -> list[int]:
        """Candidate groups: those with a spelling of the same checksum."""
        wanted = np.uint32(_check_sum(text))
        first, last = (int(self._sums.searchsorted(wanted, side)) for side in ("left", "right"))
        found: list[int] = self._groups[first:last].tolist()
        return found


class KeyIndex:
    """Finds the rows that apply to a key.

    Rows with the same key and form that are all grants or all vetoes form a group, because they apply to the same keys.
    The cost of a query depends on the number of matching groups, hardly on the size of the registry.

    Args:
        keys: (rows,) large_string.
        matches: (rows,) large_string, or None if the registry has no such column.
        grants: (rows,) bool; the others are vetoes.
        root: INPUT's URI, so that full URIs of its objects are recognised.
    """

    def __init__(self, keys: pa.Array, matches: pa.Array | None, grants: NDArray[np.bool_], root: str = "") -> None:
        encoded = keys.dictionary_encode()
        self._texts = encoded.dictionary
        codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        kinds = 2 * _cells(matches, len(keys)) + grants
        groups, self._group_of = np.unique(codes * 2 * len(_CELLS) + kinds, return_inverse=True)
        self._rows = np.argsort(self._group_of, kind="stable")
        self._starts = np.searchsorted(self._group_of[self._rows], np.arange(len(groups) + 1))
        self._text_of = (groups // (2 * len(_CELLS))).astype(np.int32)
        self._is_grant = groups % 2 == 1
        self._exact, self._exact_absolute = _Exact(), _Exact()
        self._as_is, self._meant, self._absolute = _Patterns(), _Patterns(), _Patterns()
        self._roots = absolute(root)
        self._beside = tuple(dict.fromkeys(start for known in self._roots for start in beside(known)))
        cells = groups // 2 % len(_CELLS)
        for start in range(0, len(groups), BATCH_ROWS):
            texts = self._texts.take(pa.array(self._text_of[start : start + BATCH_ROWS])).to_pylist()
            self._add(start, texts, [_CELLS[cell] for cell in cells[start : start + BATCH_ROWS]])
        for part in (self._exact, self._exact_absolute, self._as_is, self._meant, self._absolute):
            part.close()

    @property
    def groups(self) -> int:
        """Number of groups."""
        return len(self._text_of)

    @property
    def group_of(self) -> NDArray[np.int64]:
        """(rows,) the group of each row."""
        return self._group_of

    def _add(self, first: int, texts: list[str], cells: list[str]) -> None:
        exact: list[tuple[str, int]] = []
        rooted: list[tuple[str, int]] = []
        for group, (text, cell) in enumerate(zip(texts, cells, strict=True), first):
            as_is = forms(text, cell)
            self._as_is.add(as_is, [text], group)
            if self._is_grant[group]:
                exact += [(plain(text), group)] * ("exact" in as_is)
                continue
            for reading in readings(text):
                meant, full = plain(reading), absolute(reading)
                # "2019/ " is meant as a prefix.
                every = dict.fromkeys((*forms(reading, cell), *forms(meant, cell)))
                self._meant.add(every, dict.fromkeys((fold(reading), meant)), group)
                self._absolute.add(every, full, group)
                if "exact" in every:
                    exact.append((meant, group))
                    rooted += [(spelling, group) for spelling in full]
        self._exact.add(exact)
        self._exact_absolute.add(rooted)

    def find(self, key: str) -> list[int]:
        """The groups that apply to `key`, each once, in ascending order."""
        meant = plain(key)
        found = {group for group in self._exact.find(meant) if self._speaks(group, key, meant)}
        found.update(self._as_is.find(key))
        if not self._meant.is_empty:
            for spelling in {fold(key), meant}:
                found.update(self._meant.find(spelling))
        for spelling in self._full(meant):
            found.update(self._absolute.find(spelling))
            for group in self._exact_absolute.find(spelling):
                if any(spelling in absolute(reading) for reading in readings(self._text(group))):
                    found.add(group)
        for start in self._beside:
            found.update(self._found_beside(f"{start}{meant}", found))
        return sorted(found)

    def _found_beside(self, spelling: str, found: set[int]) -> Iterator[int]:
        """Vetoes whose key starts with folders of INPUT's own path; groups in `found` are left out."""
        for group in self._exact.find(spelling):
            if group not in found and not self._is_grant[group] and self._means(group, spelling):
                yield group
        for group in {*self._meant.find(spelling)} - found:
            # "p*" and the prefix "p" refer to names below INPUT, not to INPUT's own path.
            if "/" in plain(self._text(group)):
                yield group

    def rows(self, group: int) -> NDArray[np.int64]:
        """(N,) the rows of a group, from 0, ascending."""
        return self._rows[self._starts[group] : self._starts[group + 1]]

    def _full(self, meant: str) -> Iterator[str]:
        """A key's spellings as a full URI; INPUT itself if INPUT is that file."""
        for root in self._roots:
            yield f"{root}/{meant}" if root else meant
            if root.rpartition("/")[2] == meant:
                yield root

    def _text(self, group: int) -> str:
        text: str = self._texts[int(self._text_of[group])].as_py()
        return text

    def _speaks(self, group: int, key: str, meant: str) -> bool:
        text = self._text(group)
        return text == key or (not self._is_grant[group] and self._means(group, meant))

    def _means(self, group: int, meant: str) -> bool:
        return any(plain(reading) == meant for reading in readings(self._text(group)))


def _cells(matches: pa.Array | None, rows: int) -> NDArray[np.int64]:
    """(rows,) positions in `_CELLS`."""
    if matches is None:
        return np.zeros(rows, np.int64)
    encoded = matches.dictionary_encode()
    known = [_CELLS.index(cell) if cell in _CELLS[:-1] else len(_CELLS) - 1 for cell in encoded.dictionary.to_pylist()]
    return np.array(known, np.int64)[encoded.indices.to_numpy(zero_copy_only=False)] if rows else np.zeros(0, np.int64)


def _check_sum(text: str) -> int:
    # A local file name may be invalid UTF-8; it then contains lone surrogates and equals no key of the registry.
    return zlib.crc32(text.encode(errors="surrogatepass"))
