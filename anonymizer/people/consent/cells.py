"""Parse the cells and rows of the registry.

Each parser takes the text of one non-empty cell. Its ValueError does not contain that text, because a cell may name a
person.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, cast

from anonymizer.records import Region

RowStatus = Literal["granted", "withdrawn", "denied", "malformed", "expired", "pending"]

REGION_BOX = ("x", "y", "w", "h")
REGION_COLUMNS = (*REGION_BOX, "width", "height", "frame")
#: The content to which a row applies; for a row with a region, the content on which the region was drawn.
CONTENT_COLUMNS = ("source_sha256", "source_etag")
COLUMNS = (
    "key",
    "match",
    "status",
    "record_id",
    "subject_id",
    "scope",
    "purposes",
    "valid_from",
    "valid_until",
    *REGION_COLUMNS,
    *CONTENT_COLUMNS,
)
#: The required columns.
REQUIRED = ("key", "status")

#: Largest whole number below which all are exact in float32, the type of boxes.
LARGEST_PX = 2**24

_TIME = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?P<time>[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?))?"
)
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the registry, without `key` and `match`.

    Attributes:
        status: `malformed` for a row with any malformed cell; every status but `granted` vetoes.
        purposes: None = any purpose.
        valid_from: Inclusive, UTC; None = unbounded.
        valid_until: Exclusive, UTC; None = unbounded.
        source_sha256: SHA-256 of the only content to which the row applies; None = not given. A region repeats it.
        source_etag: The same for the ETag from a listing.
    """

    status: RowStatus
    record_id: str | None = None
    subject: str | None = field(default=None, repr=False)
    everyone: bool = False
    purposes: frozenset[str] | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    region: Region | None = None
    source_sha256: str | None = None
    source_etag: str | None = None


def parse_time(text: str) -> datetime:
    """Parses ISO 8601 with an offset, or a date, which is midnight UTC.

    Args:
        text: `2026-03-01`, `2026-03-01T12:00:00+01:00`, `2026-03-01T11:00Z`.

    Returns:
        The instant, in UTC.

    Raises:
        ValueError: The text has another form, such as a time without an offset, which would be ambiguous.
    """
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError("not ISO 8601 with an offset")
    try:
        if found["time"] is None:
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("no such time") from None


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise ValueError("not one of the known words")
        return text

    return parse


def _pixels(text: str) -> float:
    value = float(text) if _NUMBER.fullmatch(text) else float("nan")
    if not -LARGEST_PX <= value <= LARGEST_PX:
        raise ValueError("not a number of pixels")
    return value


def _extent(text: str) -> float:
    value = _pixels(text)
    if value <= 0:
        raise ValueError("not above 0")
    return value


def _count(text: str) -> int:
    value = _pixels(text)
    # "640.0" is accepted: data frames write this for integer columns with missing values.
    if value < 0 or not value.is_integer():
        raise ValueError("not a whole number")
    return int(value)


def _side(text: str) -> int:
    _extent(text)
    return _count(text)


def _sha256(text: str) -> str:
    if not _SHA256.fullmatch(text):
        raise ValueError("not a SHA-256")
    return text.lower()


def _etag(text: str) -> str:
    etag = text.strip().strip('"')
    if not etag:
        raise ValueError("empty")
    return etag


def _purposes(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.split(";")) - {""}


#: Column → (parser, description of valid cells). `key`, `record_id` and `subject_id` may be any text.
PARSERS: Mapping[str, tuple[Callable[[str], object], str]] = {
    "match": (_one_of("exact", "prefix", "glob"), "one of exact, prefix, glob"),
    "status": (
        _one_of("granted", "denied", "withdrawn", "pending", "expired"),
        "one of granted, denied, withdrawn, pending, expired",
    ),
    "scope": (_one_of("person", "everyone"), "one of person, everyone"),
    "purposes": (_purposes, "text"),
    "valid_from": (parse_time, "a date or ISO 8601 with an offset"),
    "valid_until": (parse_time, "a date or ISO 8601 with an offset"),
    "x": (_pixels, "a number of pixels"),
    "y": (_pixels, "a number of pixels"),
    "w": (_extent, "a number of pixels above 0"),
    "h": (_extent, "a number of pixels above 0"),
    "width": (_side, "a whole number of pixels above 0"),
    "height": (_side, "a whole number of pixels above 0"),
    "frame": (_count, "a whole number, from 0 on"),
    "source_sha256": (_sha256, "64 hexadecimal digits"),
    "source_etag": (_etag, "the version of a file"),
}


def read_row(cells: Mapping[str, str]) -> Row:
    """Parses a row of well-formed cells.

    Args:
        cells: Text by column, for the columns of the registry; empty cells are empty text.
    """

    def value(column: str) -> object:
        text = cells.get(column, "")
        return PARSERS[column][0](text) if text else None

    purposes = cast("frozenset[str]", value("purposes") or frozenset()) if "purposes" in cells else frozenset("*")
    return Row(
        status=cast("RowStatus", value("status")),
        record_id=cells.get("record_id") or None,
        subject=cells.get("subject_id") or None,
        everyone=value("scope") == "everyone",
        purposes=None if "*" in purposes else purposes,
        valid_from=cast("datetime | None", value("valid_from")),
        valid_until=cast("datetime | None", value("valid_until")),
        region=read_region(cells),
        source_sha256=cast("str | None", value("source_sha256")),
        source_etag=cast("str | None", value("source_etag")),
    )


def read_region(cells: Mapping[str, str]) -> Region | None:
    """Parses the region of a row of well-formed cells; None if it is empty, which means the whole image."""
    if not cells.get("x"):
        return None
    columns = (*REGION_COLUMNS, *CONTENT_COLUMNS)
    values = {c: PARSERS[c][0](cells[c]) if cells.get(c) else None for c in columns}
    x, y, w, h = (cast("float", values[column]) for column in REGION_BOX)
    width, height, frame = (cast("int | None", values[column]) for column in ("width", "height", "frame"))
    sha256, etag = (cast("str | None", values[column]) for column in CONTENT_COLUMNS)
    return Region(x, y, w, h, width, height, frame, sha256, etag)
