"""What the consent registry says about one key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

ConsentStatus = Literal["withdrawn", "denied", "malformed", "expired", "pending", "partial", "granted", "unknown"]


@dataclass(frozen=True, slots=True)
class Content:
    """What a photo's consent is held against; None = not known, and no consent names it.

    Attributes:
        sha256: Of the file, lower-case hex.
        etag: Its version, as the listing has it.
    """

    sha256: str | None
    etag: str | None


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle drawn on an upright image of `width` × `height` pixels; None for either = cannot be placed."""

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
    """One working grant.

    Attributes:
        person: Numbers the image's distinct subjects; rows without a subject share number 0.
        source_sha256: Of the only content that it speaks of; None = any. What a grant with a region names stands there.
        source_etag: Likewise.
        seen_as: With `consent.bind` content, and where it names no content: under which name rows of the manifest say
            what it was first seen with.
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
    """One row that is not a grant; `region` None = the whole image."""

    status: Literal["withdrawn", "denied", "malformed", "expired", "pending"]
    region: Region | None
    record_id: str | None


@dataclass(frozen=True, slots=True)
class ConsentDecision:
    """What the registry says about one key at `as_of`: decided by the driver, travels with the chunk.

    Attributes:
        grants: Grants that work at `as_of` for the run's purpose.
        vetoes: Every other row that speaks about the key, grants out of window or purpose left out.
        lapsed: A grant exists whose window does not hold `as_of` (status `expired` when nothing worse is said).
        purpose: The run's purpose; None = only grants for any purpose count.
        registry_sha256: Of the registry file; None without a registry.
        sha256: Hash of the whole decision (grants, vetoes, lapsed and the purpose; with `consent.bind` content also
            `seen`); empty when no row speaks.
        as_of: UTC time the decision speaks of.
        seen: Names (`Grant.seen_as`), sorted, of all grants that name no content, out of window and purpose too.
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
        """Sorted record ids of all rows that spoke."""
        spoke: Sequence[Grant | Veto] = (*self.grants, *self.vetoes)
        return tuple(sorted({row.record_id for row in spoke if row.record_id is not None}))


NO_CONSENT = ConsentDecision((), (), False, None, None, "", None)
"""No registry: every face is redacted."""
