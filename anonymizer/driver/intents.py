"""In place: what a worker that died was about to do has happened, or it has not; the object itself tells."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import replace

from anonymizer.errors import SourceGone
from anonymizer.manifest import ManifestStore
from anonymizer.records import ManifestRow
from anonymizer.storage import Root

log = logging.getLogger(__name__)


def settle(manifest: ManifestStore, output: Root, run_id: str | None = None, chunk_id: str = "") -> set[str]:
    """Writes the rows of all that was replaced, and forgets the intents.

    Args:
        manifest: The manifest.
        output: INPUT, which is OUTPUT.
        run_id: Only of this run; None: of all, when nobody is at work.
        chunk_id: And only of this chunk.

    Returns:
        The keys that got a row.
    """
    settled: set[str] = set()
    for part, rows in manifest.intents(run_id, chunk_id):
        done = list(_happened(rows, output))
        if done:
            log.info("%d objects had been replaced by a worker that died before it could write their rows", len(done))
            manifest.write_part(part.run_id, "intent", done[0].attempt, done)
            settled |= {row.key for row in done}
        manifest.forget_intent(part.name)
    return settled


def _happened(rows: Iterable[ManifestRow], output: Root) -> Iterable[ManifestRow]:
    """The rows whose output stands, with its version."""
    for row in rows:
        if output.version(row.key) in (None, row.source_etag):
            continue
        try:
            data, version = output.get_with_version(row.key)
        except SourceGone:
            continue
        if hashlib.sha256(data).hexdigest() == row.output_sha256:
            yield replace(row, output_etag=version)
