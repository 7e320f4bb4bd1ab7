"""Encodes and decodes the Parquet files of the manifest. Damaged or too new files raise errors; none is skipped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from anonymizer.errors import ConfigError, RunError
from anonymizer.lake.manifest.merge import in_order
from anonymizer.lake.manifest.schema import SCHEMA_VERSION, conform

ROW_GROUP_ROWS = 2**18
"""More than the rows of a compacted part, so that it has one row group and is sorted as a whole."""
BATCH_ROWS = 2**13
"""Number of rows that are in memory at once while a sorted part is read in order."""

_REPEATING = (
    *("status", "error_code", "error_message", "consent_status", "consent_sha256", "purpose", "registry_sha256"),
    *("format", "encoding", "metadata_removed.list.element", "metadata_kept.list.element", "detector"),
    *("detector_sha256", "method", "settings_sha256", "software_version", "run_id"),
)
"""Columns with few distinct values, which are dictionary-encoded. The others (keys, hashes) rarely repeat."""


def encode_journal(table: pa.Table) -> bytes:
    """Encodes a small part fast, without dictionaries, which do not pay for a few dozen rows."""
    return _encode(table, use_dictionary=False)


def encode_part(table: pa.Table) -> bytes:
    """Encodes a large part: sorted by (key, attempt), with page indexes, so that query engines can skip pages."""
    by_key = pq.SortingColumn.from_ordering(table.schema, [("key", "ascending")])
    return _encode(
        table.sort_by([("key", "ascending"), ("attempt", "ascending")]),
        use_dictionary=list(_REPEATING),
        row_group_size=ROW_GROUP_ROWS,
        write_page_index=True,
        sorting_columns=by_key,
    )


def _encode(table: pa.Table, **options: object) -> bytes:
    sink = pa.BufferOutputStream()
    # Arrow writes zstd without checksums; page checksums detect flipped bits.
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True, **options)
    return bytes(sink.getvalue())


def decode(data: bytes, name: str, columns: Sequence[str]) -> pa.Table:
    """Decodes the rows of a part.

    Args:
        data: The bytes of the file.
        name: Its name, for error messages.
        columns: Columns of `SCHEMA`.

    Returns:
        A table with these columns in their current types; columns that an older part lacks are null.

    Raises:
        ConfigError: It was written by a newer version of this software.
        RunError: It is damaged, truncated or not a part of a manifest.
    """
    with _opened(data, name) as file:
        return conform(file.read(columns=_held(file, columns), use_threads=False), columns)


def stream(data: bytes, name: str, columns: Sequence[str]) -> Iterator[pa.Table]:
    """Decodes as `decode`, in key order and a batch at a time; a part that is not marked as sorted is sorted first.

    Args:
        data: See `decode`.
        name: See `decode`.
        columns: See `decode`; `key` is among them.
    """
    with _opened(data, name) as file:
        if _is_sorted(file):
            for batch in file.iter_batches(BATCH_ROWS, columns=_held(file, columns), use_threads=False):
                yield conform(pa.Table.from_batches([batch]), columns)
            return
    yield in_order(decode(data, name, columns))


@contextmanager
def _opened(data: bytes, name: str) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True) as file:
            _check_version(file.metadata.metadata or {}, name)
            yield file
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        raise RunError(f"manifest part {name} is damaged") from None


def _held(file: pq.ParquetFile, columns: Sequence[str]) -> list[str]:
    held = set(file.schema_arrow.names)
    return [column for column in columns if column in held]


def _is_sorted(file: pq.ParquetFile) -> bool:
    """Whether the file's metadata say that it is sorted by key: it has one row group, which is sorted."""
    groups = file.metadata
    if groups.num_row_groups != 1 or not groups.row_group(0).sorting_columns:
        return False
    first = groups.row_group(0).sorting_columns[0]
    return not first.descending and file.schema.column(first.column_index).path == "key"


def _check_version(metadata: Mapping[bytes, bytes], name: str) -> None:
    version = metadata.get(b"schema_version", b"")
    if not version.isdigit():
        raise RunError(f"manifest part {name} has no schema_version: it was not written by this software")
    if int(version) > SCHEMA_VERSION:
        raise ConfigError(
            f"manifest part {name} has schema_version {int(version)}; this software knows {SCHEMA_VERSION}: upgrade it"
        )
