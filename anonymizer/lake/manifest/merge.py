"""Merges sorted parts: yields the current row of each key, in key order, a few thousand rows at a time.

In memory is one batch of each part whose range contains the current key, whatever the number of parts.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.lake.manifest.schema import latest


@dataclass(frozen=True)
class SortedPart:
    """A part that is sorted by key and is read only when its range is reached.

    Attributes:
        first: Its lowest key.
        last: Its highest key.
        read: Yields its rows: tables with at least the columns of `PRECEDENCE`, in key order.
    """

    first: str
    last: str
    read: Callable[[], Iterator[pa.Table]]


def merged(parts: Iterable[SortedPart]) -> Iterator[pa.Table]:
    """Yields for each key the row that is greatest in `PRECEDENCE`.

    Yields:
        Tables in UTF-8 byte order of keys, which is the order of Python strings as well; no key is in two of them.
    """
    waiting = deque(sorted(parts, key=lambda part: part.first))
    reading: list[_Cursor] = []
    while waiting or reading:
        if not reading:
            reading.append(_Cursor(waiting.popleft().read()))
        bound = min(cursor.last for cursor in reading)
        while waiting and waiting[0].first <= bound:
            cursor = _Cursor(waiting.popleft().read())
            bound = min(bound, cursor.last)
            reading.append(cursor)
        pieces = [piece for cursor in reading for piece in cursor.take(bound)]
        reading = [cursor for cursor in reading if not cursor.ended]
        if pieces:
            yield _current(pieces)


def _current(pieces: list[pa.Table]) -> pa.Table:
    if len(pieces) == 1 and _ascends(pieces[0]["key"].combine_chunks(), pc.less):
        return pieces[0]
    return latest(pa.concat_tables(pieces))


class _Cursor:
    """A position in a part: all rows before it have been taken."""

    def __init__(self, tables: Iterator[pa.Table]) -> None:
        self._tables = tables
        self._keys: pa.ChunkedArray = pa.chunked_array([], pa.string())
        self._table = pa.table({})
        self.ended = False
        self.last = ""
        self._advance()

    def _advance(self) -> None:
        for table in self._tables:
            if table.num_rows:
                self._hold(table)
                return
        self.ended = True

    def _hold(self, table: pa.Table) -> None:
        self._table, self._keys = table, table["key"].combine_chunks()
        self.last = self._keys[-1].as_py()

    def take(self, bound: str) -> Iterator[pa.Table]:
        """Yields all rows up to and including a key."""
        while not self.ended and self._keys[0].as_py() <= bound:
            count = bisect_right(self._keys, bound, key=_text)
            yield self._table.slice(0, count)
            if count < self._table.num_rows:
                self._hold(self._table.slice(count))
                return
            self._advance()


def _text(scalar: pa.StringScalar) -> str:
    text: str = scalar.as_py()
    return text


def in_order(table: pa.Table) -> pa.Table:
    """Sorts a table by key, unless it is sorted already."""
    if _ascends(table["key"].combine_chunks(), pc.less_equal):
        return table
    return table.sort_by([("key", "ascending")])


def _ascends(keys: pa.StringArray, compare: Callable[[pa.Array, pa.Array], pa.BooleanArray]) -> bool:
    return len(keys) < 2 or bool(pc.all(compare(keys[:-1], keys[1:])).as_py())
