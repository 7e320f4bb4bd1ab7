"""The index of the current rows (`_state/<run>.json`): the parts that hold them, their ranges of keys, the totals."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from anonymizer.errors import SourceGone
from anonymizer.lake.manifest import names
from anonymizer.lake.manifest.folder import ObjectStore

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Part:
    """Where rows lie.

    Attributes:
        name: Of the file.
        run_id: The run that wrote its rows; None for a merged part, which has them in a column.
        first: Its least key.
        last: Its greatest key.
        rows: How many.
    """

    name: str
    run_id: str | None
    first: str
    last: str
    rows: int


@dataclass(frozen=True)
class Totals:
    """What is known of the current rows without reading them.

    Attributes:
        rows: How many.
        statuses: Rows by status.
        published: Rows that name an output.
        next_expiry: The earliest `retained_until` of them.
        checked: What all published outputs were held against: registry, purpose and policy in one hash. None if an
            unsafe one was left.
        as_of: The time for which that was done.
    """

    rows: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    published: int = 0
    next_expiry: datetime | None = None
    checked: str | None = None
    as_of: datetime | None = None


@dataclass(frozen=True)
class Index:
    """What a run leaves to the next one.

    Attributes:
        parts: They hold all current rows.
        covered: Names of the runs' parts whose rows are in merged parts: nobody has to read them any more.
        totals: Of the rows in `parts`.
    """

    parts: tuple[Part, ...] = ()
    covered: frozenset[str] = frozenset()
    totals: Totals | None = None


def read_newest(store: ObjectStore) -> Index:
    """The index that the newest run left. A damaged one is as none: everything is in the parts of the runs."""
    name = max((name for name in store.names(names.STATE) if names.state_run_id(name)), default=None)
    if name is None:
        return Index()
    try:
        return _parsed(json.loads(store.get(name)))
    except (ValueError, TypeError, KeyError, AttributeError, SourceGone):
        log.warning("%s is damaged; the current rows are taken from the parts of the runs", name)
        return Index()


def _parsed(index: Mapping[str, Any]) -> Index:
    totals = dict(index["totals"])
    for name in ("next_expiry", "as_of"):
        totals[name] = datetime.fromisoformat(totals[name]) if totals[name] is not None else None
    return Index(tuple(Part(**part) for part in index["parts"]), frozenset(index["covered"]), Totals(**totals))


def encode(parts: Iterable[Part], covered: Iterable[str], totals: Totals) -> bytes:
    """The file of an index."""
    index = {
        "parts": [asdict(part) for part in parts],
        "covered": sorted(covered),
        "totals": {name: _plain(value) for name, value in asdict(totals).items()},
    }
    return json.dumps(index).encode()


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
