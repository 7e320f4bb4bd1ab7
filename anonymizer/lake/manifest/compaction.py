"""Compacts the journal: merges its many small parts into few large ones, which query engines read fast.

The large part is created before the small ones are deleted. After a crash in between rows exist twice, which `latest`
handles; rows are never lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa

from anonymizer.errors import RunError
from anonymizer.lake.manifest import names
from anonymizer.lake.manifest.folder import ObjectStore, create_once, fetch
from anonymizer.lake.manifest.journal import journal_parts
from anonymizer.lake.manifest.names import JournalPart
from anonymizer.lake.manifest.parts import decode, encode_part
from anonymizer.lake.manifest.schema import SCHEMA


def compact(store: ObjectStore, run_id: str, part_rows: int, *, final: bool) -> int:
    """See `ManifestStore.compact`; a large part has at least `part_rows` rows if there are as many."""
    compacted = 0
    for group in _groups(journal_parts(store, run_id), part_rows, final):
        _compact_group(store, run_id, [part.name for part in group])
        compacted += len(group)
    return compacted


def _compact_group(store: ObjectStore, run_id: str, journal: Sequence[str]) -> None:
    tables = []
    for name, data in fetch(store, journal):
        if data is None:
            raise RunError(f"manifest part {name} disappeared during compaction: another process compacts it too")
        tables.append(decode(data, name, SCHEMA.names))
    data = encode_part(pa.concat_tables(tables))
    number = 1 + max(map(names.part_number, store.names(names.parts_folder(run_id))), default=-1)
    while not create_once(store, names.part_name(run_id, number), data):
        number += 1
    store.delete(journal)


def _groups(journal: Iterable[JournalPart], part_rows: int, final: bool) -> Iterator[list[JournalPart]]:
    """Groups journal parts by the large part that they are merged into."""
    waiting = list(journal)
    left = sum(part.rows for part in waiting)
    group: list[JournalPart] = []
    rows = 0
    for part in waiting:
        group.append(part)
        rows += part.rows
        if rows >= part_rows and left - rows >= part_rows:
            yield group
            group, rows, left = [], 0, left - rows
    if final and group:
        yield group
