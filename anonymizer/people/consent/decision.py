"""Decide about one key from the registry rows that apply to it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime

from anonymizer.config import Bind
from anonymizer.people.consent.cells import Row
from anonymizer.records import NO_CONSENT, ConsentDecision, Grant, Region, Veto


def judge(rows: Iterable[Row], nothing: ConsentDecision, bind: Bind = "key") -> ConsentDecision:
    """Decides about one key.

    Args:
        rows: All rows that apply to the key, in any order.
        nothing: The decision for a key without rows (`nothing_said`); it carries purpose, time and registry hash.
        bind: What grants that name no content are bound to.
    """
    grants, vetoes, lapsed = [], [], False
    seen = set()
    as_of = _time(nothing)
    for row in rows:
        if row.status != "granted":
            vetoes.append(Veto(row.status, row.region, row.record_id))
            continue
        if (row.source_sha256, row.source_etag) == (None, None):
            seen.add(seen_as(row))
        if not in_window(row, as_of):
            lapsed = True
        elif for_purpose(row, nothing.purpose):
            grants.append(row)
    decision = _sealed(_numbered(grants, bind), vetoes, lapsed, nothing)
    return _with_seen(decision, tuple(sorted(seen)), bind)


def in_window(row: Row, as_of: datetime) -> bool:
    """Whether `as_of` lies in the row's validity period, [valid_from, valid_until)."""
    begun = row.valid_from is None or row.valid_from <= as_of
    return begun and (row.valid_until is None or as_of < row.valid_until)


def for_purpose(row: Row, purpose: str | None) -> bool:
    """Whether the row covers the run's purpose; a run without a purpose needs rows for any purpose."""
    return row.purposes is None or (purpose is not None and purpose in row.purposes)


def seen_as(row: Row) -> str:
    """The name of a grant: 16 hexadecimal digits of a hash of all its cells except `key` and `match`.

    A new grant has another name, because its record, validity period, subject, scope, purpose or region differs.
    """
    window = [time and time.isoformat() for time in (row.valid_from, row.valid_until)]
    purposes = None if row.purposes is None else sorted(row.purposes)
    content = [row.record_id, _person(row.subject), row.everyone, purposes, window, _place(row.region)]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def _time(nothing: ConsentDecision) -> datetime:
    if nothing.as_of is None:
        raise ValueError("a decision needs a time")
    return nothing.as_of


def _person(subject: str | None) -> str:
    """Normalizes a subject's identifier: two spellings must not count as two people, or two faces would be kept."""
    return unicodedata.normalize("NFC", (subject or "").strip()).casefold()


def _numbered(rows: Sequence[Row], bind: Bind) -> list[Grant]:
    people = [_person(row.subject) for row in rows]
    number = {"": 0} | {subject: place for place, subject in enumerate(sorted({*people} - {""}), 1)}
    return [_grant(row, number[person], bind) for row, person in zip(rows, people, strict=True)]


def _grant(row: Row, person: int, bind: Bind) -> Grant:
    content = (row.source_sha256, row.source_etag) if row.region is None else (None, None)
    named = (row.source_sha256, row.source_etag) != (None, None)
    name = "" if bind == "key" or named else seen_as(row)
    return Grant(person, row.everyone, row.region, row.record_id, row.valid_until, *content, name)


def _sealed(grants: Iterable[Grant], vetoes: Iterable[Veto], lapsed: bool, nothing: ConsentDecision) -> ConsentDecision:
    """Makes the decision: sorts the rows canonically, removes duplicates and computes the hash."""
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


def _with_seen(decision: ConsentDecision, seen: tuple[str, ...], bind: Bind) -> ConsentDecision:
    """Adds the names of seen grants.

    With `bind` content they change the hash, so that a row with the binding is written even for a grant that becomes
    valid later.
    """
    sha256 = decision.sha256
    if bind == "content" and seen:
        sha256 = hashlib.sha256(json.dumps([sha256, seen]).encode()).hexdigest()
    return dataclasses.replace(decision, seen=seen, sha256=sha256) if seen else decision


def _place(region: Region | None) -> list[object] | None:
    """A region as a list for hashing; later columns are appended only if given, so that earlier hashes stay valid."""
    if region is None:
        return None
    place: list[object] = [region.x, region.y, region.w, region.h, region.width, region.height, region.frame]
    return [*place, region.source_sha256, *([region.source_etag] if region.source_etag is not None else [])]


def _canonical(row: Grant | Veto) -> str:
    """A canonical text of a row, the same in every process and release."""
    place = _place(row.region)
    if isinstance(row, Veto):
        return json.dumps(["veto", row.status, row.record_id, place])
    until = None if row.valid_until is None else row.valid_until.isoformat()
    content = [row.source_sha256, row.source_etag, row.seen_as]
    more = content if any(content) else []
    return json.dumps(["grant", row.person, row.everyone, row.record_id, until, place, *more])


def nothing_said(purpose: str | None, as_of: datetime, registry_sha256: str | None) -> ConsentDecision:
    """The decision for a key to which no row applies; its `sha256` is the same in every run.

    Raises:
        ValueError: `as_of` has no offset.
    """
    if as_of.tzinfo is None:
        raise ValueError("as_of needs an offset")
    return dataclasses.replace(NO_CONSENT, purpose=purpose, as_of=as_of, registry_sha256=registry_sha256)
