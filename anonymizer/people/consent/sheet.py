"""Represent a table (registry or boxes) as columns of text, independent of its file format."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anonymizer.errors import RegistryError, UsageError
from anonymizer.people.consent.cells import COLUMNS, REQUIRED

#: Rows per batch that are converted through Python objects.
BATCH_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout of a table.

    Attributes:
        columns: Names of the known columns; `key` must be text, the others may also be numbers.
        required: Required columns.
        error: The error to raise for an invalid file.
    """

    columns: tuple[str, ...] = COLUMNS
    required: tuple[str, ...] = REQUIRED
    error: type[UsageError] = RegistryError


REGISTRY = Layout()


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table as text.

    Attributes:
        columns: One large_string array per column of the table, without nulls: an empty cell is empty text.
        unreadable: (rows,) bool per column: cells that are not text (invalid UTF-8, a list, a boolean).
    """

    columns: dict[str, pa.Array] = field(repr=False)
    unreadable: dict[str, NDArray[np.bool_]] = field(repr=False)

    @property
    def rows(self) -> int:
        return len(self.columns["key"])


def check_header(columns: Sequence[str], name: str, layout: Layout = REGISTRY) -> None:
    """Checks the column names.

    Messages give a column's position, not its name: in a file without a header the names are data about people.
    """
    for position, column in enumerate(columns, 1):
        if column not in layout.columns:
            known = ", ".join(layout.columns)
            raise layout.error(f"{name}: header (row 0): column {position} is unknown; known: {known}")
        if columns.index(column) != position - 1:
            raise layout.error(f"{name}: header (row 0): column {position} is there twice")
    for column in layout.required:
        if column not in columns:
            raise layout.error(f"{name}: header (row 0): the column {column} is missing")


def whole(parts: Iterable[Sheet]) -> Sheet:
    """Concatenates at least one part of a table. A column that a part lacks is empty there."""
    sheets = list(parts)
    columns, unreadable = {}, {}
    for name in dict.fromkeys(column for sheet in sheets for column in sheet.columns):
        columns[name] = pa.concat_arrays([sheet.columns.get(name, blank(sheet.rows)) for sheet in sheets])
        flawed = [sheet.unreadable.get(name, np.zeros(sheet.rows, bool)) for sheet in sheets]
        unreadable[name] = np.concatenate(flawed)
    return Sheet(columns, unreadable)


def blank(rows: int) -> pa.Array:
    """A column of empty texts."""
    return filled(pa.nulls(rows, pa.large_string()))


def filled(texts: pa.Array) -> pa.Array:
    """Replaces nulls by empty text."""
    return texts.fill_null(pa.scalar("", pa.large_string()))


def missing(texts: Iterable[str | None]) -> NDArray[np.bool_]:
    """(N,) bool: whether a cell is None, which means unreadable."""
    return np.array([text is None for text in texts], bool)
