"""Parquet files of the manifest: bytes from tables and back. Damaged or too new ones are refused, never skipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from anonymizer.errors import ConfigError, RunError
from anonymizer.manifest.schema import SCHEMA, SCHEMA_VERSION, conform

ROW_GROUP_ROWS = 2**17

_REPEATING = (
    *("status", "error_code", "error_message", "consent_status", "consent_sha256", "purpose", "registry_sha256"),
    *("format", "encoding", "metadata_removed.list.element", "metadata_kept.list.element", "detector"),
    *("detector_sha256", "method", "settings_sha256", "software_version"),
)
"""Few distinct values: these are dictionary-encoded. The others (keys, hashes) hardly repeat."""


def encode_journal(table: pa.Table) -> bytes:
    """A small part, written fast: a few dozen rows are not worth dictionaries."""
    return _encode(table, use_dictionary=False)


def encode_part(table: pa.Table) -> bytes:
    """A large part: sorted by (key, attempt), with the indexes that let query engines skip pages."""
    by_key = pq.SortingColumn.from_ordering(SCHEMA, [("key", "ascending")])
    return _encode(
        table.sort_by([("key", "ascending"), ("attempt", "ascending")]),
        use_dictionary=list(_REPEATING),
        row_group_size=ROW_GROUP_ROWS,
        write_page_index=True,
        sorting_columns=by_key,
    )


def _encode(table: pa.Table, **options: object) -> bytes:
    sink = pa.BufferOutputStream()
    # zstd as Arrow writes it has no checksum of its own; a flipped bit has to be noticed.
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True, **options)
    return bytes(sink.getvalue())


def decode(data: bytes, name: str, columns: Sequence[str]) -> pa.Table:
    """The rows of a part.

    Args:
        data: The file.
        name: Its name, for the error's text.
        columns: Of `SCHEMA`.

    Returns:
        A table with these columns in their present types; those that an older part lacks are null.

    Raises:
        ConfigError: A newer version of this software wrote it.
        RunError: It is damaged, truncated or no part of a manifest.
    """
    try:
        with pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True) as file:
            _check_version(file.metadata.metadata or {}, name)
            held = set(file.schema_arrow.names)
            wanted = [column for column in columns if column in held]
            return conform(file.read(columns=wanted, use_threads=False), columns)
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        raise RunError(f"manifest part {name} is damaged") from None


def _check_version(metadata: Mapping[bytes, bytes], name: str) -> None:
    version = metadata.get(b"schema_version", b"")
    if not version.isdigit():
        raise RunError(f"manifest part {name} has no schema_version: it was not written by this software")
    if int(version) > SCHEMA_VERSION:
        raise ConfigError(
            f"manifest part {name} has schema_version {int(version)}; this software knows {SCHEMA_VERSION}: upgrade it"
        )
