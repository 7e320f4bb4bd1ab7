"""Determines the time for which a run evaluates consent. It never goes back, so expired grants stay expired."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime

from anonymizer.config import RunConfig
from anonymizer.errors import ConfigError
from anonymizer.lake.manifest import ManifestStore
from anonymizer.people import consent

log = logging.getLogger(__name__)


def time_of(config: RunConfig) -> datetime:
    """Returns the time given with `--as-of`, else the current time.

    Raises:
        ConfigError: The given time is malformed.
    """
    if config.as_of is None:
        return datetime.now(UTC)
    try:
        return consent.parse_time(config.as_of)
    except ValueError:
        raise ConfigError("--as-of takes an ISO 8601 time with offset, or a date") from None


@dataclass(frozen=True, slots=True)
class Decided:
    """The time for which a run evaluates consent.

    Attributes:
        as_of: That time, UTC.
        clock: The latest clock time of any run so far; None if all runs had `--as-of`.
    """

    as_of: datetime
    clock: datetime | None


def decided_at(config: RunConfig, as_of: datetime, manifest: ManifestStore) -> Decided:
    """Determines the time for which consent is evaluated: never earlier than in earlier runs, unless `--as-of` says so.

    If the clock is set back, expired grants must not become valid again. The time of an earlier `--as-of` stays in use
    until the clock passes it or another `--as-of` is given.

    Args:
        config: The settings; they say whether `--as-of` was given.
        as_of: Time of `--as-of` or of the clock, UTC.
        manifest: The run's manifest.
    """
    newest = max(manifest.runs(), default=None)
    record = manifest.read_run(newest) if newest is not None else {}
    recorded, clock = (
        datetime.fromisoformat(record[name]) if record.get(name) else None for name in ("as_of", "latest_clock")
    )
    if config.as_of is not None:
        return Decided(as_of, clock)
    latest = max(filter(None, (as_of, clock)))
    decided = max(filter(None, (latest, recorded)))
    if decided > as_of:
        log.warning(
            "the clock says %s, but an earlier run evaluated consent for %s: this run uses that time again; --as-of "
            "sets another",
            as_of.isoformat(timespec="seconds"),
            decided.isoformat(timespec="seconds"),
        )
    return Decided(decided, latest)
