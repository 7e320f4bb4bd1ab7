"""Recognise the format of a registry or boxes file and read it."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow.compute as pc

from anonymizer.people.consent.lines import read_csv, read_json_lines
from anonymizer.people.consent.parquet import read_parquet
from anonymizer.people.consent.sheet import REGISTRY, Layout, Sheet, whole

FORMATS: dict[str, Callable[[bytes, str, Layout], Iterator[Sheet]]] = {
    "csv": read_csv,
    "json": read_json_lines,
    "parquet": read_parquet,
}


def read_sheet(data: bytes, name: str, layout: Layout = REGISTRY) -> Sheet:
    """Reads a table; the format is recognised by the content, otherwise by the file's extension.

    Raises:
        UsageError: (the layout's) The file cannot be read, a column is unknown, missing or duplicated, or a key is
            empty or not text.
    """
    sheet = whole(_parts(data, name, layout))
    _check_keys(sheet, 0, name, layout)
    return sheet


def read_parts(data: bytes, name: str, layout: Layout) -> Iterator[Sheet]:
    """Reads a table in batches of a few thousand rows; an error is raised when its row is reached.

    Raises:
        UsageError: (the layout's) See `read_sheet`.
    """
    rows = 0
    for sheet in _parts(data, name, layout):
        _check_keys(sheet, rows, name, layout)
        rows += sheet.rows
        yield sheet


def _parts(data: bytes, name: str, layout: Layout) -> Iterator[Sheet]:
    data = data.removeprefix(codecs.BOM_UTF8)
    if not data.strip():
        raise layout.error(f"{name}: the file is empty")
    return FORMATS[_format(data, name)](data, name, layout)


def _check_keys(sheet: Sheet, rows_before: int, name: str, layout: Layout) -> None:
    unreadable = sheet.unreadable["key"] | np.asarray(pc.equal(sheet.columns["key"], ""), dtype=bool)
    if unreadable.any():
        row = rows_before + int(unreadable.argmax()) + 1
        raise layout.error(f"{name}: row {row}: the key is empty or cannot be read")


def _format(data: bytes, name: str) -> str:
    ending = name.lower().rpartition(".")[2]
    if data.startswith(b"PAR1") or ending == "parquet":
        return "parquet"
    if ending in ("jsonl", "ndjson", "json"):
        return "json"
    return "json" if ending != "csv" and data.lstrip()[:1] == b"{" else "csv"
