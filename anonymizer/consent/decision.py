"""The rows that speak about one key → the decision that travels with it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime

from anonymizer.consent.cells import Row
from anonymizer.records import NO_CONSENT, ConsentDecision, Grant, Veto


def judge(rows: Iterable[Row], nothing: ConsentDecision) -> ConsentDecision:
    """Decides about one key.

    Args:
        rows: All rows that speak about the key, in any order.
        nothing: The decision about a key of which no row speaks: it has the purpose, the time and the registry.
    """
    grants, vetoes, lapsed = [], [], False
    for row in rows:
        if row.status != "granted":
            vetoes.append(Veto(row.status, row.region, row.record_id))
        elif not in_window(row, _time(nothing)):
            lapsed = True
        elif for_purpose(row, nothing.purpose):
            grants.append(row)
    return _sealed(_numbered(grants), vetoes, lapsed, nothing)


def in_window(row: Row, as_of: datetime) -> bool:
    """Whether `as_of` lies in the row's window: from inclusive, until exclusive."""
    begun = row.valid_from is None or row.valid_from <= as_of
    return begun and (row.valid_until is None or as_of < row.valid_until)


def for_purpose(row: Row, purpose: str | None) -> bool:
    """Whether the row speaks for the run's purpose; a run without one is served only by rows for any purpose."""
    return row.purposes is None or (purpose is not None and purpose in row.purposes)


def _time(nothing: ConsentDecision) -> datetime:
    if nothing.as_of is None:
        raise ValueError("a decision needs a time")
    return nothing.as_of


def _person(subject: str | None) -> str:
    """Two spellings of one identifier must not count as two people, or they would keep two faces."""
    return unicodedata.normalize("NFC", (subject or "").strip()).casefold()


def _numbered(rows: Sequence[Row]) -> list[Grant]:
    subjects = sorted({_person(row.subject) for row in rows} - {""})
    number = {"": 0} | {subject: place for place, subject in enumerate(subjects, 1)}
    return [Grant(number[_person(r.subject)], r.everyone, r.region, r.record_id, r.valid_until) for r in rows]


def _sealed(grants: Iterable[Grant], vetoes: Iterable[Veto], lapsed: bool, nothing: ConsentDecision) -> ConsentDecision:
    """Puts the rows into an order of their own, drops repetitions and adds the hash."""
    every: list[Grant | Veto] = [*grants, *vetoes]
    by_text = {_canonical(row): row for row in every}
    rows = [by_text[text] for text in sorted(by_text)]
    if not rows and not lapsed:
        return nothing
    content = json.dumps([nothing.purpose, lapsed, sorted(by_text)])
    return dataclasses.replace(
        nothing,
        grants=tuple(row for row in rows if isinstance(row, Grant)),
        vetoes=tuple(row for row in rows if isinstance(row, Veto)),
        lapsed=lapsed,
        sha256=hashlib.sha256(content.encode()).hexdigest(),
    )


def _canonical(row: Grant | Veto) -> str:
    """All of a row, as text that says the same in every process and release."""
    region = row.region
    place = region and (
        *(region.x, region.y, region.w, region.h),
        *(region.width, region.height, region.frame, region.source_sha256),
    )
    if isinstance(row, Veto):
        return json.dumps(["veto", row.status, row.record_id, place])
    until = None if row.valid_until is None else row.valid_until.isoformat()
    return json.dumps(["grant", row.person, row.everyone, row.record_id, until, place])


def nothing_said(purpose: str | None, as_of: datetime, registry_sha256: str | None) -> ConsentDecision:
    """The decision about a key of which no row speaks; its `sha256` is the same in every run.

    Raises:
        ValueError: `as_of` has no offset.
    """
    if as_of.tzinfo is None:
        raise ValueError("as_of needs an offset")
    return dataclasses.replace(NO_CONSENT, purpose=purpose, as_of=as_of, registry_sha256=registry_sha256)
