"""The registry as columns of text, whatever format it came in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anonymizer.consent.cells import COLUMNS, REQUIRED
from anonymizer.errors import RegistryError

#: Rows that exist as Python objects at one time.
BATCH_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Sheet:
    """The registry as text.

    Attributes:
        columns: One array of large_string per column that the registry has; no nulls: an empty cell is empty text.
        unreadable: (rows,) bool per column: cells that are no text (no UTF-8, a list, a truth value).
    """

    columns: dict[str, pa.Array] = field(repr=False)
    unreadable: dict[str, NDArray[np.bool_]] = field(repr=False)

    @property
    def rows(self) -> int:
        return len(self.columns["key"])


def check_header(columns: Sequence[str], name: str) -> None:
    """The position stands for the name: in a file without a header the names are somebody's data."""
    for position, column in enumerate(columns, 1):
        if column not in COLUMNS:
            raise RegistryError(f"{name}: header (row 0): column {position} is unknown; known: {', '.join(COLUMNS)}")
        if columns.index(column) != position - 1:
            raise RegistryError(f"{name}: header (row 0): column {position} is there twice")
    for column in REQUIRED:
        if column not in columns:
            raise RegistryError(f"{name}: header (row 0): the column {column} is missing")


def joined(parts: Sequence[tuple[pa.Array, NDArray[np.bool_]]]) -> tuple[pa.Array, NDArray[np.bool_]]:
    """Parts of a column, one after the other."""
    texts = pa.concat_arrays([pa.array([], pa.large_string()), *(text for text, _ in parts)])
    return texts, np.concatenate([np.zeros(0, bool), *(flawed for _, flawed in parts)])


def filled(texts: pa.Array) -> pa.Array:
    """Empty text for nulls."""
    return texts.fill_null(pa.scalar("", pa.large_string()))


def missing(texts: Iterable[str | None]) -> NDArray[np.bool_]:
    """(N,) bool: None, which stands for an unreadable cell."""
    return np.array([text is None for text in texts], bool)
