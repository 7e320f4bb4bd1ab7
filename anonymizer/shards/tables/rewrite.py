"""Writes a Parquet file anew, row group by row group, with every picture in it made safe."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from anonymizer.config import ShardsConfig
from anonymizer.errors import EmptyFile, ImageTooLarge, Reference, ShardDamaged, ShardEncrypted
from anonymizer.image.unread.columns import may_be_picture
from anonymizer.shards.content import is_picture
from anonymizer.shards.contract import Entry, File, Make, Rewritten
from anonymizer.shards.tables.check import PageChecker, binary_paths, check_footer
from anonymizer.shards.tables.columns import BYTES, PATH, Column, columns_of, compressions, metadata_of

BATCH_ROWS = 64
"""Number of rows that are decoded at once."""
GROUP_BYTES = 4 * 2**30
"""A row group with more bytes is refused: it would have to be in memory as a whole."""


def rewrite(source: File, sink: Callable[[bytes], None], make: Make, settings: ShardsConfig) -> Rewritten:
    """Writes the table with its pictures made safe; see `shards.rewrite`.

    Row groups, the order of rows and columns, and the columns' types stay. A row with a picture that cannot be made
    safe is left out. Columns that are neither pictures nor named in `shards.keep` are left out; in columns of bytes
    what is no picture becomes null.

    Raises:
        ShardDamaged, ShardEncrypted, ImageTooLarge: It cannot be read.
        ScrubCheckFailed: What was written is not what may be.
    """
    with _opened(source) as file:
        table = _Table(file, make, settings)
        _write(file, table, sink)
        return table.report()


def pictures(source: File) -> Iterator[Entry]:
    """Yields the pictures of a table, row by row."""
    with _opened(source) as file:
        columns, _ = columns_of(file.schema_arrow, ())
        found: list[Entry] = []

        def take(entry: Entry) -> bytes | None:
            found.append(entry)
            return entry.data

        reader = _Table(file, take, ShardsConfig())
        for group in range(file.num_row_groups):
            for batch in file.iter_batches(BATCH_ROWS, row_groups=[group], columns=[c.name for c in columns]):
                reader.rows(batch)
                yield from found
                found.clear()


@contextmanager
def _opened(source: File) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(source, pre_buffer=False) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        if "ncrypt" in str(error):
            raise ShardEncrypted from None
        raise ShardDamaged from None


class _Table:
    """The rows of one table.

    Args:
        file: The table.
        make: Makes a picture safe.
        settings: What is kept.

    Attributes:
        columns: Columns of the output.
    """

    def __init__(self, file: pq.ParquetFile, make: Make, settings: ShardsConfig) -> None:
        names = file.schema_arrow.names
        if len(set(names)) < len(names):
            raise ShardDamaged
        self.columns, left_out = columns_of(file.schema_arrow, settings.keep)
        self._make = make
        self._settings = settings
        self._id = settings.id if settings.id in names else None
        self._left_out = Counter({f"column {name}": file.metadata.num_rows for name in left_out})
        self._hides = any(may_be_picture(file.schema_arrow.field(name).type) for name in left_out)
        self._rows = self._rows_out = self._pictures = 0
        self._dropped: set[int] = set()

    @property
    def read(self) -> list[str]:
        """Names of the columns to read."""
        return list(dict.fromkeys([column.name for column in self.columns] + ([self._id] if self._id else [])))

    def rows(self, batch: pa.RecordBatch) -> list[dict[str, Any]]:
        """The rows of a batch that stay, with safe pictures."""
        ids = batch.column(self._id).to_pylist() if self._id else range(self._rows, self._rows + batch.num_rows)
        values = {column.name: batch.column(column.name).to_pylist() for column in self.columns}
        found = []
        for place, identity in enumerate(ids):
            row = self._row({name: cells[place] for name, cells in values.items()}, str(identity))
            if row is not None:
                found.append(row)
        self._rows += batch.num_rows
        self._rows_out += len(found)
        return found

    def report(self) -> Rewritten:
        """What was written so far."""
        return Rewritten(
            samples_in=self._rows,
            samples_out=self._rows_out,
            pictures_in=self._pictures,
            pictures_out=self._pictures - len(self._dropped),
            left_out=dict(self._left_out),
            dropped=frozenset(self._dropped),
            may_hide_pictures=self._hides,
        )

    def _row(self, row: dict[str, Any], identity: str) -> dict[str, Any] | None:
        first = self._pictures
        stays = True
        for column in self.columns:
            if not column.holds_pictures or row[column.name] is None:
                continue
            name = f"{identity}/{column.name}"
            if column.is_list:
                cells = [self._cell(column, cell, f"{name}/{place}") for place, cell in enumerate(row[column.name])]
                row[column.name] = [cell for cell, _ in cells]
                stays = stays and all(safe for _, safe in cells)
            else:
                row[column.name], safe = self._cell(column, row[column.name], name)
                stays = stays and safe
        if stays:
            return row
        self._dropped.update(range(first, self._pictures))
        return None

    def _cell(self, column: Column, cell: Any, name: str) -> tuple[Any, bool]:
        """A safe value, and whether its row may stay."""
        if cell is None:
            return None, True
        data, path = (cell.get(BYTES), cell.get(PATH)) if column.is_struct else (cell, None)
        if data is None:
            if path is None:
                return cell, True
            return None, self._refused(name, Reference)
        if not is_picture(data):
            if column.is_struct and not data:
                return None, self._refused(name, EmptyFile)
            if column.kept and not column.is_struct:
                return data, True
            self._left_out[f"column {column.name}: no picture"] += 1
            return None, True
        made = self._made(Entry(name, data))
        if made is None:
            return None, False
        return ({BYTES: made, PATH: None} if column.is_struct else made), True

    def _refused(self, name: str, error: type[Any]) -> bool:
        self._made(Entry(name, b"", error))
        return False

    def _made(self, entry: Entry) -> bytes | None:
        self._pictures += 1
        return self._make(entry)


class _Sink(io.RawIOBase):
    """Hands bytes on to `take`, as a file that can only be written."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        super().__init__()
        self.take = take
        self._place = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._place += len(piece)
        self.take(piece)
        return len(piece)


def _write(file: pq.ParquetFile, table: _Table, sink: Callable[[bytes], None]) -> None:
    pages, footer = PageChecker(), bytearray()

    def page(piece: bytes) -> None:
        pages.feed(piece)
        sink(piece)

    metadata = metadata_of(file.schema_arrow.metadata, table.columns)
    schema = pa.schema([column.field for column in table.columns], metadata=metadata)
    target = _Sink(page)
    options = {"compression": compressions(file.metadata.row_group(0), table.columns)} if file.num_row_groups else {}
    writer = pq.ParquetWriter(target, schema, use_dictionary=False, write_statistics=False, **options)
    for group in range(file.num_row_groups):
        if file.metadata.row_group(group).total_byte_size > GROUP_BYTES:
            raise ImageTooLarge
        batches = [
            _batch(table.rows(batch), schema)
            for batch in file.iter_batches(BATCH_ROWS, row_groups=[group], columns=table.read, use_threads=False)
        ]
        written = pa.Table.from_batches(batches, schema)
        writer.write_table(written, row_group_size=max(1, written.num_rows))
    # What follows is the footer. It is checked before its last bytes are handed on.
    target.take = footer.extend
    writer.close()
    check_footer(bytes(footer), binary_paths(pq.read_metadata(io.BytesIO(b"PAR1" + footer)).schema), pages)
    sink(bytes(footer))


def _batch(rows: Sequence[dict[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [pa.array([row[field.name] for row in rows], field.type) for field in schema], schema=schema
    )
