"""Removes the outputs that `--keys` wants removed, and writes down which of those removals are still owed."""

from __future__ import annotations

from anonymizer.lake.manifest import Snapshot
from anonymizer.people.consent import Registry
from anonymizer.records import ManifestRow
from anonymizer.run.context import RunContext
from anonymizer.run.start.keylist import KeyList
from anonymizer.run.takedown.removals import Removals
from anonymizer.run.takedown.rows import pending_request_row, requested_row


def remove_requested(run: RunContext, keys: KeyList, registry: Registry, snapshot: Snapshot) -> Snapshot:
    """Removes the outputs of the keys with action `remove`; gives the current rows afterwards.

    Args:
        run: Not in place.
        keys: Those without an output are named as missing in the account.
        registry: The rows say under which decision the output was removed.
        snapshot: The current rows.

    Raises:
        OutputLost: OUTPUT went away meanwhile.
    """
    rows, removals = run.current_rows(snapshot), Removals(run)
    written = 0
    for request in keys.of("remove"):
        current = rows.find(request.key)
        located = run.places.output_key(current.output_uri) if current is not None else None
        if current is None or located is None:
            run.summary.missing.append(request.key)
            continue
        _remove(run, removals, located, rows.manifest_row(current), registry.decide(request.key).sha256)
        written += 1
    return run.refreshed(snapshot, written)


def _remove(run: RunContext, removals: Removals, located: str, row: ManifestRow, decision: str) -> None:
    done = requested_row(row, decision, run.attempt)
    if removals.remove(located, row.key, row.output_etag, row.output_sha256):
        run.summary.removed_requested += 1
    else:
        done = pending_request_row(done, row)
    run.recorder.write_uncounted(done)


def record_pending_requests(run: RunContext, keys: KeyList, registry: Registry) -> None:
    """OUTPUT is not there: writes down which removals are owed, because no later run is told of the request again.

    Args:
        run: Without an id; it gets one if there is anything to write.
        keys: With the requests.
        registry: As of `remove_requested`.
    """
    wanted = [request.key for request in keys.of("remove")]
    if not wanted:
        return
    run.summary.run_id = run.new_run_id()
    rows = run.current_rows(run.manifest)
    for key in wanted:
        current = rows.find(key)
        if current is not None and current.output_uri is not None:
            row = rows.manifest_row(current)
            gone = requested_row(row, registry.decide(key, listed=False).sha256, run.attempt)
            run.recorder.write_uncounted(pending_request_row(gone, row))
            run.summary.unsafe_left.append(key)
    run.recorder.flush()
