"""Taking a lease: at once where it is free, after its holder's death where it is not."""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime

from anonymizer.errors import LeaseHeld, PublishConflict
from anonymizer.lake.lease.holder import Lease
from anonymizer.lake.lease.process import machine, start_ticks
from anonymizer.lake.lease.record import HEARTBEATS, VALID_SHARE, Found, Record, Store, read, write

log = logging.getLogger(__name__)

TRIES = 20
"""Races lost in a row before it is said that the store does not do what it should."""


def acquire(
    store: Store,
    lease_s: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Lease:
    """Takes the lease, or says who has it.

    Args:
        store: The manifest's folder.
        lease_s: Seconds after which a holder that sends no heartbeat any more is dead.
        clock: Monotonic seconds.
        sleep: Waits for so many seconds.

    Raises:
        LeaseHeld: A run is at work.
        RunError: The store cannot say.
    """
    for _ in range(TRIES):
        found = read(store)
        was_held = found is not None and not found.is_released
        if found is not None and was_held:
            _await_death(store, found, lease_s, clock, sleep)
        before = found.record if found is not None else None
        record = _mine(1 + (before.epoch if before is not None else 0), lease_s)
        began = time.monotonic()
        try:
            version = write(store, record, found.version if found is not None else None)
        except PublishConflict:
            continue
        taken = Lease(store, record, version, began)
        if was_held:
            # What the dead run's workers have seen last gives them this long.
            sleep(VALID_SHARE * (before.lease_s if before is not None else lease_s))
        return taken
    raise LeaseHeld("many runs want this OUTPUT at once")


def _await_death(
    store: Store, found: Found, lease_s: float, clock: Callable[[], float], sleep: Callable[[float], None]
) -> None:
    """Returns when the holder is dead, or has ended meanwhile; raises LeaseHeld as soon as it is seen to live."""
    record = found.record
    if record is not None and record.host == machine() and record.pid_started:
        if start_ticks(record.pid) == record.pid_started:
            raise _held(record)
        log.info("run %s ended without a word: taking over", record.run_id)
        return
    patience = record.lease_s if record is not None else lease_s
    log.info("a run ended without a word, or is at work elsewhere: watching its lease for %g s", patience)
    end = clock() + patience
    while clock() < end:
        sleep(min(patience / HEARTBEATS, max(0.0, end - clock())))
        now = read(store)
        if now is None or now.is_released:
            return
        if now.version != found.version:
            raise _held(now.record)


def _held(record: Record | None) -> LeaseHeld:
    if record is None:
        return LeaseHeld("another run is at work on this OUTPUT")
    where = f"process {record.pid} on {record.host.partition(' ')[0]}"
    return LeaseHeld(
        f"run {record.run_id or 'that begins'} is at work on this OUTPUT since {record.since} ({where}); "
        "wait for its end or stop it"
    )


def _mine(epoch: int, lease_s: float) -> Record:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return Record(secrets.token_hex(16), epoch, machine(), os.getpid(), start_ticks(os.getpid()), lease_s, since)
