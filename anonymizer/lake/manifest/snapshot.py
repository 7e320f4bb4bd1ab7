"""Reads the current rows in bounded memory, with a saved index of the parts that contain them and their key ranges.

The index is only a cache: without it, it is rebuilt from the parts of the runs. It refers to the parts of the runs as
long as few of them overlap; otherwise they are all merged into new parts with disjoint ranges of keys.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.errors import RunError, SourceGone
from anonymizer.lake.manifest import names
from anonymizer.lake.manifest.folder import ObjectStore
from anonymizer.lake.manifest.index import Part, Totals, encode, read_newest
from anonymizer.lake.manifest.merge import SortedPart, merged
from anonymizer.lake.manifest.parts import decode, encode_part, stream
from anonymizer.lake.manifest.schema import (
    CURRENT_SCHEMA,
    is_published,
    needed_columns,
    of_run,
    standing,
    without_inside,
)

log = logging.getLogger(__name__)

DEPTH = 12
"""Number of parts that may overlap in one key before all are merged."""

MERGED_ROWS = 50_000
"""Rows of a merged part."""


class Snapshot:
    """The current rows at the time of its creation; later writes do not change it.

    Args:
        store: The manifest's folder.

    Attributes:
        totals: Totals over all rows; None if rows were added since the index was saved.

    Raises:
        ConfigError: A part was written by a newer version of this software.
        RunError: A part is damaged or missing.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        index = read_newest(store)
        held = {name for name in store.names(names.PARTS) if names.part_run_id(name)}
        gone = [part.name for part in index.parts if part.run_id is not None and part.name not in held]
        if gone:
            raise RunError(f"manifest part {gone[0]} is gone")
        self._covered = index.covered
        known = {part.name for part in index.parts} | index.covered
        added = [part for name in sorted(held - known) if (part := self._ranged(name)) is not None]
        self._parts = [*index.parts, *added]
        self.totals = index.totals if not added else None

    @property
    def is_empty(self) -> bool:
        """Whether there are no rows."""
        return not self._parts

    def _ranged(self, name: str) -> Part | None:
        """Reads the key range of a part; returns None if the part is empty."""
        keys = decode(self._get(name), name, ["key"])["key"]
        if not len(keys):
            return None
        ends = pc.min_max(keys).as_py()
        return Part(name, names.part_run_id(name), ends["min"], ends["max"], len(keys))

    def _get(self, name: str) -> bytes:
        try:
            return self._store.get(name)
        except SourceGone:
            remedy = f"; delete {names.STATE} and start again" if name.startswith(names.STATE) else ""
            raise RunError(f"manifest part {name} is gone{remedy}") from None

    def scan(
        self,
        columns: Sequence[str],
        besides: Sequence[SortedPart] = (),
        *,
        between: tuple[str, str] | None = None,
        inside: bool = True,
    ) -> Iterator[pa.Table]:
        """Yields the current row of each key, in UTF-8 byte order of keys; the same rows on every call.

        Args:
            columns: Columns of `CURRENT_SCHEMA`.
            besides: Additional parts, which are not compacted yet; they have the `needed_columns`.
            between: Only keys from the first (inclusive) to the second one (exclusive); parts without such keys are
                not read. Pictures of a shard have rows only if the range contains the shard's key too.
            inside: Also the rows of pictures inside shards.

        Returns:
            Tables with these columns.
        """
        low, high = between if between is not None else ("", None)
        wanted = [part for part in self._parts if part.last >= low and (high is None or part.first < high)]
        parts = [self._sorted(part, needed_columns(columns)) for part in wanted]
        rows = _between(merged([*parts, *besides]), low, high)
        for table in standing(rows) if inside else map(without_inside, rows):
            yield table.select(list(columns))

    def _sorted(self, part: Part, columns: Sequence[str]) -> SortedPart:
        def read() -> Iterator[pa.Table]:
            own = [name for name in columns if part.run_id is None or name != "run_id"]
            for table in stream(self._get(part.name), part.name, own):
                yield table if part.run_id is None else of_run(table, part.run_id)

        return SortedPart(part.first, part.last, read)

    def save(self, run_id: str, *, checked: str | None, as_of: datetime) -> Totals:
        """Counts the rows and saves the index for the next run; merges the parts if too many of them overlap.

        Args:
            run_id: The newest run; its journal has been compacted.
            checked: See `Totals`.
            as_of: See `Totals`.
        """
        if _depth(self._parts) > DEPTH:
            self._merge(run_id)
        totals = replace(self.totals or self._count(), checked=checked, as_of=as_of)
        self._store.put(names.state_name(run_id), encode(self._parts, self._covered, totals))
        current = {names.state_name(run_id), *(part.name for part in self._parts)}
        self._store.delete([name for name in self._store.names(names.STATE) if name not in current])
        self.totals = totals
        return totals

    def _merge(self, run_id: str) -> None:
        """Merges all parts into new ones; the old merged parts are deleted after the new index is written."""
        log.info("merging %d parts of the manifest's current rows", len(self._parts))
        there = set(self._store.names(names.STATE))
        number, parts = 0, []
        for table in _regrouped(self.scan(CURRENT_SCHEMA.names), MERGED_ROWS):
            while (name := names.state_part_name(run_id, number)) in there:
                number += 1
            self._store.put(name, encode_part(table))
            parts.append(Part(name, None, table["key"][0].as_py(), table["key"][-1].as_py(), table.num_rows))
            number += 1
        self._covered |= {part.name for part in self._parts if part.run_id is not None}
        self._parts = parts

    def _count(self) -> Totals:
        statuses: Counter[str] = Counter()
        published, shards, expiries = 0, 0, []
        columns = ["status", "output_uri", "output_sha256", "shard", "shard_sha256", "retained_until"]
        for table in self.scan(columns):
            shards += table.num_rows - table["shard"].null_count
            for count in pc.value_counts(table["status"]).to_pylist():
                statuses[count["values"]] += count["counts"]
            named = table.filter(is_published(table))
            published += named.num_rows
            expiries.append(pc.min(named["retained_until"]).as_py())
        earliest = min((time for time in expiries if time is not None), default=None)
        return Totals(statuses.total(), dict(statuses), published, shards, earliest)


def _between(tables: Iterable[pa.Table], low: str, high: str | None) -> Iterator[pa.Table]:
    if high is None:
        yield from tables
        return
    for table in tables:
        keys = table["key"]
        inside = table.filter(pc.and_(pc.greater_equal(keys, low), pc.less(keys, high)))
        if inside.num_rows:
            yield inside


def _depth(parts: Sequence[Part]) -> int:
    """Maximum number of parts whose ranges contain the same key."""
    ends = sorted([(part.first, 0) for part in parts] + [(part.last, 1) for part in parts])
    depth = deepest = 0
    for _, is_end in ends:
        depth += -1 if is_end else 1
        deepest = max(deepest, depth)
    return deepest


def _regrouped(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Regroups rows into tables of at least `rows` rows."""
    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        if sum(held.num_rows for held in waiting) >= rows:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)
