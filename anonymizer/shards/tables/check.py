"""Checks a Parquet file that was written here: pages and a footer, and nothing that repeats values.

Writers put the first bytes of values into statistics of column chunks and pages, into page indexes and dictionaries; a
small picture lies there whole. None of them may be in an output, and nothing may lie between the pages.
Source of the numbers of the fields: https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

from __future__ import annotations

import json
from collections.abc import Collection
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from anonymizer.errors import ScrubCheckFailed
from anonymizer.shards.contract import File
from anonymizer.shards.tables.thrift import Malformed, Reader

MAGIC = b"PAR1"
FOOTER_KEYS = frozenset((b"ARROW:schema", b"huggingface"))
"""Keys of the footer's metadata that an output may have."""

_HEADER_BYTES = 2**16
"""A page's header is shorter, because it has no statistics."""
_DATA, _DICTIONARY, _DATA_V2 = 0, 2, 3
_TYPE, _UNCOMPRESSED, _COMPRESSED, _CRC = 1, 2, 3, 4
_HEADERS = {_DATA: 5, _DICTIONARY: 7, _DATA_V2: 8}
"""Kind of a page → field with its own header."""
_ALLOWED = {_DATA: {1, 2, 3, 4, 5}, _DICTIONARY: {1, 2, 3}, _DATA_V2: {1, 2, 3, 4, 5, 6, 7, 8}}
"""Kind of a page → fields of that header."""
_STATISTICS = {_DATA: 5, _DATA_V2: 8}
"""Kind of a page → field of that header with its statistics."""
_COUNTS = {3, 4}
"""Fields of statistics that are counts and no values."""
_PIECE = 2**20


class PageChecker:
    """Walks the pages of a file while it is written.

    Attributes:
        dictionaries: Positions of the dictionary pages.
    """

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._skip = 0
        self._place = 0
        self._begun = False
        self.dictionaries: list[int] = []

    def feed(self, data: bytes) -> None:
        """Takes the next bytes before the footer.

        Raises:
            ScrubCheckFailed: They are not pages, or a page has statistics.
        """
        self._waiting += data
        while self._waiting:
            if self._skip:
                self._drop(min(self._skip, len(self._waiting)), skipped=True)
            elif not self._begun:
                if len(self._waiting) < len(MAGIC):
                    return
                if self._waiting[: len(MAGIC)] != MAGIC:
                    raise ScrubCheckFailed("no magic")
                self._begun = True
                self._drop(len(MAGIC))
            elif not self._header():
                return

    def end(self) -> None:
        """Checks that the last page is complete.

        Raises:
            ScrubCheckFailed: It is not.
        """
        if self._waiting or self._skip or not self._begun:
            raise ScrubCheckFailed("the pages are incomplete")

    def _header(self) -> bool:
        reader = Reader(self._waiting)
        try:
            header = reader.struct()
        except Malformed:
            if len(self._waiting) < _HEADER_BYTES:
                return False
            raise ScrubCheckFailed("no page header") from None
        kind, size_bytes = header.get(_TYPE), header.get(_COMPRESSED)
        if not isinstance(kind, int) or kind not in _HEADERS or not isinstance(size_bytes, int) or size_bytes < 0:
            raise ScrubCheckFailed("an unknown kind of page")
        own = header.get(_HEADERS[kind])
        if not isinstance(own, dict) or set(own) - _ALLOWED[kind]:
            raise ScrubCheckFailed("a page header with more")
        statistics = own.get(_STATISTICS.get(kind, 0), {})
        if not isinstance(statistics, dict) or set(statistics) - _COUNTS:
            raise ScrubCheckFailed("a page with statistics")
        if set(header) - {_TYPE, _UNCOMPRESSED, _COMPRESSED, _CRC, _HEADERS[kind]}:
            raise ScrubCheckFailed("a page header with more")
        if kind == _DICTIONARY:
            self.dictionaries.append(self._place)
        self._drop(reader.place)
        self._skip = size_bytes
        return True

    def _drop(self, count: int, *, skipped: bool = False) -> None:
        del self._waiting[:count]
        self._place += count
        if skipped:
            self._skip -= count


def check_footer(footer: bytes, plain: Collection[str], pages: PageChecker) -> None:
    """Checks the footer of a file.

    Args:
        footer: What follows the pages.
        plain: Paths of the columns that may have no dictionary: pictures and their paths.
        pages: The checked pages.

    Raises:
        ScrubCheckFailed: It has statistics, indexes, bloom filters or metadata that are not on the allow-list.
    """
    pages.end()
    length = int.from_bytes(footer[-8:-4], "little")
    if len(footer) != length + 8 or footer[-4:] != MAGIC:
        raise ScrubCheckFailed("something lies before the footer")
    try:
        found = Reader(footer).struct()
        metadata = pq.read_metadata(BytesIO(MAGIC + footer))
    except (Malformed, pa.ArrowException, OSError):
        raise ScrubCheckFailed("the footer cannot be read") from None
    if set(found) - {1, 2, 3, 4, 5, 6, 7}:
        raise ScrubCheckFailed("a footer with more")
    _check_keys(metadata.metadata or {})
    try:
        for group in found.get(4, ()):
            if set(group) - {1, 2, 3, 5, 6, 7}:
                raise ScrubCheckFailed("a row group with more")
            for chunk in group[1]:
                _check_chunk(chunk, plain)
    except (TypeError, KeyError, AttributeError):
        raise ScrubCheckFailed("a malformed row group") from None


def _check_keys(metadata: dict[bytes, bytes]) -> None:
    if set(metadata) - FOOTER_KEYS:
        raise ScrubCheckFailed("metadata in the footer")
    if b"huggingface" in metadata:
        try:
            kept = json.loads(metadata[b"huggingface"])
        except ValueError:
            kept = None
        if not isinstance(kept, dict) or set(kept) != {"info"} or set(kept["info"]) != {"features"}:
            raise ScrubCheckFailed("more than the features of a data set")


def _check_chunk(chunk: dict[int, Any], plain: Collection[str]) -> None:
    # file_offset and meta_data only: no offsets of indexes, no encryption.
    if set(chunk) - {2, 3}:
        raise ScrubCheckFailed("a column chunk with an index")
    column = chunk[3]
    # Up to the offset of the dictionary, statistics (12), encoding_stats and size_statistics (counts only); 14 and 15
    # are bloom filters.
    if set(column) - {1, 2, 3, 4, 5, 6, 7, 9, 11, 12, 13, 16} or set(column.get(12, ())) - _COUNTS:
        raise ScrubCheckFailed("a column chunk with statistics")
    path = ".".join(part.decode("utf-8", "replace") for part in column[3])
    if path in plain and 11 in column:
        raise ScrubCheckFailed("a dictionary of pictures")


def binary_paths(schema: pq.ParquetSchema) -> frozenset[str]:
    """Paths of the columns that may hold pictures: bytes without a logical type."""
    columns = (schema.column(place) for place in range(len(schema)))
    kinds = ("BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY")
    return frozenset(c.path for c in columns if c.physical_type in kinds and c.logical_type.type == "NONE")


def check(file: File) -> None:
    """Checks a whole file; see `PageChecker` and `check_footer`.

    Raises:
        ScrubCheckFailed: It has something that no output has.
    """
    size = file.seek(0, 2)
    file.seek(max(0, size - 8))
    tail = file.read(8)
    start = size - 8 - int.from_bytes(tail[:4], "little")
    if len(tail) < 8 or start < len(MAGIC):
        raise ScrubCheckFailed("no footer")
    file.seek(0)
    pages, left = PageChecker(), start
    while left and (piece := file.read(min(_PIECE, left))):
        pages.feed(piece)
        left -= len(piece)
    footer = file.read()
    try:
        schema = pq.read_metadata(BytesIO(MAGIC + footer)).schema
    except (pa.ArrowException, OSError):
        raise ScrubCheckFailed("the footer cannot be read") from None
    check_footer(footer, binary_paths(schema), pages)
