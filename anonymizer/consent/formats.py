"""Which format a registry has."""

from __future__ import annotations

import codecs
from collections.abc import Callable

import numpy as np
import pyarrow.compute as pc

from anonymizer.consent.lines import read_csv, read_json_lines
from anonymizer.consent.parquet import read_parquet
from anonymizer.consent.sheet import Sheet
from anonymizer.errors import RegistryError

FORMATS: dict[str, Callable[[bytes, str], Sheet]] = {
    "csv": read_csv,
    "json": read_json_lines,
    "parquet": read_parquet,
}


def read_sheet(data: bytes, name: str) -> Sheet:
    """Reads a registry, by its content where that is telling and by the ending of its name otherwise.

    Raises:
        RegistryError: It cannot be read, or a column is unknown, missing or there twice, or a key is empty or no text.
    """
    data = data.removeprefix(codecs.BOM_UTF8)
    if not data.strip():
        raise RegistryError(f"{name}: the registry is empty")
    sheet = FORMATS[_format(data, name)](data, name)
    unreadable = sheet.unreadable["key"] | np.asarray(pc.equal(sheet.columns["key"], ""), dtype=bool)
    if unreadable.any():
        raise RegistryError(f"{name}: row {int(unreadable.argmax()) + 1}: the key is empty or cannot be read")
    return sheet


def _format(data: bytes, name: str) -> str:
    ending = name.lower().rpartition(".")[2]
    if data.startswith(b"PAR1") or ending == "parquet":
        return "parquet"
    if ending in ("jsonl", "ndjson", "json"):
        return "json"
    return "json" if ending != "csv" and data.lstrip()[:1] == b"{" else "csv"
