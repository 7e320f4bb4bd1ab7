"""Reads and writes the index of the current rows (`_state/<run>.json`): parts with their key ranges, and totals."""

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
    """A Parquet file with rows.

    Attributes:
        name: Name of the file.
        run_id: The run that wrote its rows; None for a merged part, which has a column `run_id`.
        first: Its lowest key.
        last: Its highest key.
        rows: Number of rows.
    """

    name: str
    run_id: str | None
    first: str
    last: str
    rows: int


@dataclass(frozen=True)
class Totals:
    """Totals over the current rows.

    Attributes:
        rows: Number of rows.
        statuses: Number of rows by status.
        published: Number of rows of published pictures and shards.
        shards: Number of rows of shards and of pictures inside them.
        next_expiry: The earliest `retained_until` of these.
        checked: Hash of the registry, purpose and policy against which all published outputs were checked. None if an
            unsafe one was left.
        as_of: The time for which they were checked.
    """

    rows: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    published: int = 0
    shards: int = 0
    next_expiry: datetime | None = None
    checked: str | None = None
    as_of: datetime | None = None


@dataclass(frozen=True)
class Index:
    """The index that a run saves for the next one.

    Attributes:
        parts: Parts that together contain all current rows.
        covered: Names of the runs' parts whose rows are in merged parts; they need not be read any more.
        totals: Totals over the rows in `parts`.
    """

    parts: tuple[Part, ...] = ()
    covered: frozenset[str] = frozenset()
    totals: Totals | None = None


def read_newest(store: ObjectStore) -> Index:
    """Reads the index of the newest run. Without one, or if it is damaged, returns an empty index."""
    name = max((name for name in store.names(names.STATE) if names.state_run_id(name)), default=None)
    if name is None:
        return Index()
    try:
        return _parsed(json.loads(store.get(name)))
    except (ValueError, TypeError, KeyError, AttributeError, SourceGone):
        log.warning("%s is damaged; the current rows are read from the parts of the runs", name)
        return Index()


def _parsed(index: Mapping[str, Any]) -> Index:
    totals = dict(index["totals"])
    for name in ("next_expiry", "as_of"):
        totals[name] = datetime.fromisoformat(totals[name]) if totals[name] is not None else None
    return Index(tuple(Part(**part) for part in index["parts"]), frozenset(index["covered"]), Totals(**totals))


def encode(parts: Iterable[Part], covered: Iterable[str], totals: Totals) -> bytes:
    """Encodes an index as JSON."""
    index = {
        "parts": [asdict(part) for part in parts],
        "covered": sorted(covered),
        "totals": {name: _plain(value) for name, value in asdict(totals).items()},
    }
    return json.dumps(index).encode()


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
