"""Defines the manifest's Arrow schema; converts rows to tables and back, and selects the current row of each key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import accumulate
from operator import attrgetter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.lake.manifest.columns import COLUMNS, FACE
from anonymizer.records import Face, ManifestRow

SCHEMA_VERSION = 4
"""Is raised with every change of `SCHEMA`. Columns are only added; those that an older part lacks are read as null."""

SCHEMA = pa.schema([(column.name, column.type) for column in COLUMNS], metadata={"schema_version": str(SCHEMA_VERSION)})
"""All columns of the manifest except `run_id`, which is in the name of a part's folder."""

CURRENT_SCHEMA = SCHEMA.append(pa.field("run_id", pa.string()))
"""The columns of `current`: those of a part, and the run that wrote the row, as Hive readers add it."""

PRECEDENCE = (
    *("key", "run_id", "attempt"),
    *("output_sha256", "output_etag", "status", "error_code", "source_etag", "consent_sha256"),
)
"""The greatest row of a key in this order is its current one. The columns after `attempt` only decide between rows that
two workers wrote with the same attempt: a row that names an output wins. No clock is involved."""

SHARD_COLUMNS = ("shard", "shard_sha256")
"""The row of a picture in a shard is current only if the shard's current row has the output that it describes."""

HELD_SHARDS = 10_000
"""Number of shards whose outputs are remembered before those that were passed are forgotten."""

PUBLIC_COLUMNS = (
    *("status", "error_code", "error_message", "retryable", "format", "width", "height", "frame_count", "encoding"),
    *("face_count", "redacted_count", "metadata_removed", "metadata_kept", "detector", "method", "software_version"),
)
"""Columns that can be published. Times are not among them, because they could be matched with the files' times."""


def to_table(rows: Iterable[ManifestRow]) -> pa.Table:
    """Converts rows to an Arrow table.

    Args:
        rows: The rows; their times have a time zone.

    Returns:
        A table of `SCHEMA`, in the order of the rows.
    """
    listed = tuple(rows)
    columns = [_faces(listed) if field.name == "faces" else _column(listed, field.name, field.type) for field in SCHEMA]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def _column(values: Sequence[Any], name: str, arrow_type: pa.DataType) -> pa.Array:
    return pa.array(list(map(attrgetter(name), values)), arrow_type)


def _faces(rows: Sequence[ManifestRow]) -> pa.Array:
    flat = [face for row in rows for face in row.faces]
    offsets = pa.array(accumulate((len(row.faces) for row in rows), initial=0), pa.int32())
    structs = pa.StructArray.from_arrays([_column(flat, f.name, f.type) for f in FACE], fields=list(FACE))
    return pa.ListArray.from_arrays(offsets, structs)


def from_table(table: pa.Table) -> list[ManifestRow]:
    """Converts a table of `SCHEMA` or `CURRENT_SCHEMA` (of this or an older version) to rows; times are in UTC.

    Null becomes the default of its field, also in columns that an older part lacks.
    """
    return [_row(record) for record in table.select([n for n in table.column_names if n in SCHEMA.names]).to_pylist()]


def _row(record: dict[str, Any]) -> ManifestRow:
    return ManifestRow(**{name: _value(name, value) for name, value in record.items() if value is not None})


def _value(name: str, value: Any) -> Any:
    if name == "faces":
        return tuple(Face(**face) for face in value)
    if isinstance(value, list):
        return tuple(value)
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def conform(table: pa.Table, columns: Sequence[str]) -> pa.Table:
    """Converts a table to the given columns of `CURRENT_SCHEMA` and their types; missing columns are null.

    Raises:
        pyarrow.ArrowException: A column has a type that does not fit.
    """
    wanted = pa.schema([CURRENT_SCHEMA.field(name) for name in columns], metadata=SCHEMA.metadata)
    if table.schema.equals(wanted):
        return table.replace_schema_metadata(SCHEMA.metadata)
    held, rows = set(table.column_names), table.num_rows
    return pa.Table.from_arrays(
        [table[f.name].cast(f.type) if f.name in held else pa.nulls(rows, f.type) for f in wanted], schema=wanted
    )


def needed_columns(columns: Sequence[str]) -> list[str]:
    """Adds to the given columns those that decide which row of a key is current."""
    return [name for name in CURRENT_SCHEMA.names if name in columns or name in (*PRECEDENCE, *SHARD_COLUMNS)]


def of_run(table: pa.Table, run_id: str) -> pa.Table:
    """Adds the column `run_id`; the columns are in the order of `CURRENT_SCHEMA`."""
    with_run = table.append_column(CURRENT_SCHEMA.field("run_id"), pa.repeat(pa.scalar(run_id), table.num_rows))
    return with_run.select([name for name in CURRENT_SCHEMA.names if name in with_run.column_names])


def latest(table: pa.Table) -> pa.Table:
    """Selects for each key the row that is greatest in `PRECEDENCE`, in UTF-8 byte order of keys.

    Args:
        table: Any number of rows with at least the columns of `PRECEDENCE`.
    """
    # Replace nulls by the lowest values: versions of pyarrow have different options for the order of nulls.
    columns = [pc.fill_null(table[name], -1 if name == "attempt" else "") for name in PRECEDENCE]
    ranked = pa.Table.from_arrays(columns, names=list(PRECEDENCE)).combine_chunks()
    order = pc.sort_indices(ranked, sort_keys=[(name, "ascending") for name in PRECEDENCE])
    keys = ranked["key"].take(order).combine_chunks()
    changes = pc.not_equal(keys[:-1], keys[1:])
    is_last = pa.concat_arrays([changes, pa.array([True][: len(keys)], pa.bool_())])
    return table.combine_chunks().take(order.filter(is_last))


def standing(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Leaves out the rows of pictures whose shard was published anew, failed or removed after they were written.

    Args:
        tables: One row for each key, in UTF-8 byte order of keys, so that a shard comes before its pictures; with the
            columns of `PRECEDENCE` and `SHARD_COLUMNS`.
    """
    outputs: dict[str, str | None] = {}
    for table in tables:
        shards = table["shard"]
        if shards.null_count == len(shards):
            yield table
            continue
        own = pc.fill_null(pc.equal(shards, table["key"]), False)
        whole = table.filter(own)
        outputs |= zip(whole["key"].to_pylist(), whole["output_sha256"].to_pylist(), strict=True)
        names = pc.unique(shards.drop_null()).to_pylist()
        standing_outputs = pa.array([outputs.get(name) for name in names], pa.string())
        current = standing_outputs.take(pc.index_in(shards, pa.array(names, pa.string())).combine_chunks())
        stands = pc.fill_null(pc.equal(current, table["shard_sha256"].combine_chunks()), False)
        yield table.filter(pc.or_(pc.or_(pc.is_null(shards), own), stands))
        if len(outputs) > HELD_SHARDS and len(table):
            # The pictures of a shard `s` lie between `s/` and `s0`.
            reached = table["key"][-1].as_py()
            outputs = {name: sha256 for name, sha256 in outputs.items() if f"{name}0" > reached}


def without_inside(table: pa.Table) -> pa.Table:
    """Leaves out the rows of pictures inside shards."""
    if table["shard"].null_count == table.num_rows:
        return table
    return table.filter(pc.or_(pc.is_null(table["shard"]), pc.fill_null(pc.equal(table["shard"], table["key"]), False)))


def is_published(table: pa.Table) -> pa.ChunkedArray:
    """(rows,) bool: rows whose picture is published, as a file or inside a shard.

    Args:
        table: Any rows with the columns `output_uri`, `output_sha256` and `shard_sha256`.
    """
    inside = pc.and_(pc.is_valid(table["shard_sha256"]), pc.is_valid(table["output_sha256"]))
    return pc.or_(pc.is_valid(table["output_uri"]), inside)


def public_copy(table: pa.Table) -> pa.Table:
    """Selects `PUBLIC_COLUMNS` of a table, sorted by them so that the order reveals nothing about the keys."""
    plain = [name for name in PUBLIC_COLUMNS if not pa.types.is_list(SCHEMA.field(name).type)]
    return table.select(PUBLIC_COLUMNS).sort_by([(name, "ascending") for name in plain])
