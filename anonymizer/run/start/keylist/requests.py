"""Defines the requests of a list of keys: a key, and the action for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.errors import ConfigError
from anonymizer.people.consent import parse_time

Action = Literal["remove", "redo", "check"]
ACTIONS: tuple[Action, ...] = ("remove", "redo", "check")
"""In order of priority: if a key is listed twice, the first of its actions counts."""

COLUMNS = ("key", "action", "size", "etag", "last_modified")
"""Columns that a list may have."""

_BATCH = 8192


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """One row of the list.

    Attributes:
        key: Key below INPUT.
        action: `redo`: process it even if it has not changed. `check`: as if it had been listed. `remove`: remove its
            output.
        etag: Version of the source in the list; None = it has to be looked up.
        size: Size of the source in bytes.
        modified: Time of its last change.
    """

    key: str
    action: Action
    etag: str | None = None
    size: int | None = None
    modified: datetime | None = None


class KeyList:
    """The requests, one per key, in UTF-8 byte order of keys; stored as an Arrow table.

    Args:
        table: `key`, `action` (index in `ACTIONS`), `etag`, `size`, `last_modified`, rows in any order.
    """

    def __init__(self, table: pa.Table) -> None:
        order = [("key", "ascending"), ("action", "ascending")]
        ordered = table.sort_by(order).combine_chunks()
        keys = ordered["key"].combine_chunks()
        firsts = [pa.array([True][: len(keys)], pa.bool_()), pc.not_equal(keys[1:], keys[:-1])]
        self._table = ordered.filter(pa.concat_arrays(firsts))

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __iter__(self) -> Iterator[KeyRequest]:
        for batch in self._table.to_batches(max_chunksize=_BATCH):
            for row in batch.to_pylist():
                yield KeyRequest(row["key"], ACTIONS[row["action"]], row["etag"], row["size"], row["last_modified"])

    def of(self, *actions: Action) -> Iterator[KeyRequest]:
        """Yields the requests with one of these actions."""
        return (request for request in self if request.action in actions)


def to_redo(keys: Iterable[str]) -> KeyList:
    """Makes a list that processes these keys again even if nothing has changed."""
    named = pa.array(keys, pa.large_string())
    return KeyList(requests_of({"key": named}, len(named)))


def requests_of(columns: Mapping[str, pa.Array], rows: int) -> pa.Table:
    """Parses the text columns of a list into a table for `KeyList`.

    Args:
        columns: Text columns by name: `key` and any other of `COLUMNS`; empty text counts as null.
        rows: Number of rows.

    Raises:
        ConfigError: A text is malformed; the message has the row's number.
    """
    blank = pa.array([None] * rows, pa.large_string())
    texts = {name: _filled(columns[name]) if name in columns else blank for name in COLUMNS}
    sizes = _parsed(texts["size"], int, "size", "a number of bytes")
    times = _parsed(texts["last_modified"], parse_time, "last_modified", "a time with offset")
    listed = pc.and_(pc.is_valid(texts["etag"]), pc.is_valid(pa.array(sizes, pa.int64())))
    default = pc.if_else(listed, "check", "redo").cast(pa.large_string())
    actions = pc.index_in(pc.coalesce(texts["action"], default), pa.array(ACTIONS, pa.large_string()))
    if actions.null_count:
        row = pc.index(pc.is_null(actions), True).as_py() + 1
        raise ConfigError(f"--keys: row {row}: action: not one of {', '.join(ACTIONS)}")
    etags = pc.utf8_trim(texts["etag"], '"')
    values = [texts["key"].cast(pa.string()), actions, etags, pa.array(sizes, pa.int64())]
    return pa.Table.from_arrays(
        [*values, pa.array(times, pa.timestamp("us", tz="UTC"))],
        names=["key", "action", "etag", "size", "last_modified"],
    )


def _filled(texts: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.large_string()), texts)


def _parsed(texts: pa.Array, parse: Callable[[str], Any], column: str, expected: str) -> list[Any]:
    values = []
    for row, text in enumerate(texts.to_pylist(), 1):
        try:
            values.append(parse(text) if text is not None else None)
        except ValueError:
            raise ConfigError(f"--keys: row {row}: {column} is not {expected}") from None
    return values
