"""The registry in memory: loaded and checked once by the driver, then asked about every key."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from anonymizer.consent.cells import PARSERS, REGION_BOX, REGION_COLUMNS, Row, read_region, read_row
from anonymizer.consent.decision import judge, nothing_said
from anonymizer.consent.formats import read_sheet
from anonymizer.consent.keys import KeyIndex
from anonymizer.consent.sheet import BATCH_ROWS, Sheet
from anonymizer.consent.windows import any_between, bounds
from anonymizer.records import ConsentDecision

#: So many malformed cells are named one by one.
NAMED_PROBLEMS = 1000


@dataclass(frozen=True, eq=False)
class Registry:
    """What the registry says about any key, at one time and for one purpose.

    Nothing of it changes after loading but the note of which rows have matched a key so far.

    Attributes:
        sha256: Of the file; None where there is none.
        rows: How many there are.
        problems: One line per malformed cell: row, column and what was expected, never what stood there.
    """

    sha256: str | None
    problems: tuple[str, ...]
    _sheet: Sheet = field(repr=False)
    _malformed: NDArray[np.bool_] = field(repr=False)
    _misdrawn: NDArray[np.bool_] = field(repr=False)
    _index: KeyIndex = field(repr=False)
    _nothing: ConsentDecision = field(repr=False)
    _matched: NDArray[np.bool_] = field(repr=False)

    @property
    def rows(self) -> int:
        return self._sheet.rows

    def decide(self, key: str) -> ConsentDecision:
        """Decides about one key; equal content of the rows that speak gives an equal decision and hash."""
        found = self._index.find(key) if self.rows else ()
        if not found:
            return self._nothing
        self._matched[found] = True
        return judge([self._row(row) for row in found], self._nothing)

    def unmatched(self) -> NDArray[np.int64]:
        """(N,) numbers, from 1, of the rows that spoke about no key that was asked for so far."""
        return np.flatnonzero(~self._matched) + 1

    def turns(self, after: datetime, until: datetime) -> bool:
        """Whether a window of any row begins or ends in (after, until]."""
        return any_between(bounds(self._sheet), after, until)

    def _row(self, row: int) -> Row:
        cells = {column: texts[row].as_py() for column, texts in self._sheet.columns.items() if column != "key"}
        if not self._malformed[row]:
            return read_row(cells)
        # Whatever else is wrong with it: an objection that says where it holds is redacted there.
        region = None if self._misdrawn[row] else read_region(cells)
        return Row("malformed", cells.get("record_id") or None, region=region)


def load_registry(data: bytes, name: str, *, purpose: str | None, as_of: datetime) -> Registry:
    """Loads a registry and checks every cell of it.

    Args:
        data: CSV, JSON Lines or Parquet.
        name: For messages; its ending tells the format where the content does not.
        purpose: What the output is for; None = only grants for any purpose work.
        as_of: The time at which consent is decided, with an offset.

    Raises:
        RegistryError: It cannot be read, or a column is unknown, or a key is empty or cannot be read.
    """
    sheet = read_sheet(data, name)
    flaws = dict(_flaws(sheet))
    malformed, misdrawn = np.zeros(sheet.rows, bool), np.zeros(sheet.rows, bool)
    for (column, _), rows in flaws.items():
        malformed |= rows
        if column in (*REGION_COLUMNS, "region"):
            misdrawn |= rows
    granted = np.asarray(pc.equal(sheet.columns["status"], "granted"), dtype=bool) & ~malformed
    sha256 = hashlib.sha256(data).hexdigest()
    index = KeyIndex(sheet.columns["key"], sheet.columns.get("match"), granted)
    nothing = nothing_said(purpose, as_of, sha256)
    problems, matched = _problems(flaws), np.zeros(sheet.rows, bool)
    # Arrow would hold on to what the parsing needed, half a gigabyte for a million rows, for the rest of the run.
    pa.default_memory_pool().release_unused()
    return Registry(sha256, problems, sheet, malformed, misdrawn, index, nothing, matched)


def empty_registry(*, purpose: str | None, as_of: datetime) -> Registry:
    """A run without a registry: nobody consented."""
    none = np.zeros(0, bool)
    sheet = Sheet({column: pa.array([], pa.large_string()) for column in ("key", "status")}, {})
    index = KeyIndex(sheet.columns["key"], None, none)
    return Registry(None, (), sheet, none, none, index, nothing_said(purpose, as_of, None), none)


def _flaws(sheet: Sheet) -> Iterator[tuple[tuple[str, str], NDArray[np.bool_]]]:
    """(column, what was expected) and the rows, (rows,) bool, in which it was not met."""
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
    """(rows,) bool: cells that the parser refuses; each distinct text is parsed once."""
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
