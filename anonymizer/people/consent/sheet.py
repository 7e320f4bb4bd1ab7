"""The registry as columns of text, whatever format it came in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anonymizer.errors import RegistryError, UsageError
from anonymizer.people.consent.cells import COLUMNS, REQUIRED

#: Rows that exist as Python objects at one time.
BATCH_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Layout:
    """What a table may hold.

    Attributes:
        columns: Their names; `key` holds text, the others numbers too.
        required: Columns without which there is no such table.
        error: What is raised where the file is none.
    """

    columns: tuple[str, ...] = COLUMNS
    required: tuple[str, ...] = REQUIRED
    error: type[UsageError] = RegistryError


REGISTRY = Layout()


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table as text: the registry, or another one of its kind.

    Attributes:
        columns: One array of large_string per column that the table has; no nulls: an empty cell is empty text.
        unreadable: (rows,) bool per column: cells that are no text (no UTF-8, a list, a truth value).
    """

    columns: dict[str, pa.Array] = field(repr=False)
    unreadable: dict[str, NDArray[np.bool_]] = field(repr=False)

    @property
    def rows(self) -> int:
        return len(self.columns["key"])


def check_header(columns: Sequence[str], name: str, layout: Layout = REGISTRY) -> None:
    """The position stands for the name: in a file without a header the names are somebody's data."""
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
    """Parts of a table, at least one, one after the other. A column that a part does not have is empty in it."""
    sheets = list(parts)
    columns, unreadable = {}, {}
    for name in dict.fromkeys(column for sheet in sheets for column in sheet.columns):
        columns[name] = pa.concat_arrays([sheet.columns.get(name, blank(sheet.rows)) for sheet in sheets])
        flawed = [sheet.unreadable.get(name, np.zeros(sheet.rows, bool)) for sheet in sheets]
        unreadable[name] = np.concatenate(flawed)
    return Sheet(columns, unreadable)


def blank(rows: int) -> pa.Array:
    """Empty text."""
    return filled(pa.nulls(rows, pa.large_string()))


def filled(texts: pa.Array) -> pa.Array:
    """Empty text for nulls."""
    return texts.fill_null(pa.scalar("", pa.large_string()))


def missing(texts: Iterable[str | None]) -> NDArray[np.bool_]:
    """(N,) bool: None, which stands for an unreadable cell."""
    return np.array([text is None for text in texts], bool)
