"""Runs, as a user would start them, in this process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anonymizer.config import RunConfig, from_mapping, merge
from anonymizer.lake.manifest import current
from anonymizer.lake.storage import marked_id
from anonymizer.run import driver
from anonymizer.run.progress import LogProgress
from anonymizer.run.summary import Summary

#: Exact boxes and no network; small chunks, so that there are several.
QUICK = {
    "detector": {"name": "patch"},
    "engine": {"workers": 1, "chunk_keys": 4},
}


def config(source: object, output: object, settings: Mapping[str, Any] | None = None) -> RunConfig:
    values = merge(QUICK, settings or {})
    return from_mapping(RunConfig, merge(values, {"input": str(source), "output": str(output)}))


def run(source: object, output: object, settings: Mapping[str, Any] | None = None) -> Summary:
    return driver.run(config(source, output, settings), LogProgress())


def rows(output: object, options: Mapping[str, Any] | None = None) -> dict[str, dict[str, Any]]:
    """The manifest's current rows by key; fails when a key has more than one."""
    listed = current(f"{output}.manifest", options).to_pylist()
    by_key = {row["key"]: row for row in listed}
    assert len(by_key) == len(listed)
    return by_key


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but the mark of an OUTPUT."""
    found = {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
    return {key: data for key, data in found.items() if marked_id(key) is None}


def write(folder: Path, contents: Mapping[str, bytes]) -> Path:
    for key, data in contents.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder
