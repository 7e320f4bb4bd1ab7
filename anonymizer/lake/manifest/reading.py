"""Reads all parts of runs, also while another process compacts: rows of a deleted part are in a new one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from anonymizer.errors import RunError
from anonymizer.lake.manifest import names
from anonymizer.lake.manifest.folder import ObjectStore, fetch
from anonymizer.lake.manifest.journal import journal_parts
from anonymizer.lake.manifest.merge import SortedPart, in_order
from anonymizer.lake.manifest.parts import decode
from anonymizer.lake.manifest.schema import of_run

READ_PASSES = 20
"""Maximum number of listings while another process compacts."""


def run_tables(store: ObjectStore, columns: Sequence[str], run_id: str | None = None) -> Iterator[tuple[str, pa.Table]]:
    """Yields run id and rows of every part, compacted or not, in any order; of one run or of all.

    Raises:
        ConfigError: A part was written by a newer version of this software.
        RunError: A part is damaged, or parts are deleted faster than they can be read.
    """
    done: set[str] = set()
    for _ in range(READ_PASSES):
        # The journal first: rows that are compacted after this listing are found by the next one.
        found = [(part.name, part.run_id) for part in journal_parts(store, run_id)]
        folder = names.PARTS if run_id is None else names.parts_folder(run_id)
        found += [(name, run) for name in store.names(folder) if (run := names.part_run_id(name))]
        runs = {name: run for name, run in found if name not in done}
        for name, data in fetch(store, list(runs)):
            if data is not None:
                done.add(name)
                yield runs[name], decode(data, name, columns)
        if done.issuperset(runs):
            return
    raise RunError("parts of the manifest are deleted faster than they can be read")


def journal_rows(store: ObjectStore, columns: Sequence[str]) -> list[SortedPart]:
    """Reads the journals of all runs as one part in key order; returns an empty list if they have no rows."""
    found = {part.name: part.run_id for part in journal_parts(store, None)}
    own = [name for name in columns if name != "run_id"]
    tables = [
        of_run(decode(data, name, own), found[name]) for name, data in fetch(store, list(found)) if data is not None
    ]
    if not sum(table.num_rows for table in tables):
        return []
    table = in_order(pa.concat_tables(tables))
    keys = table["key"]
    return [SortedPart(keys[0].as_py(), keys[-1].as_py(), lambda: iter([table]))]
