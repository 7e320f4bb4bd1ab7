"""Columns of a Parquet file that may hold pictures."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq


def may_hold_pictures(data: bytes) -> bool:
    """Whether a Parquet file has a column of bytes, or of lists of 8 bit numbers, which may be pixels.

    Args:
        data: The whole file; its footer is read, no column.

    Returns:
        False only if every column is a number, a text, a time or a truth value, or a list or structure of such. What
        has a footer that cannot be read may hold anything.
    """
    try:
        schema = pq.read_schema(pa.BufferReader(data))
    except (pa.ArrowException, OSError, ValueError):
        return True
    return any(may_be_picture(field.type) for field in schema)


def may_be_picture(kind: pa.DataType, *, in_list: bool = False) -> bool:
    """Whether values of a type may be pictures: bytes, or lists of 8 bit numbers, however nested.

    Args:
        kind: The type.
        in_list: It is that of a list's values.
    """
    types = pa.types
    if types.is_dictionary(kind):
        return may_be_picture(kind.value_type, in_list=in_list)
    if types.is_map(kind):
        return any(may_be_picture(part, in_list=True) for part in (kind.key_type, kind.item_type))
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return may_be_picture(kind.value_type, in_list=True)
    if types.is_struct(kind):
        return any(may_be_picture(field.type, in_list=in_list) for field in kind)
    if types.is_integer(kind):
        return in_list and kind.bit_width == 8
    numbers = types.is_floating(kind) or types.is_decimal(kind)
    texts = types.is_string(kind) or types.is_large_string(kind)
    times = types.is_temporal(kind) or types.is_boolean(kind) or types.is_null(kind)
    return not (numbers or texts or times)
