"""Read Parquet files and convert typed columns to text."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from anonymizer.people.consent.sheet import BATCH_ROWS, Layout, Sheet, check_header, filled, missing


def read_parquet(data: bytes, name: str, layout: Layout) -> Iterator[Sheet]:
    """Reads columns of text, numbers, dates and times; times without a zone are text without an offset.

    Raises:
        UsageError: (the layout's) The file is not Parquet, or has an unknown column.
    """
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        check_header(file.schema_arrow.names, name, layout)
        yield _sheet(pa.RecordBatch.from_pylist([], schema=file.schema_arrow))
        for batch in file.iter_batches(BATCH_ROWS):
            yield _sheet(batch)
    except (pa.ArrowException, OSError, ValueError):
        raise layout.error(f"{name}: this is no Parquet file that can be read") from None


def _sheet(batch: pa.RecordBatch) -> Sheet:
    texts = {c: _text_of_array(batch[c], numbers=c != "key") for c in batch.schema.names}
    return Sheet({c: text for c, (text, _) in texts.items()}, {c: flawed for c, (_, flawed) in texts.items()})


def _text_of_array(array: pa.Array, *, numbers: bool) -> tuple[pa.Array, NDArray[np.bool_]]:
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    for accepts, convert, is_number in _CONVERSIONS:
        if accepts(array.type) and (numbers or not is_number):
            try:
                return filled(convert(array)), np.zeros(len(array), bool)
            except (pa.ArrowException, UnicodeDecodeError):
                break
    if _is_text(array.type):
        texts = [_decoded(cell) for cell in array.cast(pa.large_binary()).to_pylist()]
        return filled(pa.array(texts, pa.large_string())), missing(texts)
    blank = pa.nulls(len(array), pa.large_string())
    return filled(blank), np.asarray(pc.is_valid(array), dtype=bool)


def _is_text(kind: pa.DataType) -> bool:
    """Whether a type is text, or bytes that may be text."""
    tests = ("is_string", "is_large_string", "is_string_view", "is_binary", "is_large_binary", "is_binary_view")
    return any(getattr(pa.types, test)(kind) for test in tests)


def _is_number(kind: pa.DataType) -> bool:
    return any(test(kind) for test in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal))


def _is_zoned(kind: pa.DataType) -> bool:
    return pa.types.is_timestamp(kind) and kind.tz is not None


def _text_of_utc(array: pa.Array) -> pa.Array:
    # Through the number of microseconds, because Arrow's formatting needs a time-zone database.
    instants = array.cast(pa.timestamp("us", array.type.tz), safe=False).cast(pa.int64()).cast(pa.timestamp("us"))
    text = instants.cast(pa.large_string())
    return pc.binary_join_element_wise(text, pa.scalar("Z", pa.large_string()), pa.scalar("", pa.large_string()))


def _text_of_utf8(array: pa.Array) -> pa.Array:
    # The cast from bytes back to text checks that they are UTF-8.
    return array.cast(pa.large_binary()).cast(pa.large_string())


def _plain(array: pa.Array) -> pa.Array:
    return array.cast(pa.large_string())


#: (type test, conversion to text, whether these are numbers or times, which keys cannot be); the first match applies.
_CONVERSIONS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], pa.Array], bool], ...] = (
    (_is_text, _text_of_utf8, False),
    (_is_zoned, _text_of_utc, True),
    (pa.types.is_timestamp, _plain, True),
    (pa.types.is_date, _plain, True),
    (_is_number, _plain, True),
)


def _decoded(cell: bytes | None) -> str | None:
    """None = unreadable."""
    try:
        return "" if cell is None else cell.decode()
    except UnicodeDecodeError:
        return None
