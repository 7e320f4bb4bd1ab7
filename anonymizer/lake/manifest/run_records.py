"""Reads and writes the records of runs, one JSON file each: arguments, times, counts, exit status."""

from __future__ import annotations

import json
from typing import Any

from anonymizer.errors import RunError, SourceGone
from anonymizer.lake.manifest import names
from anonymizer.lake.manifest.folder import ObjectStore
from anonymizer.lake.manifest.journal import journal_parts
from anonymizer.sanitize import settings_without_secrets


def recorded_runs(store: ObjectStore) -> list[str]:
    """See `ManifestStore.runs`."""
    return sorted(filter(None, map(names.record_run_id, store.names(names.RUNS))))


def journal_runs(store: ObjectStore) -> list[str]:
    """See `ManifestStore.journal_run_ids`."""
    return sorted({part.run_id for part in journal_parts(store, None)})


def all_runs(store: ObjectStore) -> list[str]:
    """See `ManifestStore.run_ids`."""
    compacted = filter(None, map(names.part_run_id, store.names(names.PARTS)))
    return sorted({*recorded_runs(store), *journal_runs(store), *compacted})


def write_record(store: ObjectStore, run_id: str, record: dict[str, Any]) -> None:
    """See `ManifestStore.write_run`."""
    text = json.dumps(settings_without_secrets(record), indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    store.put(names.record_name(run_id), text.encode())


def read_record(store: ObjectStore, run_id: str) -> dict[str, Any]:
    """See `ManifestStore.read_run`."""
    name = names.record_name(run_id)
    try:
        record = json.loads(store.get(name))
    except SourceGone:
        raise RunError(f"the manifest has no record of run {run_id}") from None
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise RunError(f"manifest record {name} is damaged")
    # Older versions wrote URLs with their secrets.
    found: dict[str, Any] = settings_without_secrets(record)
    return found


def unfinished_run(store: ObjectStore, arguments_sha256: str) -> str | None:
    """See `ManifestStore.unfinished`."""
    known = all_runs(store)
    if not known or known[-1] not in recorded_runs(store):
        return None
    record = read_record(store, known[-1])
    matches = record.get("arguments_sha256") == arguments_sha256
    return known[-1] if matches and record.get("finished") is None else None
