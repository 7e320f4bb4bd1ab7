"""What a run has to do: the listing, joined with the outputs that are there and with the manifest's current rows.

All three come in UTF-8 byte order of keys, so one pass in step is enough and nothing is held but the rows themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import islice

import pyarrow as pa

from anonymizer.chunks import Task, group
from anonymizer.collisions import collisions
from anonymizer.config import RunConfig
from anonymizer.manifest import from_table
from anonymizer.naming import Places
from anonymizer.records import ConsentDecision, GivenBoxes, ImageRef, ManifestRow, WorkItem
from anonymizer.storage import Irregular, Listed, VersionCursor

#: Columns of the current rows that planning reads for every key; whole rows are built only where they are needed.
_INDEX = ("key", "run_id", "attempt", "status", "source_etag", "consent_sha256")


@dataclass(frozen=True, slots=True)
class Known:
    """What the manifest says of a key: enough to tell whether this run has committed it."""

    run_id: str
    attempt: int
    status: str
    source_etag: str | None
    consent_sha256: str | None
    position: int


class CurrentRows:
    """The manifest's current rows, looked up for keys that are asked for in ascending order.

    Args:
        table: As `ManifestStore.current` gives it.
    """

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self._index = self._positions()
        self._head = next(self._index, None)

    def _positions(self) -> Iterator[tuple[str, Known]]:
        position = 0
        for batch in self._table.select(_INDEX).to_batches(max_chunksize=4096):
            columns = [batch.column(name).to_pylist() for name in _INDEX]
            for key, run_id, attempt, status, etag, decision in zip(*columns, strict=True):
                yield key, Known(run_id, attempt, status, etag, decision, position)
                position += 1

    def find(self, key: str) -> Known | None:
        """The key's entry, None if the manifest does not know it."""
        while self._head is not None and self._head[0] < key:
            self._head = next(self._index, None)
        return self._head[1] if self._head is not None and self._head[0] == key else None

    def row(self, known: Known) -> ManifestRow:
        """The whole row."""
        return from_table(self._table.slice(known.position, 1))[0]


class Planner:
    """Turns a listing into tasks, and counts what it saw.

    Args:
        config: Filters, limit and chunk sizes.
        run_id: Of this run: what it has committed before it was interrupted is not done again.
        decide: The registry's decision about a key.
        refuse: Told of everything that cannot be read: what was listed and why, the attempt of its row, and the
            current row of an output that it has all the same.
        collide: Told of every source whose output may be that of another one too, with the attempt of its row.
        places: Where outputs go.
        given: The boxes that are known from outside of a listed object.
    """

    def __init__(
        self,
        config: RunConfig,
        run_id: str,
        decide: Callable[[str], ConsentDecision],
        refuse: Callable[[Irregular, int, ManifestRow | None], None],
        collide: Callable[[WorkItem, int], None],
        places: Places,
        given: Callable[[ImageRef], GivenBoxes | None] = lambda _ref: None,
    ) -> None:
        self._config = config
        self._run_id = run_id
        self._decide = decide
        self._refuse = refuse
        self._collide = collide
        self._places = places
        self._given = given
        self.listed = 0
        self.listed_bytes = 0
        self.carried = 0

    def tasks(self, listing: Iterable[Listed], outputs: VersionCursor, rows: CurrentRows) -> Iterator[Task]:
        """Chunks' worth of work, in listing order."""
        engine = self._config.engine
        attempts: dict[str, int] = {}
        for items in group(self._items(listing, outputs, rows, attempts), engine.chunk_keys, engine.chunk_bytes):
            yield Task(items, attempt=max(attempts.pop(item.ref.key, 0) for item in items))

    def selected(self, listing: Iterable[Listed]) -> Iterator[Listed]:
        """What the filters and the limit leave; counted."""
        for entry in islice(filter(self._wanted, listing), self._config.limit):
            self.listed += 1
            if isinstance(entry, ImageRef):
                self.listed_bytes += entry.size
            yield entry

    def _wanted(self, entry: Listed) -> bool:
        include, exclude = self._config.include, self._config.exclude
        included = not include or any(fnmatchcase(entry.key, pattern) for pattern in include)
        return included and not any(fnmatchcase(entry.key, pattern) for pattern in exclude)

    def _items(
        self, listing: Iterable[Listed], outputs: VersionCursor, rows: CurrentRows, attempts: dict[str, int]
    ) -> Iterator[WorkItem]:
        pairs = ((entry.key, self._item(entry, outputs, rows, attempts)) for entry in self.selected(listing))
        for item, collides in collisions(pairs) if self._places.names == "same" else ((i, False) for _, i in pairs):
            if item is None:
                continue
            if collides:
                self._collide(replace(item, standing=None), attempts.pop(item.ref.key) + 1)
            else:
                yield item

    def _item(
        self, entry: Listed, outputs: VersionCursor, rows: CurrentRows, attempts: dict[str, int]
    ) -> WorkItem | None:
        """The work that an entry is; None where there is nothing (more) to do."""
        known = rows.find(entry.key)
        ours = known if known is not None and known.run_id == self._run_id else None
        attempt = ours.attempt if ours is not None else 0
        if isinstance(entry, Irregular):
            if ours is not None and ours.status != "removed":
                self.carried += 1
            else:
                self._refuse(entry, attempt + 1, published(rows, known))
            return None
        decision = self._decide(entry.key)
        if ours is not None and self._committed(ours, entry, decision):
            self.carried += 1
            return None
        attempts[entry.key] = attempt
        row = published(rows, known)
        own, expected = self._places.own(entry.key), self._places.expected(entry.key, row.output_uri if row else None)
        # A name that the listing's order does not lead to: the manifest says what stands there, and publishing fails
        # if it is wrong.
        version = outputs.version(entry.key) if expected == entry.key else row.output_etag if row else None
        stays = row if row is not None and _stands(row, known, version, decision) else None
        return WorkItem(entry, decision, version, stays, own, expected, self._given(entry))

    @staticmethod
    def _committed(ours: Known, ref: ImageRef, decision: ConsentDecision) -> bool:
        unchanged = ours.source_etag == ref.etag and ours.consent_sha256 == decision.sha256
        return unchanged and ours.status != "removed"


def _stands(row: ManifestRow, known: Known | None, version: str | None, decision: ConsentDecision) -> bool:
    """Whether an output may stay if its redo fails: it is what the manifest says, made under this decision."""
    made_alike = known is not None and known.consent_sha256 == decision.sha256
    return made_alike and version is not None and row.output_etag == version


def published(rows: CurrentRows, known: Known | None) -> ManifestRow | None:
    """The key's row if it names an output."""
    row = rows.row(known) if known is not None else None
    return row if row is not None and row.output_uri is not None else None
