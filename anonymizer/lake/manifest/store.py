"""A manifest: everything that is written to it and read from it, by the names that the rest of the package uses.

Nothing is ever lost to a crash: a chunk's rows are created in one write (`journal`); compaction creates the large part
first and deletes the journal parts in it afterwards (`compaction`). In between rows may stand twice, which `latest`
settles. The current rows of all runs are found again by way of a `snapshot`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.lake.manifest import compaction, journal, run_records
from anonymizer.lake.manifest.folder import ObjectStore
from anonymizer.lake.manifest.names import JournalPart
from anonymizer.lake.manifest.reading import run_tables, unfolded
from anonymizer.lake.manifest.schema import CURRENT_SCHEMA, PRECEDENCE, latest, needed_columns
from anonymizer.lake.manifest.snapshot import Snapshot
from anonymizer.records import ManifestRow

PART_ROWS = 100_000
"""A compacted part holds at least so many rows where there are as many, and less than twice as many."""

COMMITTED_COLUMNS = (
    *("key", "source_etag", "consent_sha256", "settings_sha256", "status", "error_code", "retryable", "output_uri"),
    *("output_sha256", "output_etag", "retained_until", "attempt"),
)
"""What a resumed run has to know of the rows it finds."""


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
        return journal.write_part(self._store, run_id, chunk_id, attempt, rows)

    def write_intent(self, run_id: str, chunk_id: str, attempt: int, rows: Iterable[ManifestRow]) -> str:
        """Writes down rows that are about to become true; see `write_part`. Gives the name."""
        return journal.write_intent(self._store, run_id, chunk_id, attempt, rows)

    def intents(self, run_id: str | None = None, chunk_id: str = "") -> Iterator[tuple[JournalPart, list[ManifestRow]]]:
        """What workers that died were about to do; each is to be settled and then forgotten.

        Args:
            run_id: Only of this run.
            chunk_id: And only of this chunk.
        """
        return journal.read_intents(self._store, run_id, chunk_id)

    def forget_intent(self, name: str) -> None:
        """Its rows are in the journal, or never became true."""
        self._store.delete([name])

    def committed(self, run_id: str) -> Iterator[pa.Table]:
        """All rows of a run, folded or not: what a resumed run subtracts.

        Returns:
            Tables of `COMMITTED_COLUMNS`, one per part, in no order; a key may stand in several of them, and then its
            greatest `attempt` counts. No more than a few parts are in memory at once.
        """
        for _, table in run_tables(self._store, COMMITTED_COLUMNS, run_id):
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
        return compaction.compact(self._store, run_id, self._part_rows, final=final)

    def journal_run_ids(self) -> list[str]:
        """Sorted ids of the runs that have journal parts: what runs that died have left to be folded."""
        return run_records.journal_runs(self._store)

    def write_run(self, run_id: str, record: dict[str, Any]) -> None:
        """Writes a run's record anew, without the secrets of the URLs in it."""
        run_records.write_record(self._store, run_id, record)

    def read_run(self, run_id: str) -> dict[str, Any]:
        """A run's record.

        Raises:
            RunError: There is none, or it is damaged.
        """
        return run_records.read_record(self._store, run_id)

    def runs(self) -> list[str]:
        """Sorted ids of the runs with a record."""
        return run_records.recorded_runs(self._store)

    def run_ids(self) -> list[str]:
        """Sorted ids of all runs that left anything here: what a new id has to be greater than."""
        return run_records.all_runs(self._store)

    def unfinished(self, arguments_sha256: str) -> str | None:
        """The run that a start with these arguments takes up again.

        It is the newest one, and only that: rows written under an older id would lose against those of the runs
        after it, and `current` would go on to name outputs that are no longer there.

        Args:
            arguments_sha256: As in the run's record.
        """
        return run_records.unfinished_run(self._store, arguments_sha256)

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
        for run_id, table in run_tables(self._store, [name for name in needed if name != "run_id"]):
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
        recent = unfolded(self._store, needed_columns(columns))
        yield from Snapshot(self._store).scan(columns, recent)
