"""Reads and writes the manifest: a Parquet table with one row per processed object, in a folder beside OUTPUT."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from anonymizer.lake.manifest.folder import ObjectStore
from anonymizer.lake.manifest.index import Totals
from anonymizer.lake.manifest.names import new_run_id, record_name
from anonymizer.lake.manifest.public import write_public
from anonymizer.lake.manifest.schema import SCHEMA, SCHEMA_VERSION, from_table, is_published, public_copy, to_table
from anonymizer.lake.manifest.snapshot import Snapshot
from anonymizer.lake.manifest.store import ManifestStore
from anonymizer.lake.storage import open_root


def current(uri: str, options: Mapping[str, Any] | None = None) -> pa.Table:
    """Reads the current row of each key.

    Args:
        uri: The manifest's folder, any fsspec URL.
        options: fsspec options of its filesystem.

    Returns:
        A table of `SCHEMA` and `run_id`, in UTF-8 byte order of keys.

    Raises:
        ConfigError: A part was written by a newer version of this software.
        RunError: A part is damaged.
    """
    with open_root(uri, options) as root:
        return ManifestStore(root).current()


__all__ = [
    "SCHEMA",
    "SCHEMA_VERSION",
    "ManifestStore",
    "ObjectStore",
    "Snapshot",
    "Totals",
    "current",
    "from_table",
    "is_published",
    "new_run_id",
    "public_copy",
    "record_name",
    "to_table",
    "write_public",
]
