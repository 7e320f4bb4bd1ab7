"""Defines the record of a lease, and reads and writes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Protocol

from anonymizer.errors import SourceGone

NAME = "_lease"
"""Name of the record in the manifest's folder."""

HEARTBEATS = 4
"""Number of heartbeats per `lease_s`."""

VALID_SHARE = 0.25
"""Share of `lease_s` for which a worker may act after it began to read a record of its own run."""


class Store(Protocol):
    """The methods of the manifest's folder that a lease needs (`storage.Root` has them)."""

    def get_with_version(self, name: str) -> tuple[bytes, str]: ...

    def publish(
        self, key: str, data: bytes, *, expected: str | None, media_type: str, check: Callable[[], None]
    ) -> str: ...


@dataclass(frozen=True)
class Record:
    """The content of the lease's file, which the holder writes.

    Attributes:
        token: Random, unique for each holder.
        epoch: Number of the holder; each new holder adds 1.
        host: See `process.machine`.
        pid: Process id of the driver.
        pid_started: See `process.start_ticks`; distinguishes processes with the same id.
        lease_s: Seconds without a heartbeat after which the holder counts as dead.
        since: Time at which it was taken, for messages.
        beat: Number of the heartbeat; each write adds 1.
        released: The holder has released the lease.
        run_id: Id of the holder's run, once it has one.
    """

    token: str
    epoch: int
    host: str
    pid: int
    pid_started: int
    lease_s: float
    since: str
    beat: int = 0
    released: bool = False
    run_id: str = ""


@dataclass(frozen=True, slots=True)
class Ticket:
    """Identifies a lease, so that a worker can check whether its run still has it."""

    token: str
    epoch: int
    lease_s: float


@dataclass(frozen=True)
class Found:
    """A lease that was read.

    Attributes:
        record: Its record; None if it is malformed.
        version: Version of the file.
    """

    record: Record | None
    version: str

    @property
    def is_released(self) -> bool:
        """Whether its holder has released it."""
        return self.record is not None and self.record.released


def read(store: Store) -> Found | None:
    """Reads the lease; returns None if it does not exist."""
    try:
        data, version = store.get_with_version(NAME)
    except SourceGone:
        return None
    try:
        return Found(Record(**json.loads(data)), version)
    except (ValueError, TypeError):
        return Found(None, version)


def write(store: Store, record: Record, expected: str | None) -> str:
    """Writes the record over the expected version only (None: it must not exist); returns the new version.

    Raises:
        PublishConflict: The file has another version.
    """
    data = json.dumps(asdict(record)).encode()
    return store.publish(NAME, data, expected=expected, media_type="application/json", check=lambda: None)
