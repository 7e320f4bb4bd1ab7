"""Bind grants that name no content to the content with which they were first seen (`consent.bind` content).

The manifest records for each key which content each grant was first seen with. If the photo changes, the grant no
longer applies. The record is copied from row to row whatever happens to the object, and never deleted; only a new
grant, which has another name, is bound anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from anonymizer.records import ConsentDecision, Content, Grant

#: Maximum number of grants per key that are remembered after they were removed from the registry.
PAST_GRANTS = 32


def held(decision: ConsentDecision, bound: Iterable[str]) -> ConsentDecision:
    """Binds a decision's grants to the content with which they were first seen.

    Args:
        decision: Grants with a `seen_as` are bound; the others do not change.
        bound: The bindings recorded for the key; see `bind`.
    """
    content = dict(entry.partition("=")[::2] for entry in bound)
    grants = tuple(_bound(grant, content.get(grant.seen_as)) for grant in decision.grants)
    return replace(decision, grants=grants) if grants != decision.grants else decision


def _bound(grant: Grant, content: str | None) -> Grant:
    if not grant.seen_as or content is None:
        return grant
    kind, _, value = content.partition(":")
    return replace(grant, source_etag=value) if kind == "etag" else replace(grant, source_sha256=value)


def bind(bound: Iterable[str], seen: Iterable[str], content: Content) -> tuple[str, ...]:
    """Updates the bindings of a key.

    Args:
        bound: The recorded bindings: `NAME=sha256:HEX`, or `NAME=etag:VERSION` if the file has not been read.
        seen: Names of the grants that apply to the key today (`ConsentDecision.seen`).
        content: The photo's content today.

    Returns:
        The bindings including new grants. Grants that the registry no longer has are kept, up to `PAST_GRANTS`.
    """
    known = dict(entry.partition("=")[::2] for entry in bound)
    today = dict.fromkeys(seen)
    past = {name: value for name, value in known.items() if name not in today}
    if content.sha256 is not None:
        now = f"sha256:{content.sha256}"
    elif content.etag:
        now = f"etag:{content.etag}"
    else:
        now = ""
    met = {name: _read(known.get(name, now), now, content) for name in today}
    entries = {**dict(list(past.items())[-PAST_GRANTS:]), **met}
    return tuple(f"{name}={value}" for name, value in entries.items() if value)


def _read(value: str, now: str, content: Content) -> str:
    """Replaces an ETag by the SHA-256 once that version of the file has been read."""
    return now if content.etag and value == f"etag:{content.etag}" else value
