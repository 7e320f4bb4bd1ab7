"""Writes a copy of the manifest that can be published."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from anonymizer.errors import ConfigError
from anonymizer.lake.manifest.schema import PUBLIC_COLUMNS, public_copy
from anonymizer.lake.manifest.store import ManifestStore
from anonymizer.lake.storage import nested, normalize_uri, open_root


def write_public(manifest: ManifestStore, target: str) -> int:
    """Writes the current rows without keys, hashes, consent, boxes and times, as one Parquet file.

    Args:
        manifest: The manifest.
        target: Any fsspec URL; an existing file is overwritten.

    Returns:
        The number of rows.

    Raises:
        ConfigError: There is no manifest, or the file would be inside its folder.
    """
    uri = normalize_uri(target)
    if nested(manifest.objects.uri, uri):
        raise ConfigError("--public: the copy cannot be inside the manifest's folder")
    if not manifest.run_ids():
        raise ConfigError(f"there is no manifest at {manifest.objects.uri}")
    table = public_copy(manifest.current(PUBLIC_COLUMNS))
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    folder, _, name = uri.rpartition("/")
    with open_root(folder) as root:
        root.put(name, bytes(sink.getvalue()))
    return int(table.num_rows)
