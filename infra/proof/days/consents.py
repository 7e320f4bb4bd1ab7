"""A second, independent implementation of the consent rules (DESIGN.md, part 7), simplified for these photos.

It shares no line with the product: what the product publishes is judged by it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from infra.proof.days.people import HEIGHT, SLOTS, WIDTH, Photo

#: Day 0 begins here.
BEGIN = datetime(2030, 1, 1, tzinfo=UTC)

VETOES = ("withdrawn", "denied", "pending", "expired")
_COLUMNS = (
    *("key", "match", "status", "record_id", "subject_id", "scope", "purposes", "valid_from", "valid_until"),
    *("x", "y", "w", "h", "width", "height", "source_sha256"),
)


@dataclass(frozen=True)
class Region:
    """A box around some of a photo's places for faces.

    Attributes:
        slots: Which; at least one.
        fits: Was drawn on a photo of this size.
        sha256: Of the only content that it speaks of; empty: of any.
    """

    slots: tuple[int, ...]
    fits: bool = True
    sha256: str = ""

    def on(self, photo: Photo) -> bool:
        """Whether it can be placed on the photo."""
        return self.fits and self.sha256 in ("", photo.sha256)


@dataclass(frozen=True)
class Row:
    """A line of the registry; `since` and `until` are days, `purposes` empty stands for any."""

    key: str
    status: str
    subject: str = ""
    everyone: bool = False
    purposes: str = ""
    since: int | None = None
    until: int | None = None
    region: Region | None = None

    @property
    def grants(self) -> bool:
        """Whether the row is a grant; all other rows are vetoes."""
        return self.status == "granted"

    def speaks_of(self, key: str) -> bool:
        """Whether the row applies to a key: grants compare exactly, vetoes ignore case."""
        mine, theirs = (self.key, key) if self.grants else (self.key.casefold(), key.casefold())
        return theirs.startswith(mine) if mine.endswith("/") else theirs == mine

    def works(self, day: float, purpose: str | None) -> bool:
        """Whether a grant holds on a day for a purpose."""
        begun = self.since is None or self.since <= day
        lasts = self.until is None or day < self.until
        return begun and lasts and (not self.purposes or purpose == self.purposes)


def text(rows: Sequence[Row]) -> str:
    """The registry as CSV."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, _COLUMNS, restval="")
    writer.writeheader()
    for row in rows:
        cells = {"key": row.key, "status": row.status, "subject_id": row.subject, "purposes": row.purposes or "*"}
        cells |= {"scope": "everyone"} if row.everyone else {}
        cells |= {"valid_from": _date(row.since), "valid_until": _date(row.until)}
        writer.writerow(cells | (_cells(row.region) if row.region is not None else {}))
    return buffer.getvalue()


def _date(day: int | None) -> str:
    return "" if day is None else (BEGIN + timedelta(days=day)).date().isoformat()


def _cells(region: Region) -> dict[str, str]:
    boxes = [SLOTS[slot] for slot in region.slots]
    x1, y1 = min(box[0] for box in boxes), min(box[1] for box in boxes)
    x2, y2 = max(box[2] for box in boxes), max(box[3] for box in boxes)
    numbers = {"x": x1, "y": y1, "w": x2 - x1, "h": y2 - y1, "width": WIDTH + (not region.fits), "height": HEIGHT}
    return {name: str(number) for name, number in numbers.items()} | {"source_sha256": region.sha256}


@dataclass(frozen=True)
class Terms:
    """The inputs of a consent decision."""

    rows: tuple[Row, ...]
    day: float
    purpose: str | None
    public: bool


def allowed(photo: Photo, key: str, terms: Terms) -> frozenset[int] | None:
    """The people who may be visible in a key's photo; None if it may not be published."""
    rows = [row for row in terms.rows if row.speaks_of(key)]
    vetoes = [row for row in rows if not row.grants]
    grants = [row for row in rows if row.grants and row.works(terms.day, terms.purpose)]
    if not all(row.region is None or row.region.on(photo) for row in grants):
        grants = []
    faces = {slot for slot in range(len(SLOTS)) if photo.at(slot) is not None}
    if terms.public:
        return frozenset() if grants and faces and not vetoes else None
    if not all(row.region is None or row.region.on(photo) for row in vetoes):
        return None
    if any(row.region is None for row in vetoes):
        return frozenset()
    objected = {slot for row in vetoes if row.region is not None for slot in row.region.slots}
    kept = _kept(faces, grants, objected) - objected
    return frozenset(person for slot in kept if (person := photo.at(slot)) is not None)


def _kept(faces: set[int], grants: Iterable[Row], objected: set[int]) -> set[int]:
    grants = list(grants)
    kept: set[int] = set()
    found: set[str] = set()
    for grant in grants:
        if grant.region is not None and not objected & set(grant.region.slots):
            inside = faces & set(grant.region.slots)
            if len(inside) == 1:
                kept |= inside
                found.add(grant.subject)
    placed = {grant.subject for grant in grants if grant.region is not None}
    whole = [grant for grant in grants if grant.region is None]
    if any(grant.everyone for grant in whole):
        return faces
    people = {grant.subject for grant in whole} - placed
    if people and len(faces - kept) <= len(people) and len(faces) <= len(people | found):
        return faces
    return kept
