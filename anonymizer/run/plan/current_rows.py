"""Reads the manifest's current rows in step with a listing, and finds the keys that the listing no longer has."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.lake.manifest import SCHEMA, from_table
from anonymizer.records import ManifestRow

Scan = Callable[[Sequence[str]], Iterator[pa.Table]]
"""Yields the current rows in UTF-8 byte order of keys, the same on every call: `Snapshot.scan`."""

#: Columns that planning reads for every key; the others are read only for the rows that need them.
_INDEX = (
    *("key", "source_etag", "consent_sha256", "settings_sha256", "error_code", "output_uri", "output_etag"),
    *("output_sha256", "consent_bound"),
    *("status", "retryable", "run_id", "source_uri", "shard"),
)


@dataclass(frozen=True, slots=True)
class CurrentRow:
    """The columns of a current row with which the planner decides whether the object has to be processed.

    Attributes:
        consent_bound: The content that grants were first seen with.
        removed: The status is `removed`.
        of_this_run: This run wrote the row, before it was interrupted and resumed.
        of_this_input: The source of the row is in this INPUT.
        is_shard: The object is a shard.
    """

    key: str
    source_etag: str | None
    consent_sha256: str | None
    settings_sha256: str | None
    error_code: str | None
    output_uri: str | None
    output_etag: str | None
    output_sha256: str | None
    consent_bound: list[str] | None
    removed: bool
    retryable: bool
    of_this_run: bool
    of_this_input: bool
    is_shard: bool


class CurrentRows:
    """Looks up current rows by key, in ascending order of keys.

    Args:
        scan: Yields the rows.
        run_id: Id of this run.
        input_uri: INPUT, a full URL.

    Attributes:
        published: Number of rows read so far with a source in this INPUT and an output.
        gone: Positions of the rows read so far whose source was not looked up and whose status is not `removed`.
        gone_published: Number of these rows that have an output.
    """

    def __init__(self, scan: Scan, run_id: str, input_uri: str) -> None:
        self._scan = scan
        self._run_id = run_id
        self._input_uri = input_uri if input_uri.endswith("/") else f"{input_uri}/"
        self._rows = enumerate(self._read())
        self._head = next(self._rows, None)
        self._found = False
        self._whole = _WholeRows(scan)
        self.published = 0
        self.gone = array("Q")
        self.gone_published = 0

    def find(self, key: str) -> CurrentRow | None:
        """Returns the current row of a key, None if it has none. Keys have to be looked up in ascending order."""
        while self._head is not None and self._head[1].key < key:
            self._pass()
        if self._head is None or self._head[1].key != key:
            return None
        self._found = True
        return self._head[1]

    def rest(self) -> None:
        """Reads the remaining rows after the end of the listing: their sources no longer exist."""
        while self._head is not None:
            self._pass()

    def manifest_row(self, current: CurrentRow) -> ManifestRow:
        """Reads all columns of a row. Has to be called in ascending order of keys."""
        return self._whole.find(current.key)

    def rows_gone(self) -> Iterator[ManifestRow]:
        """Yields all columns of the rows at the positions `gone`."""
        wanted, passed = iter(self.gone), 0
        position = next(wanted, None)
        for table in self._scan(SCHEMA.names):
            inside = []
            while position is not None and position < passed + table.num_rows:
                inside.append(position - passed)
                position = next(wanted, None)
            passed += table.num_rows
            yield from from_table(table.take(pa.array(inside, pa.int64())))

    def _pass(self) -> None:
        if self._head is None:
            return
        position, current = self._head
        published = current.of_this_input and current.output_uri is not None
        self.published += published
        if not self._found and current.of_this_input and not current.removed:
            self.gone.append(position)
            self.gone_published += published
        self._head, self._found = next(self._rows, None), False

    def _read(self) -> Iterator[CurrentRow]:
        for table in self._scan(_INDEX):
            lists = [table[name].to_pylist() for name in _INDEX[:9]]
            flags = (
                pc.equal(table["status"], "removed"),
                pc.fill_null(table["retryable"], False),
                pc.equal(table["run_id"], self._run_id),
                pc.starts_with(table["source_uri"], self._input_uri),
                pc.is_valid(table["shard"]),
            )
            yield from map(CurrentRow, *lists, *(flag.to_pylist() for flag in flags))


class _WholeRows:
    """Reads all columns of rows by ascending key; reads nothing before the first call."""

    def __init__(self, scan: Scan) -> None:
        self._tables = scan(SCHEMA.names)
        self._table: pa.Table | None = None

    def find(self, key: str) -> ManifestRow:
        while self._table is None or self._table["key"][-1].as_py() < key:
            self._table = next(self._tables)
        keys = self._table["key"].combine_chunks()
        position = bisect_left(keys, key, key=lambda scalar: scalar.as_py())
        return from_table(self._table.slice(position, 1))[0]
