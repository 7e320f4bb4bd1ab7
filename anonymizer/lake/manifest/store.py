"""A manifest's folder: journal, compaction, records of runs, current state.

Nothing is ever lost to a crash: a chunk's rows are created in one write; compaction creates the large part first and
deletes the journal parts in it afterwards. In between rows may stand twice, which `latest` settles.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.errors import RunError, SourceGone
from anonymizer.lake.manifest import names
from anonymizer.lake.manifest.merge import SortedPart, in_order
from anonymizer.lake.manifest.names import JournalPart
from anonymizer.lake.manifest.parts import decode, encode_journal, encode_part
from anonymizer.lake.manifest.schema import CURRENT_SCHEMA, PRECEDENCE, SCHEMA, from_table, latest, to_table
from anonymizer.lake.manifest.snapshot import Snapshot, needed_columns, of_run
from anonymizer.records import ManifestRow
from anonymizer.sanitize import bare

PART_ROWS = 100_000
"""A compacted part holds at least so many rows where there are as many, and less than twice as many."""

READ_AHEAD = 8
"""Parts that are fetched at once: on an object store a small one is mostly waiting."""

READ_PASSES = 20
"""Listings tried while somebody else compacts."""

COMMITTED_COLUMNS = (
    *("key", "source_etag", "consent_sha256", "settings_sha256", "status", "error_code", "retryable", "output_uri"),
    *("output_sha256", "output_etag", "retained_until", "attempt"),
)
"""What a resumed run has to know of the rows it finds."""


class ObjectStore(Protocol):
    """What a manifest needs of the folder it lies in. Every method may be called from several threads."""

    @property
    def uri(self) -> str: ...

    def get(self, name: str) -> bytes:
        """Raises `SourceGone` when there is no such object."""

    def put(self, name: str, data: bytes) -> None:
        """Writes or overwrites, atomically."""

    def create(self, name: str, data: bytes) -> bool:
        """Writes atomically, but only if there is no such object; False if there is."""

    def delete(self, names: Iterable[str]) -> None:
        """Removes objects; those that are not there are no error."""

    def names(self, prefix: str) -> Iterator[str]:
        """Every name below the folder that begins with `prefix`, sorted."""


class ManifestStore:
    """One manifest.

    Args:
        store: The folder.
        part_rows: See `PART_ROWS`.
    """

    def __init__(self, store: ObjectStore, part_rows: int = PART_ROWS) -> None:
        self._store = store
        self._part_rows = part_rows

    @property
    def objects(self) -> ObjectStore:
        """The folder."""
        return self._store

    def write_part(self, run_id: str, chunk_id: str, attempt: int, rows: Iterable[ManifestRow]) -> str:
        """Commits a chunk: one journal part, created and never overwritten.

        Args:
            run_id: The run.
            chunk_id: Letters, digits and `_`.
            attempt: The chunk's dispatch.
            rows: Any number.

        Returns:
            The part's name. A repeated call with the same rows finds the part that is there.
        """
        table = to_table(rows)
        data = encode_journal(table)
        name = names.journal_name(run_id, chunk_id, attempt, table.num_rows, data)
        if not self._created(name, data):
            raise RunError(f"manifest part {name} is there with other bytes")
        return name

    def write_intent(self, run_id: str, chunk_id: str, attempt: int, rows: Iterable[ManifestRow]) -> str:
        """Writes down rows that are about to become true; see `write_part`. Gives the name."""
        table = to_table(rows)
        data = encode_journal(table)
        name = names.intent_name(run_id, chunk_id, attempt, table.num_rows, data)
        if not self._created(name, data):
            raise RunError(f"manifest part {name} is there with other bytes")
        return name

    def intents(self, run_id: str | None = None, chunk_id: str = "") -> Iterator[tuple[JournalPart, list[ManifestRow]]]:
        """What workers that died were about to do; each is to be settled and then forgotten.

        Args:
            run_id: Only of this run.
            chunk_id: And only of this chunk.
        """
        prefix = names.INTENTS if run_id is None else names.intents_of(run_id, chunk_id)
        found = [part for part in map(names.intent, self._store.names(prefix)) if part is not None]
        for part, (name, data) in zip(found, self._fetched([part.name for part in found]), strict=True):
            if data is not None:
                yield part, from_table(decode(data, name, SCHEMA.names))

    def forget_intent(self, name: str) -> None:
        """Its rows are in the journal, or never became true."""
        self._store.delete([name])

    def committed(self, run_id: str) -> Iterator[pa.Table]:
        """All rows of a run, folded or not: what a resumed run subtracts.

        Returns:
            Tables of `COMMITTED_COLUMNS`, one per part, in no order; a key may stand in several of them, and then its
            greatest `attempt` counts. No more than a few parts are in memory at once.
        """
        for _, table in self._tables(COMMITTED_COLUMNS, run_id):
            yield table

    def compact(self, run_id: str, *, final: bool) -> int:
        """Folds journal parts of a run into large ones and deletes them.

        Args:
            run_id: The run.
            final: Fold everything. Otherwise only while as many rows stay in the journal as a large part needs, so
                that the last part is no small one; then one listing tells that there is nothing to do.

        Returns:
            The number of journal parts that were folded.
        """
        folded = 0
        for group in _groups(self._journal(run_id), self._part_rows, final):
            self._fold(run_id, [part.name for part in group])
            folded += len(group)
        return folded

    def journal_run_ids(self) -> list[str]:
        """Sorted ids of the runs that have journal parts: what runs that died have left to be folded."""
        return sorted({part.run_id for part in self._journal(None)})

    def write_run(self, run_id: str, record: dict[str, Any]) -> None:
        """Writes a run's record anew, without the secrets of the URLs in it."""
        text = json.dumps(bare(record), indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
        self._store.put(names.record_name(run_id), text.encode())

    def read_run(self, run_id: str) -> dict[str, Any]:
        """A run's record.

        Raises:
            RunError: There is none, or it is damaged.
        """
        name = names.record_name(run_id)
        try:
            record = json.loads(self._store.get(name))
        except SourceGone:
            raise RunError(f"the manifest has no record of a run {run_id}") from None
        except ValueError:
            record = None
        if not isinstance(record, dict):
            raise RunError(f"manifest record {name} is damaged")
        # Older versions wrote down what they were given.
        found: dict[str, Any] = bare(record)
        return found

    def runs(self) -> list[str]:
        """Sorted ids of the runs with a record."""
        return sorted(filter(None, map(names.record_run_id, self._store.names(names.RUNS))))

    def run_ids(self) -> list[str]:
        """Sorted ids of all runs that left anything here: what a new id has to be greater than."""
        folded = filter(None, map(names.part_run_id, self._store.names(names.PARTS)))
        return sorted({*self.runs(), *self.journal_run_ids(), *folded})

    def unfinished(self, arguments_sha256: str) -> str | None:
        """The run that a start with these arguments takes up again.

        It is the newest one, and only that: rows written under an older id would lose against those of the runs
        after it, and `current` would go on to name outputs that are no longer there.

        Args:
            arguments_sha256: As in the run's record.
        """
        known = self.run_ids()
        if not known or known[-1] not in self.runs():
            return None
        record = self.read_run(known[-1])
        matches = record.get("arguments_sha256") == arguments_sha256
        return known[-1] if matches and record.get("finished") is None else None

    def current(
        self,
        columns: Sequence[str] | None = None,
        *,
        statuses: Sequence[str] | None = None,
        keys: Sequence[str] | None = None,
    ) -> pa.Table:
        """One row per key over all runs: that of the greatest (run_id, attempt).

        Args:
            columns: Of `CURRENT_SCHEMA`; all of them by default.
            statuses: Rows of other statuses do not count, so that an older row may be a key's greatest.
            keys: Rows of these keys only; no others are held.

        Returns:
            A table in UTF-8 byte order of keys. Keys whose output was removed have their row too.

        Raises:
            ConfigError: A newer version of this software wrote a part.
            RunError: A part is damaged.
            ValueError: There is no such column.
        """
        wanted = tuple(CURRENT_SCHEMA.names if columns is None else columns)
        if unknown := set(wanted) - set(CURRENT_SCHEMA.names):
            raise ValueError(f"no columns of the manifest: {', '.join(sorted(unknown))}")
        needed = [name for name in CURRENT_SCHEMA.names if name in wanted or name in PRECEDENCE]
        schema = pa.schema([CURRENT_SCHEMA.field(name) for name in needed], metadata=CURRENT_SCHEMA.metadata)
        wanted_keys = None if keys is None else pa.array(keys, pa.string())
        tables = []
        for run_id, table in self._tables([name for name in needed if name != "run_id"]):
            if wanted_keys is not None:
                table = table.filter(pc.is_in(table["key"], wanted_keys))
            tables.append(table.append_column("run_id", pa.repeat(pa.scalar(run_id), table.num_rows)))
        if statuses is not None:
            tables = [table.filter(pc.is_in(table["status"], pa.array(statuses, pa.string()))) for table in tables]
        return latest(pa.concat_tables([schema.empty_table(), *tables])).select(wanted)

    def scan(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """As `current`, in tables of a few thousand rows: what is in memory does not grow with the manifest.

        Only the journal is held whole: some 10^5 rows, and none at all once a run has come to its end.

        Args:
            columns: Of `CURRENT_SCHEMA`.

        Raises:
            ConfigError: A newer version of this software wrote a part.
            RunError: A part is damaged, or went while it was read: a run at work merges what it has.
        """
        # The journal first: what is folded after it has been listed is in a part that the snapshot finds.
        journal = self._unfolded(needed_columns(columns))
        yield from Snapshot(self._store).scan(columns, journal)

    def _unfolded(self, columns: Sequence[str]) -> list[SortedPart]:
        """What is in the journal, as one part in order of keys; none where it is empty."""
        found = {part.name: part.run_id for part in self._journal(None)}
        own = [name for name in columns if name != "run_id"]
        tables = [
            of_run(decode(data, name, own), found[name])
            for name, data in self._fetched(list(found))
            if data is not None
        ]
        if not sum(table.num_rows for table in tables):
            return []
        table = in_order(pa.concat_tables(tables))
        keys = table["key"]
        return [SortedPart(keys[0].as_py(), keys[-1].as_py(), lambda: iter([table]))]

    def _tables(self, columns: Sequence[str], run_id: str | None = None) -> Iterator[tuple[str, pa.Table]]:
        """Run and rows of every part, also while somebody else compacts: what vanished is looked for in new parts."""
        done: set[str] = set()
        for _ in range(READ_PASSES):
            # The journal first: what is folded after this listing is in a part of the next one, never in neither.
            found = [(part.name, part.run_id) for part in self._journal(run_id)]
            found += [(name, run) for name in self._parts(run_id) if (run := names.part_run_id(name))]
            runs = {name: run for name, run in found if name not in done}
            for name, data in self._fetched(list(runs)):
                if data is not None:
                    done.add(name)
                    yield runs[name], decode(data, name, columns)
            if done.issuperset(runs):
                return
        raise RunError("parts of the manifest vanish faster than they can be read")

    def _journal(self, run_id: str | None) -> list[JournalPart]:
        prefix = names.JOURNAL if run_id is None else names.journal_folder(run_id)
        return [part for part in map(names.journal_part, self._store.names(prefix)) if part is not None]

    def _parts(self, run_id: str | None) -> list[str]:
        return list(self._store.names(names.PARTS if run_id is None else names.parts_folder(run_id)))

    def _fetched(self, wanted: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
        """Names and bytes, in order and a few ahead; None for what has vanished."""
        ahead: deque[tuple[str, Future[bytes | None]]] = deque()
        with ThreadPoolExecutor(READ_AHEAD) as pool:
            for name in wanted:
                if len(ahead) >= READ_AHEAD:
                    first, future = ahead.popleft()
                    yield first, future.result()
                ahead.append((name, pool.submit(self._get, name)))
            for name, future in ahead:
                yield name, future.result()

    def _get(self, name: str) -> bytes | None:
        try:
            return self._store.get(name)
        except SourceGone:
            return None

    def _fold(self, run_id: str, journal: Sequence[str]) -> None:
        tables = []
        for name, data in self._fetched(journal):
            if data is None:
                raise RunError(f"manifest part {name} vanished while it was folded: another process does the same")
            tables.append(decode(data, name, SCHEMA.names))
        data = encode_part(pa.concat_tables(tables))
        number = 1 + max(map(names.part_number, self._parts(run_id)), default=-1)
        while not self._created(names.part_name(run_id, number), data):
            number += 1
        self._store.delete(journal)

    def _created(self, name: str, data: bytes) -> bool:
        """Whether the object is there with these bytes: created now, or by an earlier try whose answer got lost."""
        return self._store.create(name, data) or self._get(name) == data


def _groups(journal: Iterable[JournalPart], part_rows: int, final: bool) -> Iterator[list[JournalPart]]:
    """Journal parts by the large part that they are folded into."""
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
