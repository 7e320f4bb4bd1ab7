"""The time for which a run decides consent. A clock that was put back must not let expired grants live again."""

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
    """The time that the user gave with `--as-of`, else what the clock says.

    Raises:
        ConfigError: It is no time.
    """
    if config.as_of is None:
        return datetime.now(UTC)
    try:
        return consent.parse_time(config.as_of)
    except ValueError:
        raise ConfigError("--as-of takes an ISO 8601 time with offset, or a date") from None


@dataclass(frozen=True, slots=True)
class Decided:
    """The time for which a run decides consent.

    Attributes:
        as_of: That time, UTC.
        clock: The latest time that the clock of any run has shown; None if none was asked.
    """

    as_of: datetime
    clock: datetime | None


def decided_at(config: RunConfig, as_of: datetime, manifest: ManifestStore) -> Decided:
    """The time for which consent is decided: never before one that the manifest knows, unless `--as-of` says so.

    A clock that was put back would let expired grants live again. What `--as-of` has said holds until the clock passes
    it or another `--as-of` is given.

    Args:
        config: Whether the time was given.
        as_of: What the user or the clock says, UTC.
        manifest: Of the run.
    """
    newest = max(manifest.runs(), default=None)
    record = manifest.read_run(newest) if newest is not None else {}
    said, clock = (
        datetime.fromisoformat(record[name]) if record.get(name) else None for name in ("as_of", "latest_clock")
    )
    if config.as_of is not None:
        return Decided(as_of, clock)
    latest = max(filter(None, (as_of, clock)))
    decided = max(filter(None, (latest, said)))
    if decided > as_of:
        log.warning(
            "the clock says %s, but consent was decided as of %s before: it is again, unless --as-of is given",
            as_of.isoformat(timespec="seconds"),
            decided.isoformat(timespec="seconds"),
        )
    return Decided(decided, latest)
