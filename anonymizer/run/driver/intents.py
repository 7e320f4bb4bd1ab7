"""Settles what workers that died were about to publish: the object in OUTPUT itself tells whether it was published.

A worker writes down its rows as intents before it publishes. Where a file with an intent's SHA-256 stands, the row has
become true; where none stands, nothing has happened.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace

from anonymizer.lake.manifest import ManifestStore
from anonymizer.lake.outputs import has_content
from anonymizer.lake.storage import Root
from anonymizer.records import ManifestRow

log = logging.getLogger(__name__)


def recover(
    manifest: ManifestStore,
    output: Root,
    located: Callable[[ManifestRow], str | None],
    require_output: Callable[[], None],
    run_id: str | None = None,
    chunk_id: str = "",
) -> list[ManifestRow]:
    """Writes the rows of all that was published, and forgets the intents.

    Args:
        manifest: The manifest.
        output: OUTPUT; in place, INPUT.
        located: Key of the output that a row names, None if it lies elsewhere.
        require_output: Raises where OUTPUT is not there: what is missing then is not known to be missing.
        run_id: Only of this run; None: of all, when nobody is at work.
        chunk_id: And only of this chunk.

    Returns:
        The rows that were written.
    """
    settled: list[ManifestRow] = []
    for part, rows in manifest.intents(run_id, chunk_id):
        done = list(_happened(rows, output, located))
        require_output()
        if done:
            log.info("%d objects had been published by a worker that died before it could write their rows", len(done))
            manifest.write_part(part.run_id, "intent", done[0].attempt, done)
            settled += done
        manifest.forget_intent(part.name)
    return settled


def _happened(
    rows: Iterable[ManifestRow], output: Root, located: Callable[[ManifestRow], str | None]
) -> Iterable[ManifestRow]:
    """The rows whose output stands, with the version that stands there."""
    for row in rows:
        key = located(row)
        version = output.version(key) if key is not None else None
        if key is None or version is None or not has_content(output, key, row.output_sha256):
            continue
        # What it replaced may have shown what this one does not.
        output.forget_older(key)
        # The worker may have lived to write that it had failed, because it was not told.
        yield replace(row, output_etag=version, attempt=row.attempt + 1)
