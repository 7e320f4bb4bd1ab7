"""CSV and JSON Lines.

Both are parsed by the standard library: unlike Arrow's readers it sees a stray quote that would swallow the rows after
it, a name that is given twice and bytes that are no UTF-8, and knows in which row. Rows count from 1, without the
header and without blank lines.
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

from anonymizer.consent.cells import COLUMNS
from anonymizer.consent.sheet import BATCH_ROWS, Sheet, check_header, filled, joined, missing
from anonymizer.errors import RegistryError


def read_csv(data: bytes, name: str) -> Sheet:
    """Reads UTF-8 with commas, quotes as in RFC 4180, and a header.

    Raises:
        RegistryError: It is no CSV, a row has more or fewer cells than the header, or the header is wrong.
    """
    # What is no UTF-8 becomes lone surrogates, which no other text holds: the cell is found out, and its row named.
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", errors="surrogateescape", newline="")
    rows = _csv_rows(csv.reader(text, strict=True), name)
    header = next(rows)
    check_header(header, name)
    return _sheet(rows, header)


def _csv_rows(lines: Iterator[list[str]], name: str) -> Iterator[list[str]]:
    width: int | None = None
    number = 0
    try:
        for line in lines:
            if not line:
                continue
            width = len(line) if width is None else width
            if len(line) != width:
                raise RegistryError(f"{name}: row {number}: {len(line)} cells where the header has {width}")
            yield line
            number += 1
    except csv.Error:
        raise RegistryError(f"{name}: row {number}: this is no CSV (look for a stray quote)") from None


def read_json_lines(data: bytes, name: str) -> Sheet:
    """Reads one JSON object per line; a name that a line leaves out is an empty cell.

    Raises:
        RegistryError: A line is no JSON object, or has an unknown name.
    """
    names: dict[str, None] = {}
    rows = _json_rows(data, name, names)
    sheet = _sheet(rows, COLUMNS)
    check_header(tuple(names), name)
    return Sheet({c: sheet.columns[c] for c in names}, {c: sheet.unreadable[c] for c in names})


def _json_rows(data: bytes, name: str, names: dict[str, None]) -> Iterator[list[object]]:
    """Cells in the order of COLUMNS; `names` collects the columns that any row has."""
    position = {column: index for index, column in enumerate(COLUMNS)}
    number = 0
    for line in io.BytesIO(data):
        if not line.strip():
            continue
        number += 1
        cells: list[object] = [None] * len(COLUMNS)
        seen: set[str] = set()
        for column, value in _json_object(line, f"{name}: row {number}"):
            if column not in position:
                raise RegistryError(f"{name}: row {number}: a column is unknown; known: {', '.join(COLUMNS)}")
            # Of two values for one name neither can be believed.
            cells[position[column]] = _UNREADABLE if column in seen else value
            seen.add(column)
        names.update(dict.fromkeys(seen))
        yield cells


def _json_object(line: bytes, where: str) -> list[tuple[str, object]]:
    try:
        pairs = json.loads(line.decode(errors="surrogateescape"), object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        raise RegistryError(f"{where}: this is no JSON") from None
    if not isinstance(pairs, _Pairs):
        raise RegistryError(f"{where}: this is no JSON object")
    return pairs


class _Pairs(list[tuple[str, object]]):
    """A JSON object with its names in order and told twice where they stand twice."""


_UNREADABLE = object()


def _sheet(rows: Iterator[Sequence[object]], header: Sequence[str]) -> Sheet:
    parts: dict[str, list[tuple[pa.Array, NDArray[np.bool_]]]] = {column: [] for column in header}
    while batch := list(islice(rows, BATCH_ROWS)):
        for column, cells in zip(header, zip(*batch, strict=True), strict=True):
            parts[column].append(_text_of_cells(cells, numbers=column != "key"))
    whole = {column: joined(part) for column, part in parts.items()}
    return Sheet({c: text for c, (text, _) in whole.items()}, {c: flawed for c, (_, flawed) in whole.items()})


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
