"""Provides the interface to a manifest for the rest of the package: all reads and writes.

A crash never loses rows: the rows of a chunk are created in one write (`journal`), and compaction creates the large
part before it deletes the journal parts (`compaction`). In between rows exist twice, which `latest` handles. A
`snapshot` finds the current rows of all runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.lake.manifest import compaction, journal, run_records
from anonymizer.lake.manifest.folder import ObjectStore
from anonymizer.lake.manifest.names import JournalPart
from anonymizer.lake.manifest.reading import journal_rows, run_tables
from anonymizer.lake.manifest.schema import CURRENT_SCHEMA, latest, needed_columns, of_run, standing
from anonymizer.lake.manifest.snapshot import Snapshot
from anonymizer.records import ManifestRow

PART_ROWS = 100_000
"""Minimum number of rows of a compacted part, if there are as many; it has less than twice as many."""

COMMITTED_COLUMNS = (
    *("key", "source_etag", "consent_sha256", "settings_sha256", "status", "error_code", "retryable", "output_uri"),
    *("output_sha256", "output_etag", "retained_until", "attempt"),
)
"""Columns that a resumed run reads of its existing rows."""


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
            attempt: Attempt of the chunk.
            rows: Any number of rows.

        Returns:
            The part's name; the same if it is called again with the same rows.
        """
        return journal.write_part(self._store, run_id, chunk_id, attempt, rows)

    def write_intent(self, run_id: str, chunk_id: str, attempt: int, rows: Iterable[ManifestRow]) -> str:
        """Writes the rows of images that are about to be published; see `write_part`. Returns the intent's name."""
        return journal.write_intent(self._store, run_id, chunk_id, attempt, rows)

    def intents(self, run_id: str | None = None, chunk_id: str = "") -> Iterator[tuple[JournalPart, list[ManifestRow]]]:
        """Yields the intents that workers have left; each has to be recovered and then deleted.

        Args:
            run_id: Only intents of this run; None: of all runs.
            chunk_id: Only intents of this chunk; empty: of all chunks.
        """
        return journal.read_intents(self._store, run_id, chunk_id)

    def forget_intent(self, name: str) -> None:
        """Deletes an intent, after its rows were committed or its images turned out not to be published."""
        self._store.delete([name])

    def committed(self, run_id: str) -> Iterator[pa.Table]:
        """Yields all rows of a run, compacted or not.

        Yields:
            Tables of `COMMITTED_COLUMNS`, one per part, in any order. If a key is in several of them, its row with the
            highest `attempt` counts. Only a few parts are in memory at once.
        """
        for _, table in run_tables(self._store, COMMITTED_COLUMNS, run_id):
            yield table

    def compact(self, run_id: str, *, final: bool) -> int:
        """Merges journal parts of a run into large ones and deletes them.

        Args:
            run_id: The run.
            final: Compact everything. Otherwise enough rows for a large part stay in the journal, so that the last part
                is not a small one.

        Returns:
            The number of journal parts that were merged.
        """
        return compaction.compact(self._store, run_id, self._part_rows, final=final)

    def journal_run_ids(self) -> list[str]:
        """Sorted ids of the runs that have journal parts, which runs that died did not compact."""
        return run_records.journal_runs(self._store)

    def write_run(self, run_id: str, record: dict[str, Any]) -> None:
        """Writes a run's record, without the secrets of the URLs in it; replaces an existing one."""
        run_records.write_record(self._store, run_id, record)

    def read_run(self, run_id: str) -> dict[str, Any]:
        """Reads a run's record.

        Raises:
            RunError: It does not exist or is damaged.
        """
        return run_records.read_record(self._store, run_id)

    def runs(self) -> list[str]:
        """Sorted ids of the runs with a record."""
        return run_records.recorded_runs(self._store)

    def run_ids(self) -> list[str]:
        """Sorted ids of all runs with a file here; a new id has to be greater than all of them."""
        return run_records.all_runs(self._store)

    def unfinished(self, arguments_sha256: str) -> str | None:
        """Id of the unfinished run that a run with these arguments resumes; None if there is none.

        Only the newest run can be resumed: rows with an older id would rank below those of the runs after it, so
        `current` would return rows of outputs that no longer exist.

        Args:
            arguments_sha256: See `anonymizer.run.start.arguments`.
        """
        return run_records.unfinished_run(self._store, arguments_sha256)

    def current(
        self,
        columns: Sequence[str] | None = None,
        *,
        statuses: Sequence[str] | None = None,
        keys: Sequence[str] | None = None,
    ) -> pa.Table:
        """Reads the current row of each key over all runs: that with the greatest (run_id, attempt).

        Args:
            columns: Columns of `CURRENT_SCHEMA`; default: all.
            statuses: Rows with other statuses are ignored, so an older row of a key may be returned.
            keys: Only rows of these keys; others are not kept in memory.

        Returns:
            A table in UTF-8 byte order of keys, including keys whose output was removed.

        Raises:
            ConfigError: A part was written by a newer version of this software.
            RunError: A part is damaged.
            ValueError: A column does not exist.
        """
        wanted = tuple(CURRENT_SCHEMA.names if columns is None else columns)
        if unknown := set(wanted) - set(CURRENT_SCHEMA.names):
            raise ValueError(f"the manifest has no columns {', '.join(sorted(unknown))}")
        needed = needed_columns(wanted)
        schema = pa.schema([CURRENT_SCHEMA.field(name) for name in needed], metadata=CURRENT_SCHEMA.metadata)
        wanted_keys = None if keys is None else pa.array(keys, pa.string())
        wanted_statuses = None if statuses is None else pa.array(statuses, pa.string())
        tables = []
        for run_id, table in run_tables(self._store, [name for name in needed if name != "run_id"]):
            own = of_run(table, run_id)
            tables.append(_selected(own, wanted_keys, wanted_statuses, shards=True))
        (found,) = standing([latest(pa.concat_tables([schema.empty_table(), *tables]))])
        return _selected(found, wanted_keys, wanted_statuses).select(wanted)

    def scan(self, columns: Sequence[str], *, inside: bool = True) -> Iterator[pa.Table]:
        """Yields the rows of `current` in tables of a few thousand rows; memory use does not grow with the manifest.

        Only the journal is in memory as a whole: about 10^5 rows, and none after a run has finished.

        Args:
            columns: Columns of `CURRENT_SCHEMA`.
            inside: Also the rows of pictures inside shards.

        Raises:
            ConfigError: A part was written by a newer version of this software.
            RunError: A part is damaged, or was deleted while it was read, because an active run merges parts.
        """
        # The journal first: rows that are compacted after its listing are in a part that the snapshot finds.
        recent = journal_rows(self._store, needed_columns(columns))
        yield from Snapshot(self._store).scan(columns, recent, inside=inside)


def _selected(table: pa.Table, keys: pa.Array | None, statuses: pa.Array | None, *, shards: bool = False) -> pa.Table:
    """Selects rows by key and status; with `shards` also all rows of shards, which their pictures' rows depend on."""
    kept = pa.repeat(pa.scalar(True), table.num_rows)
    for name, wanted in (("key", keys), ("status", statuses)):
        if wanted is not None:
            kept = pc.and_(kept, pc.is_in(table[name], wanted))
    if shards:
        kept = pc.or_(kept, pc.fill_null(pc.equal(table["shard"], table["key"]), False))
    return table.filter(kept)
