"""Takes a lease: at once if it is free, otherwise after its holder is known to be dead."""

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
"""Number of lost races in a row after which the attempt to take the lease fails."""


def acquire(
    store: Store,
    lease_s: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Lease:
    """Takes the lease.

    Args:
        store: The manifest's folder.
        lease_s: Seconds without a heartbeat after which a holder counts as dead.
        clock: Returns monotonic seconds.
        sleep: Sleeps for the given number of seconds.

    Raises:
        LeaseHeld: Another run has the lease; the message says which.
        RunError: The store could not be read.
    """
    for _ in range(TRIES):
        found = read(store)
        was_held = found is not None and not found.is_released
        if found is not None and was_held:
            _wait_until_dead(store, found, lease_s, clock, sleep)
        before = found.record if found is not None else None
        record = _new_record(1 + (before.epoch if before is not None else 0), lease_s)
        began = time.monotonic()
        try:
            version = write(store, record, found.version if found is not None else None)
        except PublishConflict:
            continue
        taken = Lease(store, record, version, began)
        if was_held:
            # Workers of the dead run may act for this long after they last read its record.
            sleep(VALID_SHARE * (before.lease_s if before is not None else lease_s))
        return taken
    raise LeaseHeld("several runs try to work on this OUTPUT at once")


def _wait_until_dead(
    store: Store, found: Found, lease_s: float, clock: Callable[[], float], sleep: Callable[[float], None]
) -> None:
    """Returns when the holder is dead or has released the lease; raises LeaseHeld once it is known to be alive."""
    record = found.record
    if record is not None and record.host == machine() and record.pid_started:
        if start_ticks(record.pid) == record.pid_started:
            raise _held(record)
        log.info("run %s stopped without releasing its lease: taking over", record.run_id)
        return
    timeout_s = record.lease_s if record is not None else lease_s
    log.info("another run has the lease, or stopped without releasing it: waiting %g s for a heartbeat", timeout_s)
    end = clock() + timeout_s
    while clock() < end:
        sleep(min(timeout_s / HEARTBEATS, max(0.0, end - clock())))
        now = read(store)
        if now is None or now.is_released:
            return
        if now.version != found.version:
            raise _held(now.record)


def _held(record: Record | None) -> LeaseHeld:
    if record is None:
        return LeaseHeld("another run is working on this OUTPUT")
    where = f"process {record.pid} on {record.host.partition(' ')[0]}"
    return LeaseHeld(
        f"run {record.run_id or '(starting)'} has been working on this OUTPUT since {record.since} ({where}); "
        "wait until it ends, or stop it"
    )


def _new_record(epoch: int, lease_s: float) -> Record:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return Record(secrets.token_hex(16), epoch, machine(), os.getpid(), start_ticks(os.getpid()), lease_s, since)
