"""The record of a lease: what it says, and how it is read and written."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Protocol

from anonymizer.errors import SourceGone

NAME = "_lease"
"""Of the record, in the manifest's folder."""

HEARTBEATS = 4
"""Heartbeats in `lease_s`."""

VALID_SHARE = 0.25
"""Share of `lease_s` for which a worker may act after it began to read a record of its own run."""


class Store(Protocol):
    """What a lease needs of the manifest's folder (`storage.Root` has it)."""

    def get_with_version(self, name: str) -> tuple[bytes, str]: ...

    def publish(
        self, key: str, data: bytes, *, expected: str | None, media_type: str, alive: Callable[[], None]
    ) -> str: ...


@dataclass(frozen=True)
class Record:
    """What the holder of a lease says of itself.

    Attributes:
        token: Random; nobody else has it.
        epoch: Number of the holder: each new one raises it.
        host: See `process.machine`.
        pid: Of the driver.
        pid_started: See `process.start_ticks`: a pid is used again.
        lease_s: Seconds without a heartbeat after which the holder is dead.
        since: When it was taken, for people.
        beat: Number of the heartbeat; raised with every write.
        released: The holder has ended in good order.
        run_id: Of the holder's run, once it has one.
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
    """What a worker needs to see whether its run still holds the lease."""

    token: str
    epoch: int
    lease_s: float


@dataclass(frozen=True)
class Found:
    """A lease as it stands.

    Attributes:
        record: None if it cannot be read.
        version: Of the file.
    """

    record: Record | None
    version: str

    @property
    def is_released(self) -> bool:
        """Whether its holder has ended in good order."""
        return self.record is not None and self.record.released


def read(store: Store) -> Found | None:
    """The lease as it stands now; None if nobody ever had it."""
    try:
        data, version = store.get_with_version(NAME)
    except SourceGone:
        return None
    try:
        return Found(Record(**json.loads(data)), version)
    except (ValueError, TypeError):
        return Found(None, version)


def write(store: Store, record: Record, expected: str | None) -> str:
    """Writes the record over the expected version only (None: there must be none); its new version.

    Raises:
        PublishConflict: Somebody else has written it.
    """
    data = json.dumps(asdict(record)).encode()
    return store.publish(NAME, data, expected=expected, media_type="application/json", alive=lambda: None)
