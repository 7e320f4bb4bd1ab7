"""Which content a grant that names none was first seen with: kept in the manifest's rows, key by key.

A photo that changed since then is another one, of which such a grant does not speak (`consent.bind` content). What a
row says of it goes on from row to row, whatever becomes of the object, and is never taken back: only a grant that is
given anew, which has another name, begins anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from anonymizer.records import ConsentDecision, Content, Grant

#: So many grants that the registry has no more are remembered for each key.
PAST_GRANTS = 32


def held(decision: ConsentDecision, bound: Iterable[str]) -> ConsentDecision:
    """The decision with its grants bound to the content that they were first seen with.

    Args:
        decision: Its grants have a `seen_as` where binding is asked for; the others stay as they are.
        bound: Of the key: see `bind`.
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
    """What a key's row says of the content that grants were first seen with.

    Args:
        bound: What its row has said so far: `NAME=sha256:HEX`, or `NAME=etag:VERSION` where nobody has read the file.
        seen: Names of the grants that speak about it today (`ConsentDecision.seen`).
        content: Of the photo today.

    Returns:
        The same with the grants that are new. Those that the registry has no more stay known, the newest of them.
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
    """A version that has been read by now is named by its content."""
    return now if content.etag and value == f"etag:{content.etag}" else value
