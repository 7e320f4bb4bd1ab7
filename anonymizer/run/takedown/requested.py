"""Removes the outputs that `--keys` requests to remove, and records the removals that were not possible yet."""

from __future__ import annotations

from anonymizer.lake.manifest import Snapshot
from anonymizer.people.consent import Registry
from anonymizer.records import ManifestRow
from anonymizer.run.context import RunContext
from anonymizer.run.start.keylist import KeyList
from anonymizer.run.takedown.removals import Removals
from anonymizer.run.takedown.rows import pending_request_row, requested_row


def remove_requested(run: RunContext, keys: KeyList, registry: Registry, snapshot: Snapshot) -> Snapshot:
    """Removes the outputs of the keys with action `remove`; returns the current rows afterwards.

    Args:
        run: The run; does not work in place.
        keys: The list of keys; those without an output are added to the summary as missing.
        registry: The consent registry; the hash of its decision goes into the row of the removal.
        snapshot: The current rows.

    Raises:
        OutputLost: OUTPUT went missing meanwhile.
    """
    rows, removals = run.current_rows(snapshot), Removals(run)
    written = 0
    for request in keys.of("remove"):
        current = rows.find(request.key)
        output_key = run.places.output_key(current.output_uri) if current is not None else None
        if current is None or output_key is None:
            run.summary.missing.append(request.key)
            continue
        _remove(run, removals, output_key, rows.manifest_row(current), registry.decide(request.key).sha256)
        written += 1
    return run.refreshed(snapshot, written)


def _remove(run: RunContext, removals: Removals, output_key: str, row: ManifestRow, decision: str) -> None:
    done = requested_row(row, decision, run.attempt)
    if removals.remove(output_key, row.key, row.output_etag, row.output_sha256):
        run.summary.removed_requested += 1
    else:
        done = pending_request_row(done, row)
    run.recorder.write_uncounted(done)


def record_pending_requests(run: RunContext, keys: KeyList, registry: Registry) -> None:
    """Records requested removals while OUTPUT is missing, because later runs do not get the request again.

    Args:
        run: The run; has no id yet, and gets one if there is a row to write.
        keys: The list of keys.
        registry: See `remove_requested`.
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
