"""Defines consent decisions: what the consent registry says about one key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

ConsentStatus = Literal["withdrawn", "denied", "malformed", "expired", "pending", "partial", "granted", "unknown"]


@dataclass(frozen=True, slots=True)
class Content:
    """Identifies the content of a photo, which grants may be limited to. None = not known: such grants do not match.

    Attributes:
        sha256: SHA-256 of the file, lower-case hex.
        etag: Version of the object, as in the listing.
    """

    sha256: str | None
    etag: str | None


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle in pixels of an upright image of `width` × `height` pixels; if either is None it cannot be placed."""

    x: float
    y: float
    w: float
    h: float
    width: int | None
    height: int | None
    frame: int | None = None
    source_sha256: str | None = None
    source_etag: str | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """One grant that is valid at `as_of` for the run's purpose.

    Attributes:
        person: Number of the subject among the image's subjects; rows without a subject share number 0.
        source_sha256: SHA-256 of the only content that it is valid for; None = any content. If the grant has a region,
            the content is in `region` instead.
        source_etag: Version of the only content that it is valid for; None and regions likewise.
        seen_as: With `consent.bind` content, for a grant that names no content: the name under which manifest rows
            record the content that it was first seen with.
    """

    person: int
    everyone: bool
    region: Region | None
    record_id: str | None
    valid_until: datetime | None
    source_sha256: str | None = None
    source_etag: str | None = None
    seen_as: str = ""


@dataclass(frozen=True, slots=True)
class Veto:
    """A registry row that forbids showing faces; `region` None = in the whole image."""

    status: Literal["withdrawn", "denied", "malformed", "expired", "pending"]
    region: Region | None
    record_id: str | None


@dataclass(frozen=True, slots=True)
class ConsentDecision:
    """What the registry says about one key at `as_of`: the driver decides it and sends it with the chunk.

    Attributes:
        grants: Grants that are valid at `as_of` for the run's purpose.
        vetoes: All other rows that match the key, except grants that are outside their window or for another purpose.
        lapsed: There is a grant whose window does not contain `as_of` (status `expired` unless a row says worse).
        purpose: The run's purpose; None = only grants for any purpose count.
        registry_sha256: SHA-256 of the registry file; None without a registry.
        sha256: Hash of the whole decision (grants, vetoes, lapsed and the purpose; with `consent.bind` content also
            `seen`); empty if no row matches the key.
        as_of: UTC time of the decision.
        seen: Names (`Grant.seen_as`), sorted, of all grants that name no content, whatever their window and purpose.
    """

    grants: tuple[Grant, ...]
    vetoes: tuple[Veto, ...]
    lapsed: bool
    purpose: str | None
    registry_sha256: str | None
    sha256: str
    as_of: datetime | None
    seen: tuple[str, ...] = ()

    @property
    def record_ids(self) -> tuple[str, ...]:
        """Sorted record ids of all grants and vetoes."""
        rows: Sequence[Grant | Veto] = (*self.grants, *self.vetoes)
        return tuple(sorted({row.record_id for row in rows if row.record_id is not None}))


NO_CONSENT = ConsentDecision((), (), False, None, None, "", None)
"""The decision without a registry: every face is redacted."""
