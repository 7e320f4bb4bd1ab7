"""`--keys URI`: a few named objects to redo or to take down, or an inventory in place of the listing."""

from __future__ import annotations

import gzip
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Literal
from urllib.parse import unquote_plus

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from anonymizer.errors import ConfigError
from anonymizer.lake.storage import Listed, Root, join_uri, key_error
from anonymizer.people.consent import parse_time
from anonymizer.people.consent.formats import read_sheet
from anonymizer.people.consent.sheet import Layout
from anonymizer.records import ImageRef
from anonymizer.sanitize import bare_name

Action = Literal["remove", "redo", "check"]
ACTIONS: tuple[Action, ...] = ("remove", "redo", "check")
"""In the order in which they win where a key is named twice."""

LAYOUT = Layout(("key", "action", "size", "etag", "last_modified"), ("key",), ConfigError)
LOOKED_UP_AT_ONCE = 16
_INVENTORY = {"Key": "key", "Size": "size", "ETag": "etag", "LastModifiedDate": "last_modified"}
_PARQUET = {"key": "key", "size": "size", "e_tag": "etag", "last_modified_date": "last_modified"}
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


def read_keys(uri: str, read: Callable[[str], bytes], root_uri: str) -> KeyList:
    """Reads a list.

    Args:
        uri: A table (CSV, JSON Lines, Parquet) with `key` and optionally `action`, `size`, `etag` and `last_modified`,
            or the `manifest.json` of an S3 Inventory (CSV or Parquet). Without an action, a line with size and ETag
            is checked as if it had been listed, and any other is redone.
        read: Gives the content of a URL.
        root_uri: INPUT; keys of an inventory begin at its bucket.

    Raises:
        ConfigError: It cannot be read, or a row is malformed; names the row.
    """
    data, name = read(uri), bare_name(uri)
    if name.endswith("manifest.json"):
        return KeyList(_inventory(data, read, root_uri))
    sheet = read_sheet(data, name, LAYOUT)
    return KeyList(_table(sheet.columns, sheet.rows))


def to_redo(keys: Iterable[str]) -> KeyList:
    """These keys are done again, changed or not."""
    named = pa.array(keys, pa.large_string())
    return KeyList(_table({"key": named}, len(named)))


def _table(columns: dict[str, pa.Array], rows: int) -> pa.Table:
    blank = pa.array([None] * rows, pa.large_string())
    texts = {name: _filled(columns[name]) if name in columns else blank for name in LAYOUT.columns}
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


def _inventory(data: bytes, read: Callable[[str], bytes], root_uri: str) -> pa.Table:
    """The files that a manifest.json names.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html
    """
    try:
        manifest = json.loads(data)
        bucket = manifest["destinationBucket"].rpartition(":")[2]
        kind, source = manifest["fileFormat"], manifest["sourceBucket"]
        schema = [name.strip() for name in manifest["fileSchema"].split(",")] if kind == "CSV" else []
        files = [file["key"] for file in manifest["files"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ConfigError("--keys: the manifest.json is not that of an S3 Inventory") from None
    root = f"{root_uri.rstrip('/')}/"
    prefix = root.removeprefix(f"s3://{source}/")
    if kind not in ("CSV", "Parquet") or prefix == root:
        raise ConfigError(f"--keys: an inventory in CSV or Parquet of the bucket of INPUT is needed, not {kind}")
    parts = [_inventory_part(read(f"s3://{bucket}/{file}"), schema, prefix) for file in files]
    return pa.concat_tables(parts) if parts else _table({"key": pa.array([], pa.large_string())}, 0)


def _inventory_part(data: bytes, schema: list[str], prefix: str) -> pa.Table:
    try:
        columns = _csv_columns(data, schema) if schema else _parquet_columns(data)
        below = pc.and_(pc.starts_with(columns["key"], prefix), pc.invert(pc.ends_with(columns["key"], "/")))
    except (pa.ArrowException, OSError, EOFError, KeyError):
        raise ConfigError("--keys: a file of the inventory cannot be read") from None
    kept = {name: texts.filter(below) for name, texts in columns.items()}
    kept["key"] = pc.utf8_slice_codeunits(kept["key"], len(prefix))
    return _table(kept, len(kept["key"]))


def _csv_columns(data: bytes, schema: list[str]) -> dict[str, pa.Array]:
    types = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(schema, pa.large_string()))
    options = pyarrow.csv.ReadOptions(column_names=schema)
    table = pyarrow.csv.read_csv(pa.BufferReader(gzip.decompress(data)), read_options=options, convert_options=types)
    columns = {name: table[theirs].combine_chunks() for theirs, name in _INVENTORY.items() if theirs in schema}
    columns["key"] = pa.array([unquote_plus(key) for key in columns["key"].to_pylist()], pa.large_string())
    return columns


def _parquet_columns(data: bytes) -> dict[str, pa.Array]:
    table = pq.read_table(pa.BufferReader(data))
    if "is_latest" in table.column_names:
        table = table.filter(pc.and_(table["is_latest"], pc.invert(table["is_delete_marker"])))
    found = {name: table[theirs] for theirs, name in _PARQUET.items() if theirs in table.column_names}
    if "last_modified" in found:
        found["last_modified"] = pc.strftime(found["last_modified"], "%Y-%m-%dT%H:%M:%SZ")
    return {name: column.cast(pa.large_string()).combine_chunks() for name, column in found.items()}


def requested(root: Root, requests: Iterator[KeyRequest]) -> Iterator[tuple[KeyRequest, Listed | None]]:
    """The objects of the requests, in their order; what the list does not tell is looked up, several at once.

    Yields:
        The request and the object; None: there is none.
    """
    ahead: deque[tuple[KeyRequest, Future[Listed | None]]] = deque()
    with ThreadPoolExecutor(LOOKED_UP_AT_ONCE) as pool:
        for request in islice(requests, LOOKED_UP_AT_ONCE):
            ahead.append((request, pool.submit(_listed, root, request)))
        while ahead:
            request, found = ahead.popleft()
            for following in islice(requests, 1):
                ahead.append((following, pool.submit(_listed, root, following)))
            yield request, found.result()


def _listed(root: Root, request: KeyRequest) -> Listed | None:
    if request.action != "check" or request.etag is None or request.size is None or key_error(request.key):
        return root.stat(request.key)
    return ImageRef(request.key, join_uri(root.uri, request.key), request.etag, request.size, request.modified)
