"""Reading all parts of runs, also while another process compacts: a part that vanished is in one that came."""

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
"""Listings tried while somebody else compacts."""


def run_tables(store: ObjectStore, columns: Sequence[str], run_id: str | None = None) -> Iterator[tuple[str, pa.Table]]:
    """Run and rows of every part, folded or not, in no order; of one run or of all.

    Raises:
        ConfigError: A newer version of this software wrote a part.
        RunError: A part is damaged, or parts vanish faster than they can be read.
    """
    done: set[str] = set()
    for _ in range(READ_PASSES):
        # The journal first: what is folded after this listing is in a part of the next one, never in neither.
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
    raise RunError("parts of the manifest vanish faster than they can be read")


def unfolded(store: ObjectStore, columns: Sequence[str]) -> list[SortedPart]:
    """What is in the journal of all runs, as one part in order of keys; none where it is empty."""
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
