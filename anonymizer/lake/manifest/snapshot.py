"""The current rows, found again by the next run in bounded memory: which parts hold them, and in which ranges of keys.

The snapshot is a cache and nothing but: it can be rebuilt from the parts of the runs, and is when it is not there. It
names the parts of the runs themselves as long as few of them overlap; beyond that all are merged into parts of its
own, one range of keys each.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.errors import RunError, SourceGone
from anonymizer.lake.manifest import names
from anonymizer.lake.manifest.merge import SortedPart, merged
from anonymizer.lake.manifest.parts import decode, encode_part, stream
from anonymizer.lake.manifest.schema import CURRENT_SCHEMA, PRECEDENCE

log = logging.getLogger(__name__)

DEPTH = 12
"""So many parts may hold the same range of keys before all are merged."""

MERGED_ROWS = 50_000
"""Rows of a merged part."""


class Objects(Protocol):
    """What a snapshot needs of the manifest's folder."""

    def get(self, name: str) -> bytes: ...

    def put(self, name: str, data: bytes) -> None: ...

    def delete(self, names: Iterable[str]) -> None: ...

    def names(self, prefix: str) -> Iterator[str]: ...


@dataclass(frozen=True)
class Part:
    """Where rows lie.

    Attributes:
        name: Of the file.
        run_id: The run that wrote its rows; None for a merged part, which has them in a column.
        first: Its least key.
        last: Its greatest key.
        rows: How many.
    """

    name: str
    run_id: str | None
    first: str
    last: str
    rows: int


@dataclass(frozen=True)
class Totals:
    """What is known of the current rows without reading them.

    Attributes:
        rows: How many.
        statuses: Rows by status.
        published: Rows that name an output.
        next_expiry: The earliest `retained_until` of them.
        checked: What all published outputs were held against: registry, purpose and policy in one hash. None if an
            unsafe one was left.
        as_of: The time for which that was done.
    """

    rows: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    published: int = 0
    next_expiry: datetime | None = None
    checked: str | None = None
    as_of: datetime | None = None


class Snapshot:
    """The current rows as they stand when it is made; runs that write meanwhile do not change it.

    Args:
        objects: The manifest's folder.

    Attributes:
        totals: Of the whole; None when rows have come since they were counted.

    Raises:
        ConfigError: A newer version of this software wrote a part.
        RunError: A part is damaged or gone.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        index = _newest_index(objects)
        held = {name for name in objects.names(names.PARTS) if names.part_run_id(name)}
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
        """What a part of a run holds; None if nothing."""
        keys = decode(self._get(name), name, ["key"])["key"]
        if not len(keys):
            return None
        ends = pc.min_max(keys).as_py()
        return Part(name, names.part_run_id(name), ends["min"], ends["max"], len(keys))

    def _get(self, name: str) -> bytes:
        try:
            return self._objects.get(name)
        except SourceGone:
            remedy = f"; delete {names.STATE} and start again" if name.startswith(names.STATE) else ""
            raise RunError(f"manifest part {name} is gone{remedy}") from None

    def scan(self, columns: Sequence[str], besides: Sequence[SortedPart] = ()) -> Iterator[pa.Table]:
        """One row per key, in UTF-8 byte order of keys: always the same rows, in the same order.

        Args:
            columns: Of `CURRENT_SCHEMA`.
            besides: Rows that are in no part yet; they have the `needed_columns`.

        Returns:
            Tables with these columns.
        """
        parts = [self._sorted(part, needed_columns(columns)) for part in self._parts]
        for table in merged([*parts, *besides]):
            yield table.select(list(columns))

    def _sorted(self, part: Part, columns: Sequence[str]) -> SortedPart:
        def read() -> Iterator[pa.Table]:
            own = [name for name in columns if part.run_id is None or name != "run_id"]
            for table in stream(self._get(part.name), part.name, own):
                yield table if part.run_id is None else of_run(table, part.run_id)

        return SortedPart(part.first, part.last, read)

    def save(self, run_id: str, *, checked: str | None, as_of: datetime) -> Totals:
        """Counts the rows and lets the next run find them; merges the parts when too many of them overlap.

        Args:
            run_id: The newest run; its journal has been folded.
            checked: See `Totals`.
            as_of: See `Totals`.
        """
        if _depth(self._parts) > DEPTH:
            self._merge(run_id)
        totals = replace(self.totals or self._count(), checked=checked, as_of=as_of)
        index = {
            "parts": [asdict(part) for part in self._parts],
            "covered": sorted(self._covered),
            "totals": {name: _plain(value) for name, value in asdict(totals).items()},
        }
        self._objects.put(names.state_name(run_id), json.dumps(index).encode())
        current = {names.state_name(run_id), *(part.name for part in self._parts)}
        self._objects.delete([name for name in self._objects.names(names.STATE) if name not in current])
        self.totals = totals
        return totals

    def _merge(self, run_id: str) -> None:
        """All parts into new ones; those that are there are deleted only after the new index stands."""
        log.info("merging %d parts of the manifest's current rows", len(self._parts))
        there = set(self._objects.names(names.STATE))
        number, parts = 0, []
        for table in _regrouped(self.scan(CURRENT_SCHEMA.names), MERGED_ROWS):
            while (name := names.state_part_name(run_id, number)) in there:
                number += 1
            self._objects.put(name, encode_part(table))
            parts.append(Part(name, None, table["key"][0].as_py(), table["key"][-1].as_py(), table.num_rows))
            number += 1
        self._covered |= {part.name for part in self._parts if part.run_id is not None}
        self._parts = parts

    def _count(self) -> Totals:
        statuses: Counter[str] = Counter()
        published, expiries = 0, []
        for table in self.scan(["status", "output_uri", "retained_until"]):
            for count in pc.value_counts(table["status"]).to_pylist():
                statuses[count["values"]] += count["counts"]
            named = table.filter(pc.is_valid(table["output_uri"]))
            published += named.num_rows
            expiries.append(pc.min(named["retained_until"]).as_py())
        earliest = min((time for time in expiries if time is not None), default=None)
        return Totals(statuses.total(), dict(statuses), published, earliest)


@dataclass(frozen=True)
class _Index:
    parts: tuple[Part, ...] = ()
    covered: frozenset[str] = frozenset()
    totals: Totals | None = None


def needed_columns(columns: Sequence[str]) -> list[str]:
    """The columns of `CURRENT_SCHEMA` that have to be read for these: those that tell which row counts, too."""
    return [name for name in CURRENT_SCHEMA.names if name in columns or name in PRECEDENCE]


def of_run(table: pa.Table, run_id: str) -> pa.Table:
    """The rows with their run, columns in the order of `CURRENT_SCHEMA`."""
    with_run = table.append_column(CURRENT_SCHEMA.field("run_id"), pa.repeat(pa.scalar(run_id), table.num_rows))
    return with_run.select([name for name in CURRENT_SCHEMA.names if name in with_run.column_names])


def _newest_index(objects: Objects) -> _Index:
    """The index that the newest run left. A damaged one is as none: everything is in the parts of the runs."""
    name = max((name for name in objects.names(names.STATE) if names.state_run_id(name)), default=None)
    if name is None:
        return _Index()
    try:
        return _parsed(json.loads(objects.get(name)))
    except (ValueError, TypeError, KeyError, AttributeError, SourceGone):
        log.warning("%s is damaged; the current rows are taken from the parts of the runs", name)
        return _Index()


def _parsed(index: dict[str, Any]) -> _Index:
    totals = dict(index["totals"])
    for name in ("next_expiry", "as_of"):
        totals[name] = datetime.fromisoformat(totals[name]) if totals[name] is not None else None
    return _Index(tuple(Part(**part) for part in index["parts"]), frozenset(index["covered"]), Totals(**totals))


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _depth(parts: Sequence[Part]) -> int:
    """The greatest number of parts whose ranges hold one key."""
    ends = sorted([(part.first, 0) for part in parts] + [(part.last, 1) for part in parts])
    depth = deepest = 0
    for _, is_end in ends:
        depth += -1 if is_end else 1
        deepest = max(deepest, depth)
    return deepest


def _regrouped(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """The same rows in tables of so many."""
    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        if sum(held.num_rows for held in waiting) >= rows:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)
