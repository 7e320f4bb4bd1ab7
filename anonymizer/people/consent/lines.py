"""Read CSV and JSON Lines.

The standard library is used because, unlike Arrow's readers, it detects stray quotes (which would swallow the following
rows), duplicate names and invalid UTF-8, and reports the row. Rows are numbered from 1, without the header and blank
lines.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from types import NoneType

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anonymizer.people.consent.sheet import BATCH_ROWS, Layout, Sheet, check_header, filled, missing


def read_csv(data: bytes, name: str, layout: Layout) -> Iterator[Sheet]:
    """Reads CSV in UTF-8 with commas, quotes as in RFC 4180, and a header.

    Raises:
        UsageError: (the layout's) The file is not CSV, a row has more or fewer cells than the header, or the header is
            wrong.
    """
    # Invalid UTF-8 becomes lone surrogates, by which the cell is recognised as unreadable later.
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", errors="surrogateescape", newline="")
    rows = _csv_rows(csv.reader(text, strict=True), name, layout)
    header = next(rows)
    check_header(header, name, layout)
    return _sheets(rows, header)


def _csv_rows(lines: Iterator[list[str]], name: str, layout: Layout) -> Iterator[list[str]]:
    width: int | None = None
    number = 0
    try:
        for line in lines:
            if not line:
                continue
            width = len(line) if width is None else width
            if len(line) != width:
                raise layout.error(f"{name}: row {number}: {len(line)} cells where the header has {width}")
            yield line
            number += 1
    except csv.Error:
        raise layout.error(f"{name}: row {number}: this is no CSV (look for a stray quote)") from None


def read_json_lines(data: bytes, name: str, layout: Layout) -> Iterator[Sheet]:
    """Reads one JSON object per line; a missing name is an empty cell.

    Raises:
        UsageError: (the layout's) A line is not a JSON object, or has an unknown name.
    """
    names: dict[str, None] = {}
    rows = _json_rows(data, name, names, layout)
    for sheet in _sheets(rows, layout.columns):
        seen = ("key", *names)
        yield Sheet({c: sheet.columns[c] for c in seen}, {c: sheet.unreadable[c] for c in seen})
    check_header(tuple(names), name, layout)


def _json_rows(data: bytes, name: str, names: dict[str, None], layout: Layout) -> Iterator[list[object]]:
    """Cells in the order of the layout; `names` collects the columns that any row has."""
    position = {column: index for index, column in enumerate(layout.columns)}
    number = 0
    for line in io.BytesIO(data):
        if not line.strip():
            continue
        number += 1
        cells: list[object] = [None] * len(layout.columns)
        seen: set[str] = set()
        for column, value in _json_object(line, f"{name}: row {number}", layout):
            if column not in position:
                raise layout.error(f"{name}: row {number}: a column is unknown; known: {', '.join(layout.columns)}")
            # With two values for one name, neither is trusted.
            cells[position[column]] = _UNREADABLE if column in seen else value
            seen.add(column)
        names.update(dict.fromkeys(seen))
        yield cells


def _json_object(line: bytes, where: str, layout: Layout) -> list[tuple[str, object]]:
    try:
        pairs = json.loads(line.decode(errors="surrogateescape"), object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        raise layout.error(f"{where}: this is no JSON") from None
    if not isinstance(pairs, _Pairs):
        raise layout.error(f"{where}: this is no JSON object")
    return pairs


class _Pairs(list[tuple[str, object]]):
    """The pairs of a JSON object in order, including duplicate names."""


_UNREADABLE = object()


def _sheets(rows: Iterator[Sequence[object]], header: Sequence[str]) -> Iterator[Sheet]:
    """Yields batches of rows; at least one, which may be empty."""
    batch = list(islice(rows, BATCH_ROWS))
    while True:
        cells = zip(*batch, strict=True) if batch else [()] * len(header)
        texts = {c: _text_of_cells(own, numbers=c != "key") for c, own in zip(header, cells, strict=True)}
        yield Sheet({c: text for c, (text, _) in texts.items()}, {c: flawed for c, (_, flawed) in texts.items()})
        batch = list(islice(rows, BATCH_ROWS))
        if not batch:
            return


def _text_of_cells(cells: Sequence[object], *, numbers: bool) -> tuple[pa.Array, NDArray[np.bool_]]:
    try:
        if set(map(type, cells)) <= {str, NoneType}:
            return filled(pa.array(cells, pa.large_string())), np.zeros(len(cells), bool)
    except UnicodeEncodeError:
        pass
    texts = [_text_of_cell(cell, numbers=numbers) for cell in cells]
    return filled(pa.array(texts, pa.large_string())), missing(texts)


def _text_of_cell(cell: object, *, numbers: bool) -> str | None:
    """None = unreadable."""
    if cell is None:
        return ""
    if numbers and type(cell) in (int, float):
        return str(cell)
    if isinstance(cell, str) and not any("\ud800" <= character <= "\udfff" for character in cell):
        return cell
    return None
