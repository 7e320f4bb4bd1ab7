"""Hold the consent registry in memory: the driver loads and checks it once, then queries it for every key."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from anonymizer.config import Bind
from anonymizer.people.consent.cells import (
    CONTENT_COLUMNS,
    PARSERS,
    REGION_BOX,
    REGION_COLUMNS,
    Row,
    read_region,
    read_row,
)
from anonymizer.people.consent.decision import judge, nothing_said
from anonymizer.people.consent.formats import read_sheet
from anonymizer.people.consent.keys import KeyIndex
from anonymizer.people.consent.sheet import BATCH_ROWS, Sheet
from anonymizer.people.consent.windows import any_between, bounds
from anonymizer.records import ConsentDecision

#: Maximum number of malformed cells that are listed individually.
NAMED_PROBLEMS = 1000
#: Maximum number of rows in cached decisions. Patterns apply to many keys with the same decision.
CACHED_ROWS = 200_000


class _Cache:
    """A cache of decisions by matching groups, bounded by the number of rows because a decision may have very many."""

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[int, ...], tuple[ConsentDecision, int]] = OrderedDict()
        self._rows = 0

    def get(self, groups: tuple[int, ...]) -> ConsentDecision | None:
        found = self._held.get(groups)
        return found[0] if found is not None else None

    def put(self, groups: tuple[int, ...], decision: ConsentDecision, rows: int) -> None:
        self._held[groups] = (decision, rows)
        self._rows += rows
        while self._rows > CACHED_ROWS and len(self._held) > 1:
            _, (_, less) = self._held.popitem(last=False)
            self._rows -= less


@dataclass(frozen=True, eq=False)
class Registry:
    """The consent registry, evaluated at one time and for one purpose.

    Immutable after loading, except for the record of which rows have matched a key so far.

    Attributes:
        sha256: SHA-256 of the file; None without a registry.
        rows: Number of rows.
        problems: One line per malformed cell: row, column and what was expected, never the cell's text.
    """

    sha256: str | None
    problems: tuple[str, ...]
    _sheet: Sheet = field(repr=False)
    _malformed: NDArray[np.bool_] = field(repr=False)
    _misdrawn: NDArray[np.bool_] = field(repr=False)
    _grants: NDArray[np.bool_] = field(repr=False)
    _index: KeyIndex = field(repr=False)
    _nothing: ConsentDecision = field(repr=False)
    _bind: Bind = field(repr=False)
    _matched: NDArray[np.bool_] = field(repr=False)
    _cache: _Cache = field(repr=False, default_factory=_Cache)

    @property
    def rows(self) -> int:
        return self._sheet.rows

    def decide(self, key: str, *, listed: bool = True) -> ConsentDecision:
        """Decides about one key; rows of equal content give an equal decision and hash.

        Args:
            key: The object's key.
            listed: Whether INPUT contains the object; its rows are then recorded as matched.
        """
        groups = self.meet(key) if listed else self._speaking(key)
        if not groups:
            return self._nothing
        found = self._cache.get(groups)
        if found is None:
            rows = np.sort(np.concatenate([self._index.rows(group) for group in groups]))
            found = judge(self._read(rows), self._nothing, self._bind)
            self._cache.put(groups, found, len(rows))
        return found

    def meet(self, key: str) -> tuple[int, ...]:
        """Records that INPUT contains a key and returns the groups of rows that apply to it."""
        groups = self._speaking(key)
        self._matched[list(groups)] = True
        return groups

    def turns(self, after: datetime, until: datetime) -> bool:
        """Whether the validity period of any row begins or ends in (after, until]."""
        return any_between(self._bounds, after, until)

    @cached_property
    def _bounds(self) -> NDArray[np.int64]:
        return bounds(self._sheet)

    def _speaking(self, key: str) -> tuple[int, ...]:
        return tuple(self._index.find(key)) if self.rows else ()

    def unmatched(self, *, objections: bool = False) -> NDArray[np.int64]:
        """(N,) numbers, from 1, of the rows that have matched no listed key so far.

        Args:
            objections: Only rows that are not grants.
        """
        silent = ~self._matched[self._index.group_of]
        return np.flatnonzero(silent & ~self._grants if objections else silent) + 1

    def _read(self, rows: NDArray[np.int64]) -> list[Row]:
        taken = {c: t.take(pa.array(rows)).to_pylist() for c, t in self._sheet.columns.items() if c != "key"}
        values = zip(*taken.values(), strict=True)
        return [
            self._row(row, cells)
            for row, cells in zip(rows.tolist(), (dict(zip(taken, c, strict=True)) for c in values), strict=True)
        ]

    def _row(self, row: int, cells: Mapping[str, str]) -> Row:
        if not self._malformed[row]:
            return read_row(cells)
        # A malformed row is an objection; if its region can be read, it is redacted there.
        region = None if self._misdrawn[row] else read_region(cells)
        return Row("malformed", cells.get("record_id") or None, region=region)


def load_registry(
    data: bytes, name: str, *, purpose: str | None, as_of: datetime, root: str = "", bind: Bind = "key"
) -> Registry:
    """Loads a registry and checks every cell of it.

    Args:
        data: CSV, JSON Lines or Parquet.
        name: The file's name, for messages and to recognise the format by its extension.
        purpose: The purpose of the output; None = only grants for any purpose are valid.
        as_of: The time at which consent is evaluated, with an offset.
        root: INPUT's URI, because an objection may name an object by its full URI.
        bind: What grants that name no content are bound to.

    Raises:
        RegistryError: The file cannot be read, a column is unknown, or a key is empty or unreadable.
    """
    sheet = read_sheet(data, name)
    flaws = dict(_flaws(sheet))
    malformed, misdrawn = np.zeros(sheet.rows, bool), np.zeros(sheet.rows, bool)
    for (column, _), rows in flaws.items():
        malformed |= rows
        if column in (*REGION_COLUMNS, *CONTENT_COLUMNS, "region"):
            misdrawn |= rows
    granted = np.asarray(pc.equal(sheet.columns["status"], "granted"), dtype=bool) & ~malformed
    sha256 = hashlib.sha256(data).hexdigest()
    index = KeyIndex(sheet.columns["key"], sheet.columns.get("match"), granted, root)
    nothing = nothing_said(purpose, as_of, sha256)
    problems, matched = _problems(flaws), np.zeros(index.groups, bool)
    # Otherwise Arrow's pool would keep the memory used for parsing, half a gigabyte for a million rows.
    pa.default_memory_pool().release_unused()
    return Registry(sha256, problems, sheet, malformed, misdrawn, granted, index, nothing, bind, matched)


def empty_registry(*, purpose: str | None, as_of: datetime) -> Registry:
    """The registry of a run without one: nobody has consented."""
    none = np.zeros(0, bool)
    sheet = Sheet({column: pa.array([], pa.large_string()) for column in ("key", "status")}, {})
    index = KeyIndex(sheet.columns["key"], None, none)
    nothing = nothing_said(purpose, as_of, None)
    return Registry(None, (), sheet, none, none, none, index, nothing, "key", none)


def _flaws(sheet: Sheet) -> Iterator[tuple[tuple[str, str], NDArray[np.bool_]]]:
    """Yields (column, what was expected) with the rows, (rows,) bool, that are malformed."""
    for column, (parse, expected) in PARSERS.items():
        if column in sheet.columns:
            refused = _refused(sheet.columns[column], parse, empty_too=column == "status")
            yield (column, expected), refused & ~sheet.unreadable[column]
    for column, unreadable in sheet.unreadable.items():
        yield (column, "text"), unreadable
    blank = np.zeros(sheet.rows, bool)
    has = {c: _filled(sheet.columns[c]) if c in sheet.columns else blank for c in REGION_COLUMNS}
    some = np.logical_or.reduce(list(has.values()))
    yield ("region", "x, y, w and h together"), some & ~np.logical_and.reduce([has[c] for c in REGION_BOX])


def _filled(texts: pa.Array) -> NDArray[np.bool_]:
    return np.asarray(pc.not_equal(texts, ""), dtype=bool)


def _refused(texts: pa.Array, parse: Callable[[str], object], *, empty_too: bool) -> NDArray[np.bool_]:
    """(rows,) bool: cells that the parser rejects; each distinct text is parsed once."""
    encoded = texts.dictionary_encode()
    refused = np.zeros(len(encoded.dictionary), bool)
    for start in range(0, len(refused), BATCH_ROWS):
        batch = encoded.dictionary.slice(start, BATCH_ROWS).to_pylist()
        refused[start : start + len(batch)] = [not _accepted(text, parse, empty_too=empty_too) for text in batch]
    return np.asarray(refused[encoded.indices.to_numpy()], dtype=bool)


def _accepted(text: str, parse: Callable[[str], object], *, empty_too: bool) -> bool:
    if not text:
        return not empty_too
    try:
        parse(text)
    except ValueError:
        return False
    return True


def _problems(flaws: dict[tuple[str, str], NDArray[np.bool_]]) -> tuple[str, ...]:
    lines = []
    for (column, expected), rows in flaws.items():
        first = np.flatnonzero(rows)[:NAMED_PROBLEMS]
        lines += [(int(row), f"row {row + 1}: {column}: not {expected}") for row in first]
    named = tuple(line for _, line in sorted(lines)[:NAMED_PROBLEMS])
    more = sum(int(rows.sum()) for rows in flaws.values()) - len(named)
    return (*named, f"and {more} more malformed cells") if more else named
