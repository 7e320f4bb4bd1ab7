"""Writes and reads the journal: one part per committed chunk, and intents, the rows that a chunk is about to publish.

A part is created in one write and never overwritten, so a chunk is committed completely or not at all. `compaction`
merges the parts of the journal into large ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from anonymizer.errors import RunError
from anonymizer.lake.manifest import names
from anonymizer.lake.manifest.folder import ObjectStore, create_once, fetch
from anonymizer.lake.manifest.names import JournalPart
from anonymizer.lake.manifest.parts import decode, encode_journal
from anonymizer.lake.manifest.schema import SCHEMA, from_table, to_table
from anonymizer.records import ManifestRow


def journal_parts(store: ObjectStore, run_id: str | None) -> list[JournalPart]:
    """Lists the journal parts of a run, or of all runs, that are not compacted yet; sorted by name."""
    prefix = names.JOURNAL if run_id is None else names.journal_folder(run_id)
    return [part for part in map(names.journal_part, store.names(prefix)) if part is not None]


def write_part(store: ObjectStore, run_id: str, chunk_id: str, attempt: int, rows: Iterable[ManifestRow]) -> str:
    """See `ManifestStore.write_part`."""
    table = to_table(rows)
    data = encode_journal(table)
    return _created(store, names.journal_name(run_id, chunk_id, attempt, table.num_rows, data), data)


def write_intent(store: ObjectStore, run_id: str, chunk_id: str, attempt: int, rows: Iterable[ManifestRow]) -> str:
    """See `ManifestStore.write_intent`."""
    table = to_table(rows)
    data = encode_journal(table)
    return _created(store, names.intent_name(run_id, chunk_id, attempt, table.num_rows, data), data)


def read_intents(
    store: ObjectStore, run_id: str | None, chunk_id: str
) -> Iterator[tuple[JournalPart, list[ManifestRow]]]:
    """See `ManifestStore.intents`."""
    prefix = names.INTENTS if run_id is None else names.intents_of(run_id, chunk_id)
    found = [part for part in map(names.intent, store.names(prefix)) if part is not None]
    for part, (name, data) in zip(found, fetch(store, [part.name for part in found]), strict=True):
        if data is not None:
            yield part, from_table(decode(data, name, SCHEMA.names))


def _created(store: ObjectStore, name: str, data: bytes) -> str:
    if not create_once(store, name, data):
        raise RunError(f"manifest part {name} exists already with other content")
    return name
