"""Recovers the rows of workers that died after publishing and before committing their rows.

Before it publishes, a worker writes the rows of a chunk as an intent. If OUTPUT has a file with the SHA-256 of a row in
an intent, the image was published and the row is committed here; otherwise the image was not published.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from anonymizer.lake.manifest import ManifestStore
from anonymizer.lake.outputs import has_content
from anonymizer.lake.storage import Root
from anonymizer.records import ManifestRow

log = logging.getLogger(__name__)


def recover(
    manifest: ManifestStore,
    output: Root,
    output_key: Callable[[ManifestRow], str | None],
    require_output: Callable[[], None],
    run_id: str | None = None,
    chunk_id: str = "",
) -> list[ManifestRow]:
    """Commits the rows of all published images, and deletes the intents.

    Args:
        manifest: The manifest.
        output: OUTPUT; in place, INPUT.
        output_key: Returns the key of the output that a row names, None if the row names none in this OUTPUT.
        require_output: Raises if OUTPUT has lost its mark: a missing file does then not prove that it was not
            published.
        run_id: Only intents of this run; None: of all runs, which is allowed while no worker is active.
        chunk_id: Only intents of this chunk; empty: of all chunks.

    Returns:
        The rows that were committed.
    """
    recovered: list[ManifestRow] = []
    for part, rows in manifest.intents(run_id, chunk_id):
        published = list(_published(rows, output, output_key))
        require_output()
        if published:
            log.info("recovered %d rows of images that a worker had published before it died", len(published))
            manifest.write_part(part.run_id, "intent", published[0].attempt, published)
            recovered += published
        manifest.forget_intent(part.name)
    return recovered


def _published(
    rows: Iterable[ManifestRow], output: Root, output_key: Callable[[ManifestRow], str | None]
) -> Iterator[ManifestRow]:
    """The rows whose output exists, with its version; a shard's rows are followed by those of its pictures."""
    found: set[tuple[str, str]] = set()
    for row in rows:
        if row.is_inside:
            if (row.shard, row.shard_sha256) in found:
                yield replace(row, attempt=row.attempt + 1)
            continue
        key = output_key(row)
        version = output.version(key) if key is not None else None
        if key is None or version is None or not has_content(output, key, row.output_sha256):
            continue
        # Older versions of the object may show faces that this one redacts.
        output.forget_older(key)
        if row.is_shard and row.output_sha256 is not None:
            found.add((row.key, row.output_sha256))
        # A higher attempt than that of a `failed` row that the worker may have written without a reply from the store.
        yield replace(row, output_etag=version, attempt=row.attempt + 1)
