"""Read boxes from a CSV, JSON Lines or Parquet file with one row per box.

Parsed like the consent registry, but stricter: any malformed cell is an error, because the position of that face would
be unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from anonymizer.errors import ConfigError
from anonymizer.image.geometry import as_boxes
from anonymizer.people.boxes.rows import Column, Rows, by_key, joined
from anonymizer.people.boxes.table import BoxTable, packed_sha256
from anonymizer.people.consent.cells import LARGEST_PX, PARSERS, REGION_BOX
from anonymizer.people.consent.formats import read_parts
from anonymizer.people.consent.sheet import Layout, Sheet, blank
from anonymizer.records import EVERY_FRAME

FILE_ENDINGS = (".csv", ".json", ".jsonl", ".ndjson", ".parquet")

LAYOUT = Layout(
    columns=("key", *REGION_BOX, "frame", "score", "width", "height", "source_sha256", "source_etag"),
    required=("key", *REGION_BOX),
    error=ConfigError,
)

#: Numbers that Arrow parses, without `inf` and `nan`.
_NUMBER = r"^-?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?$"
_SHA256 = "^[0-9a-fA-F]{64}$"


@dataclass(frozen=True, slots=True)
class _Range:
    """Inclusive limits of a number, and the value of an empty cell."""

    low: float
    high: float
    expected: str
    whole: bool = False
    empty: float = np.nan


_LEAST_SIDE_PX = float(np.finfo(np.float32).tiny)
_NUMBERS = {
    "x": _Range(-LARGEST_PX, LARGEST_PX, PARSERS["x"][1]),
    "y": _Range(-LARGEST_PX, LARGEST_PX, PARSERS["y"][1]),
    "w": _Range(_LEAST_SIDE_PX, LARGEST_PX, PARSERS["w"][1]),
    "h": _Range(_LEAST_SIDE_PX, LARGEST_PX, PARSERS["h"][1]),
    "frame": _Range(0, LARGEST_PX, PARSERS["frame"][1], whole=True, empty=EVERY_FRAME),
    "score": _Range(0, 1, "a number from 0 to 1", empty=1),
    "width": _Range(1, LARGEST_PX, PARSERS["width"][1], whole=True, empty=0),
    "height": _Range(1, LARGEST_PX, PARSERS["height"][1], whole=True, empty=0),
}


def read_boxes(data: bytes, name: str) -> BoxTable:
    """Reads boxes: `key, x, y, w, h` in pixels of the upright picture, x and y of the top left corner.

    Optional columns: `frame` (from 0; empty = every frame), `score` (empty = 1), and `width`, `height`,
    `source_sha256`, `source_etag` of the object in which the boxes were found. A row with an empty box states that
    there is no face.

    Args:
        data: The file.
        name: The file's name, for messages and to recognise the format by its extension.

    Raises:
        ConfigError: The file cannot be read, or a cell is malformed; the message names the row.
    """
    columns: dict[str, list[Column]] = {field.name: [] for field in fields(Rows)}
    rows = 0
    # In batches of a few thousand rows, because text takes many times the memory of the parsed values.
    for sheet in read_parts(data, name, LAYOUT):
        part = _Part(sheet, rows, name).rows()
        for column, arrays in columns.items():
            arrays.append(getattr(part, column))
        rows += sheet.rows
    table = by_key(joined(columns), name)
    pa.default_memory_pool().release_unused()
    return table


@dataclass(frozen=True, slots=True)
class _Part:
    """A batch of rows as text, the number of rows before it, and the name of the file."""

    sheet: Sheet
    rows_before: int
    name: str

    def rows(self) -> Rows:
        """Parses the rows.

        Raises:
            ConfigError: A cell is malformed.
        """
        for column, unreadable in self.sheet.unreadable.items():
            self._refuse(unreadable, column, "text")
        numbers = {column: self._numbers(column, limits) for column, limits in _NUMBERS.items()}
        box = np.stack([numbers[column] for column in REGION_BOX], axis=1)
        filled = ~np.isnan(box)
        has_box = np.asarray(filled.all(axis=1), dtype=bool)
        self._refuse(~has_box & filled.any(axis=1), "box", "x, y, w and h together")
        return Rows(
            key=self.sheet.columns["key"],
            has_box=has_box,
            xywh=as_boxes(box),
            score=numbers["score"].astype(np.float32),
            frame=numbers["frame"].astype(np.int32),
            width=numbers["width"].astype(np.int32),
            height=numbers["height"].astype(np.int32),
            source_sha256=self._sha256(),
            source_etag=pc.utf8_trim(self._texts("source_etag"), '"'),
        )

    def _texts(self, column: str) -> pa.Array:
        return self.sheet.columns[column] if column in self.sheet.columns else blank(self.sheet.rows)

    def _numbers(self, column: str, limits: _Range) -> NDArray[np.float64]:
        """(rows,) float64; `limits.empty` for empty cells and missing columns."""
        if column not in self.sheet.columns:
            return np.full(self.sheet.rows, limits.empty)
        texts = self.sheet.columns[column]
        filled = _truth(pc.not_equal(texts, ""))
        self._refuse(filled & ~_truth(pc.match_substring_regex(texts, _NUMBER)), column, limits.expected)
        known = pc.if_else(pa.array(filled), texts, pa.scalar(None, pa.large_string()))
        values = pc.cast(known, pa.float64()).to_numpy(zero_copy_only=False)
        misfits = ~((values >= limits.low) & (values <= limits.high))
        if limits.whole:
            misfits |= values != np.floor(values)
        self._refuse(filled & misfits, column, limits.expected)
        return np.where(filled, values, limits.empty)

    def _sha256(self) -> pa.Array:
        texts = self._texts("source_sha256")
        well_formed = pc.or_(pc.equal(texts, ""), pc.match_substring_regex(texts, _SHA256))
        self._refuse(~_truth(well_formed), "source_sha256", PARSERS["source_sha256"][1])
        return packed_sha256(texts)

    def _refuse(self, rows: NDArray[np.bool_], column: str, expected: str) -> None:
        if rows.any():
            row = self.rows_before + int(rows.argmax()) + 1
            raise ConfigError(f"{self.name}: row {row}: {column}: not {expected}")


def _truth(values: pa.Array) -> NDArray[np.bool_]:
    return np.asarray(values, dtype=bool)
