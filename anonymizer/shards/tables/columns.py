"""Decides what becomes of each column of a table: pictures are redacted, named side-cars kept, the rest left out.

A column may hold pictures if its values are bytes, structs with a field `bytes` (and `path`, as Hugging Face's
`datasets` writes them), or lists of either. Whether a value is a picture is decided by its bytes, value by value.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.types as pt

from anonymizer.shards.sidecars import is_kept

BYTES, PATH = "bytes", "path"
_FIELD_ID = b"PARQUET:field_id"


@dataclass(frozen=True)
class Column:
    """A column of the output.

    Attributes:
        field: Its field in the output.
        holds_pictures: Whether its values may be pictures.
        is_list: Whether a value is a list of pictures.
        is_struct: Whether a picture is a struct with a field `bytes`.
        kept: Whether the user named it: then values that are no pictures are kept as well.
    """

    field: pa.Field
    holds_pictures: bool
    is_list: bool = False
    is_struct: bool = False
    kept: bool = False

    @property
    def name(self) -> str:
        name: str = self.field.name
        return name


def columns_of(schema: pa.Schema, keep: Sequence[str]) -> tuple[list[Column], list[str]]:
    """The columns of the output in the order of the input, and the names of those that are left out.

    Args:
        schema: The table's schema.
        keep: Names of side-cars to keep, `shards.keep`.
    """
    columns, left_out = [], []
    for field in schema:
        column = _column(field, keep)
        if column is None:
            left_out.append(field.name)
        else:
            columns.append(column)
    return columns, left_out


def _column(field: pa.Field, keep: Sequence[str]) -> Column | None:
    kept = is_kept(field.name, keep)
    arrow_type = _stored(field.type)
    is_list = pt.is_list(arrow_type) or pt.is_large_list(arrow_type) or pt.is_fixed_size_list(arrow_type)
    cell = _stored(arrow_type.value_type) if is_list else arrow_type
    own = {_FIELD_ID: field.metadata[_FIELD_ID]} if _FIELD_ID in (field.metadata or {}) else None
    is_struct = pt.is_struct(cell) and cell.get_field_index(BYTES) >= 0 and is_bytes(_stored(cell.field(BYTES).type))
    if is_bytes(cell) or is_struct:
        # Nullable, because what is no picture becomes null.
        new = pa.field(field.name, _nullable(arrow_type), nullable=True, metadata=own)
        return Column(new, holds_pictures=True, is_list=is_list, is_struct=is_struct, kept=kept)
    if not kept or _has_bytes(arrow_type):
        return None
    return Column(pa.field(field.name, arrow_type, nullable=field.nullable, metadata=own), holds_pictures=False)


def is_bytes(arrow_type: pa.DataType) -> bool:
    """Whether values of a type are bytes."""
    return bool(pt.is_binary(arrow_type) or pt.is_large_binary(arrow_type) or pt.is_fixed_size_binary(arrow_type))


def _stored(arrow_type: pa.DataType) -> pa.DataType:
    """The type that values have without a dictionary and without an extension's name."""
    if isinstance(arrow_type, pa.BaseExtensionType):
        return _stored(arrow_type.storage_type)
    if pt.is_dictionary(arrow_type):
        return _stored(arrow_type.value_type)
    # A redacted picture has another length than its source.
    return pa.binary() if pt.is_fixed_size_binary(arrow_type) else arrow_type


def _nullable(arrow_type: pa.DataType) -> pa.DataType:
    """A type for pictures in which every part may be null, and structs have only `bytes` and `path`."""
    if pt.is_struct(arrow_type):
        fields = [arrow_type.field(place) for place in range(arrow_type.num_fields)]
        return pa.struct([pa.field(field.name, _stored(field.type)) for field in fields if field.name in (BYTES, PATH)])
    if pt.is_large_list(arrow_type):
        return pa.large_list(_nullable(_stored(arrow_type.value_type)))
    if pt.is_list(arrow_type) or pt.is_fixed_size_list(arrow_type):
        return pa.list_(_nullable(_stored(arrow_type.value_type)))
    return arrow_type


def _has_bytes(arrow_type: pa.DataType) -> bool:
    """Whether bytes are nested somewhere in a type; pictures would not be found there."""
    if is_bytes(arrow_type):
        return True
    if pt.is_dictionary(arrow_type) or isinstance(arrow_type, pa.BaseExtensionType):
        return _has_bytes(_stored(arrow_type))
    fields = [arrow_type.field(place) for place in range(arrow_type.num_fields)]
    return any(_has_bytes(field.type) for field in fields)


def metadata_of(metadata: dict[bytes, bytes] | None, columns: Sequence[Column]) -> dict[bytes, bytes] | None:
    """The footer's metadata: of Hugging Face's the features of the columns that are in the output.

    Args:
        metadata: Metadata of the input's schema.
        columns: Columns of the output.
    """
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
        known = {column.name: features[column.name] for column in columns if column.name in features}
    except (KeyError, ValueError, TypeError):
        return None
    plain = {name: feature for name, value in known.items() if (feature := _feature(value)) is not None}
    return {b"huggingface": json.dumps({"info": {"features": plain}}).encode()} if plain else None


_FEATURE_KEYS = frozenset(("_type", "dtype", "feature", "names", "length", "mode", "decode", "shape"))


def _feature(value: Any) -> Any:
    """A feature with the keys that its readers know; None if it is not a feature or list of features."""
    if isinstance(value, list):
        return [_feature(item) for item in value]
    if not isinstance(value, dict):
        return None
    if "_type" not in value:
        return {name: _feature(item) for name, item in value.items()}
    return {
        name: _feature(item) if name == "feature" and isinstance(item, (dict, list)) else item
        for name, item in value.items()
        if name in _FEATURE_KEYS
    }


_CODECS = {
    "UNCOMPRESSED": "none",
    "SNAPPY": "snappy",
    "GZIP": "gzip",
    "BROTLI": "brotli",
    "ZSTD": "zstd",
    "LZ4": "lz4",
    "LZ4_RAW": "lz4",
}


def compressions(group: Any, columns: Sequence[Column]) -> dict[str, str]:
    """Compression of each column of the output by its path: as in the input's first row group.

    Args:
        group: Metadata of the row group (`pyarrow.parquet.RowGroupMetaData`).
        columns: Columns of the output.
    """
    names = {column.name for column in columns}
    chunks = [group.column(place) for place in range(group.num_columns)]
    return {
        chunk.path_in_schema: _CODECS.get(chunk.compression, "zstd")
        for chunk in chunks
        if chunk.path_in_schema.partition(".")[0] in names
    }
