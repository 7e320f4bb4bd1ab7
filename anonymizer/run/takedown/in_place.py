"""Takes down in place, where an output is the only copy of its photo: the photo is redacted again, not removed."""

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
    """Redacts photos again, and records for each whether it was redacted, is still unsafe, or no longer exists.

    Args:
        run: The run; it works in place.
        keys: Keys of the photos that are no longer safe.
        snapshot: The current rows.
        redact: Redacts the photos of the given keys.

    Returns:
        The current rows afterwards.

    Raises:
        OutputLost: INPUT went missing meanwhile; all keys are reported as unsafe.
    """
    if not keys:
        return snapshot
    try:
        redact(keys, snapshot)
        snapshot = run.refreshed(snapshot, len(keys))
        gone = _check_results(run, keys, snapshot)
        return _record_gone(run, gone, snapshot)
    except OutputLost:
        run.summary.unsafe_left = list(keys)
        raise


def _check_results(run: RunContext, keys: list[str], snapshot: Snapshot) -> list[ManifestRow]:
    """Counts the photos that were redacted, reports those that were not, and returns the rows of those gone."""
    rows, gone = run.current_rows(snapshot), list[ManifestRow]()
    for key in keys:
        current = rows.find(key)
        if current is not None and current.of_this_run and current.error_code is None:
            run.summary.removed_unsafe += 1
        elif _may_exist(run, key):
            log.error("%s: a photo that is no longer safe could not be redacted", key)
            run.summary.unsafe_left.append(key)
        elif current is not None:
            gone.append(rows.manifest_row(current))
    return gone


def _may_exist(run: RunContext, key: str) -> bool:
    """Whether a photo may still exist; a link with its name does not count."""
    try:
        return run.output.root.exists(key) or not run.output.root.knows_absence(key)
    except NotARegularFile:
        return False


def _record_gone(run: RunContext, gone: list[ManifestRow], snapshot: Snapshot) -> Snapshot:
    """Writes the rows of photos that no longer exist, after checking that INPUT still has its mark."""
    if not gone:
        return snapshot
    run.output.require()
    for row in gone:
        run.recorder.write_uncounted(removed_row(row, Unsafe(), run.attempt))
    run.summary.removed_unsafe += len(gone)
    return run.refreshed(snapshot, len(gone))
