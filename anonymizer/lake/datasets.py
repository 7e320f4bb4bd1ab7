"""Folders that are data sets: tables and shards with an index, which do not bear that their files change one by one.

Delta Lake, Iceberg, Lance and Hudi name every file of a table, with its size, in a log; MosaicML's MDS and LitData have
an index of sizes and hashes beside the shards.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from anonymizer.errors import ObjectError
from anonymizer.lake.storage import Listed, Root
from anonymizer.records import ImageRef

_LOGS = {
    "Delta table": re.compile(r"(?:^|(.*)/)_delta_log/(?:\d{20}\..*|_last_checkpoint)", re.DOTALL),
    "Iceberg table": re.compile(r"(?:^|(.*)/)metadata/[^/]+\.metadata\.json(?:\.gz)?", re.DOTALL),
    "Lance data set": re.compile(r"(?:^|(.*)/)_versions/[^/]+\.manifest", re.DOTALL),
    "Hudi table": re.compile(r"(?:^|(.*)/)\.hoodie/hoodie\.properties", re.DOTALL),
}
_INDEX = re.compile(r"(?:^|(.*)/)index\.json", re.DOTALL)
_INDEXES = {
    "MDS data set": re.compile(rb'"shards"\s*:.*"format"\s*:\s*"(?:mds|json|xsv|csv|tsv)"', re.DOTALL),
    "LitData data set": re.compile(rb'"chunk_bytes"\s*:'),
}
_FOLDERS = ("_delta_log/", "metadata/", "_versions/", ".hoodie/")
_INDEX_BYTES = 64 * 2**20
_LOOK_AT = 1000
"""Files of one of these folders that are looked at: writers put the log's own files first, or nothing else there."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """A folder that is a data set.

    Attributes:
        kind: What it is, for a sentence: `Delta table`.
        folder: Key of the folder, empty for the root itself.
        index: Key of the file by which it was recognized.
    """

    kind: str
    folder: str
    index: str


def recognized(source: Root, entry: Listed) -> DataSet | None:
    """Returns the data set that a listed object is the log or the index of.

    Args:
        source: The root; an `index.json` is read from it.
        entry: As it was listed.

    Returns:
        None for every other object, and for an `index.json` that cannot be read.
    """
    found = _by_log(entry.key)
    match = _INDEX.fullmatch(entry.key)
    if match is None or not isinstance(entry, ImageRef) or entry.size > _INDEX_BYTES:
        return found
    try:
        index = source.read(entry)
    except ObjectError:
        return None
    kinds = (kind for kind, pattern in _INDEXES.items() if pattern.search(index))
    return next((DataSet(kind, match[1] or "", entry.key) for kind in kinds), None)


def _by_log(key: str) -> DataSet | None:
    matches = ((kind, pattern.fullmatch(key)) for kind, pattern in _LOGS.items())
    return next((DataSet(kind, match[1] or "", key) for kind, match in matches if match is not None), None)


def at_root(source: Root) -> Iterator[DataSet]:
    """Yields the data sets that the root itself is, without listing it.

    Raises:
        ListingError: The storage cannot tell.
        ObjectError: See `Root.stat`.
    """
    if source.only is not None:
        return
    for folder in _FOLDERS:
        logs = map(_by_log, islice(source.names(folder), _LOOK_AT))
        yield from islice((found for found in logs if found is not None and not found.folder), 1)
    index = source.stat("index.json")
    found = recognized(source, index) if index is not None else None
    if found is not None:
        yield found
