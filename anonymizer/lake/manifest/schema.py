"""The manifest's columns: Arrow schema, rows to table and back, older tables made to fit, one row per key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import accumulate
from operator import attrgetter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.lake.manifest.columns import COLUMNS, FACE
from anonymizer.records import Face, ManifestRow

SCHEMA_VERSION = 3
"""Raised with every change of `SCHEMA`. Columns are only added: readers fill what an older part lacks with null."""

SCHEMA = pa.schema([(column.name, column.type) for column in COLUMNS], metadata={"schema_version": str(SCHEMA_VERSION)})
"""Every column of the manifest but `run_id`, which the folder of a part holds."""

CURRENT_SCHEMA = SCHEMA.append(pa.field("run_id", pa.string()))
"""What `current` gives: the columns of a part, then the run that wrote the row, as Hive readers have it."""

PRECEDENCE = (
    *("key", "run_id", "attempt"),
    *("output_sha256", "output_etag", "status", "error_code", "source_etag", "consent_sha256"),
)
"""The greatest row in this order is a key's current one. The second line only settles what two workers wrote under
one attempt: the row that names an output comes first, and no clock is asked."""

PUBLIC_COLUMNS = (
    *("status", "error_code", "error_message", "retryable", "format", "width", "height", "frame_count", "encoding"),
    *("face_count", "redacted_count", "metadata_removed", "metadata_kept", "detector", "method", "software_version"),
)
"""What may be shown to everybody. Times are not among them: with the files' own times they lead back to the files."""


def to_table(rows: Iterable[ManifestRow]) -> pa.Table:
    """Rows as an Arrow table.

    Args:
        rows: Their times have a zone.

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
    """The rows of a table of `SCHEMA` or `CURRENT_SCHEMA` (of this or an older version); times are in UTC.

    What is null takes the default of its field, so that a column that an older part lacks does too.
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
    """These columns of `CURRENT_SCHEMA`, with its types; what the table lacks is null.

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
    """The columns of `CURRENT_SCHEMA` that have to be read for these: those that tell which row counts, too."""
    return [name for name in CURRENT_SCHEMA.names if name in columns or name in PRECEDENCE]


def of_run(table: pa.Table, run_id: str) -> pa.Table:
    """The rows with their run, columns in the order of `CURRENT_SCHEMA`."""
    with_run = table.append_column(CURRENT_SCHEMA.field("run_id"), pa.repeat(pa.scalar(run_id), table.num_rows))
    return with_run.select([name for name in CURRENT_SCHEMA.names if name in with_run.column_names])


def latest(table: pa.Table) -> pa.Table:
    """Of each key the row that is greatest in `PRECEDENCE`, in UTF-8 byte order of keys.

    Args:
        table: Any number of rows with at least the columns of `PRECEDENCE`.
    """
    # Nulls as the least values: the place of nulls in a sort is asked for differently by the versions of pyarrow.
    columns = [pc.fill_null(table[name], -1 if name == "attempt" else "") for name in PRECEDENCE]
    ranked = pa.Table.from_arrays(columns, names=list(PRECEDENCE)).combine_chunks()
    order = pc.sort_indices(ranked, sort_keys=[(name, "ascending") for name in PRECEDENCE])
    keys = ranked["key"].take(order).combine_chunks()
    changes = pc.not_equal(keys[:-1], keys[1:])
    is_last = pa.concat_arrays([changes, pa.array([True][: len(keys)], pa.bool_())])
    return table.combine_chunks().take(order.filter(is_last))


def public_copy(table: pa.Table) -> pa.Table:
    """`PUBLIC_COLUMNS` of a table, in an order that tells nothing about its keys."""
    plain = [name for name in PUBLIC_COLUMNS if not pa.types.is_list(SCHEMA.field(name).type)]
    return table.select(PUBLIC_COLUMNS).sort_by([(name, "ascending") for name in plain])
