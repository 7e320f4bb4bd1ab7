"""Taking down in place, where an output is the only copy of its photo: what may not be shown is redacted again."""

from __future__ import annotations

import logging
from collections.abc import Callable

from anonymizer.errors import NotARegularFile, OutputLost, Unsafe
from anonymizer.lake.manifest import Snapshot
from anonymizer.records import ManifestRow
from anonymizer.run.context import RunContext
from anonymizer.run.takedown.rows import removed_row

log = logging.getLogger(__name__)


def take_down(
    run: RunContext, keys: list[str], snapshot: Snapshot, redact: Callable[[list[str], Snapshot], None]
) -> Snapshot:
    """Has photos redacted again, and accounts for each: done, still unsafe, or not there any more.

    Args:
        run: In place.
        keys: Of the photos that may not stand as they are.
        snapshot: The current rows.
        redact: Redacts the photos of these keys.

    Returns:
        The current rows afterwards.

    Raises:
        OutputLost: The place went away meanwhile; all keys are named as unsafe.
    """
    if not keys:
        return snapshot
    try:
        redact(keys, snapshot)
        snapshot = run.refreshed(snapshot, len(keys))
        gone = _account(run, keys, snapshot)
        return _record_gone(run, gone, snapshot)
    except OutputLost:
        run.summary.unsafe_left = list(keys)
        raise


def _account(run: RunContext, keys: list[str], snapshot: Snapshot) -> list[ManifestRow]:
    """Counts the photos that were redacted, and names those that still stand; gives the rows of those that are gone."""
    rows, gone = run.current_rows(snapshot), list[ManifestRow]()
    for key in keys:
        current = rows.find(key)
        if current is not None and current.of_this_run and current.error_code is None:
            run.summary.removed_unsafe += 1
        elif _stands(run, key):
            log.error("%s: a photo that is no longer safe could not be redacted", key)
            run.summary.unsafe_left.append(key)
        elif current is not None:
            gone.append(rows.manifest_row(current))
    return gone


def _stands(run: RunContext, key: str) -> bool:
    """Whether a photo may still be there; a link in its place is not it."""
    try:
        return run.output.root.exists(key) or not run.output.root.knows_absence(key)
    except NotARegularFile:
        return False


def _record_gone(run: RunContext, gone: list[ManifestRow], snapshot: Snapshot) -> Snapshot:
    """Writes the rows of photos that are not there, once the place is seen to be INPUT still."""
    if not gone:
        return snapshot
    run.output.require()
    for row in gone:
        run.recorder.write_uncounted(removed_row(row, Unsafe(), run.attempt))
    run.summary.removed_unsafe += len(gone)
    return run.refreshed(snapshot, len(gone))
