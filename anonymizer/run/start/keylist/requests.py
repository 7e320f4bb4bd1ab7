"""The requests of a list of keys: which object, and what is to be done with it."""

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
"""In the order in which they win where a key is named twice."""

COLUMNS = ("key", "action", "size", "etag", "last_modified")
"""What a list may say of an object."""

_BATCH = 8192


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """One line of the list.

    Attributes:
        key: Below INPUT.
        action: `redo`: changed or not. `check`: as if it had been listed. `remove`: its output goes.
        etag: The source's version as the list has it; None = it has to be looked up.
        size: Its bytes.
        modified: When it was written.
    """

    key: str
    action: Action
    etag: str | None = None
    size: int | None = None
    modified: datetime | None = None


class KeyList:
    """The requests, one per key, in UTF-8 byte order of keys; kept as columns.

    Args:
        table: `key`, `action` (number in `ACTIONS`), `etag`, `size`, `last_modified`, in any order.
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
        """Those with one of these actions."""
        return (request for request in self if request.action in actions)


def to_redo(keys: Iterable[str]) -> KeyList:
    """These keys are done again, changed or not."""
    named = pa.array(keys, pa.large_string())
    return KeyList(requests_of({"key": named}, len(named)))


def requests_of(columns: Mapping[str, pa.Array], rows: int) -> pa.Table:
    """The table that `KeyList` takes, of a list's texts.

    Args:
        columns: Texts by name, some of `COLUMNS`, `key` among them; an empty one is as none.
        rows: How many each has.

    Raises:
        ConfigError: A text is malformed; names the row.
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
            raise ConfigError(f"--keys: row {row}: {column}: not {expected}") from None
    return values
