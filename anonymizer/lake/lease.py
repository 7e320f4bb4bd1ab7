"""Who may work on an OUTPUT: one run at a time, and one that died cannot hold it for ever.

`_lease` in the manifest's folder names the holder, who writes it anew (a beat) several times in `lease_s`. No clocks of
two machines are compared: who finds a lease watches it, and a holder is dead whose record has not changed for
`lease_s` by the watcher's own monotonic clock, or at once if it was a process of this machine that is gone. A worker
acts only for a quarter of `lease_s` after it began to read a record of its own run (`Watch`); whoever takes over waits
as long after writing the new one, and then nobody works for the dead run any more.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, Self

from anonymizer.errors import AnonymizerError, DeadlinePassed, LeaseHeld, LeaseLost, PublishConflict, SourceGone

log = logging.getLogger(__name__)

NAME = "_lease"
BEATS = 4
"""Beats in `lease_s`."""
RIGHT = 0.25
"""Share of `lease_s` for which a worker may act after it has looked."""
LOOKS = 3
"""So often a worker looks in a row: the first look pays for the connection, and its answer may be too old by then."""
TRIES = 20
"""Races lost in a row before it is said that the store does not do what it should."""


class Store(Protocol):
    """What a lease needs of the manifest's folder (`storage.Root` has it)."""

    def get_with_version(self, name: str) -> tuple[bytes, str]: ...

    def publish(
        self, key: str, data: bytes, *, expected: str | None, media_type: str, alive: Callable[[], None]
    ) -> str: ...


@dataclass(frozen=True)
class Record:
    """The holder of a lease.

    Attributes:
        token: Random; nobody else has it.
        epoch: Raised by every holder.
        host: Name and boot of the machine.
        pid: Of the driver.
        pid_started: When that process began, by its machine's ticks: a pid is used again.
        lease_s: Seconds without a beat after which the holder is dead.
        since: For people.
        beat: Raised with every write.
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


class Lease:
    """A lease that is held; beats by itself until it is released or lost.

    Attributes:
        ticket: For the workers.
    """

    def __init__(self, store: Store, record: Record, version: str, beaten: float) -> None:
        self._store = store
        self._record = record
        self._version = version
        self._beaten = beaten
        self._changing = threading.Lock()
        self._ended = threading.Event()
        self._lost = False
        self.ticket = Ticket(record.token, record.epoch, record.lease_s)
        self._thread = threading.Thread(target=self._beat, name="lease", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def check(self) -> None:
        """Raises LeaseLost if somebody else may have taken over."""
        if self._lost or time.monotonic() - self._beaten >= self._record.lease_s * 0.75:
            self._lost = True
            raise LeaseLost("another run has taken over this OUTPUT, or the manifest's store did not answer in time")

    def set_run(self, run_id: str) -> None:
        """Names the run, for those who find the lease."""
        self._record = replace(self._record, run_id=run_id)

    def release(self) -> None:
        """Lets the next run begin at once; does nothing a second time."""
        self._ended.set()
        self._thread.join(timeout=self._record.lease_s)
        with self._changing:
            if self._lost or self._record.released:
                return
            self._record = replace(self._record, released=True)
        with suppress(AnonymizerError, OSError):
            self._write()

    def _beat(self) -> None:
        while not self._ended.wait(self._record.lease_s / BEATS):
            try:
                self._write()
            except PublishConflict:
                self._lost = True
                return
            except (AnonymizerError, OSError) as error:
                log.warning("the lease could not be renewed (%s)", type(error).__name__)

    def _write(self) -> None:
        with self._changing:
            record = replace(self._record, beat=self._record.beat + 1)
            since = time.monotonic()
            try:
                self._version = _written(self._store, record, self._version)
            except PublishConflict:
                # The answer to an earlier write of ours may have been lost.
                found = _read(self._store)
                if found is None or found.record is None or found.record.token != record.token:
                    raise
                self._version = _written(self._store, record, found.version)
            self._record, self._beaten = replace(self._record, beat=record.beat), since


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
        lease_s: Seconds after which a holder that does not beat any more is dead.
        clock: Monotonic seconds.
        sleep: Waits for so many seconds.

    Raises:
        LeaseHeld: A run is at work.
        RunError: The store cannot say.
    """
    for _ in range(TRIES):
        found = _read(store)
        in_order = found is None or (found.record is not None and found.record.released)
        if found is not None and not in_order:
            _watch(store, found, lease_s, clock, sleep)
        before = found.record if found is not None else None
        record = _mine(1 + (before.epoch if before is not None else 0), lease_s)
        since = time.monotonic()
        try:
            version = _written(store, record, found.version if found is not None else None)
        except PublishConflict:
            continue
        taken = Lease(store, record, version, since)
        if not in_order:
            # What the dead run's workers have seen last gives them this long.
            sleep(RIGHT * (before.lease_s if before is not None else lease_s))
        return taken
    raise LeaseHeld("many runs want this OUTPUT at once")


@dataclass(frozen=True)
class _Found:
    """A lease as it stands; without a record if it cannot be read."""

    record: Record | None
    version: str


def _read(store: Store) -> _Found | None:
    try:
        data, version = store.get_with_version(NAME)
    except SourceGone:
        return None
    try:
        return _Found(Record(**json.loads(data)), version)
    except (ValueError, TypeError):
        return _Found(None, version)


def _written(store: Store, record: Record, expected: str | None) -> str:
    data = json.dumps(asdict(record)).encode()
    return store.publish(NAME, data, expected=expected, media_type="application/json", alive=lambda: None)


def _watch(
    store: Store, found: _Found, lease_s: float, clock: Callable[[], float], sleep: Callable[[float], None]
) -> None:
    """Returns when the holder is dead; raises LeaseHeld as soon as it has been seen to live."""
    record = found.record
    if record is not None and record.host == _host() and record.pid_started:
        if _started(record.pid) == record.pid_started:
            raise _held(record)
        log.info("run %s ended without a word: taking over", record.run_id)
        return
    patience = record.lease_s if record is not None else lease_s
    log.info("a run ended without a word, or is at work elsewhere: watching its lease for %g s", patience)
    end = clock() + patience
    while clock() < end:
        sleep(min(patience / BEATS, max(0.0, end - clock())))
        now = _read(store)
        if now is None or (now.record is not None and now.record.released):
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
    return Record(secrets.token_hex(16), epoch, _host(), os.getpid(), _started(os.getpid()), lease_s, since)


def _host() -> str:
    """Names the machine, its boot and the space in which its process numbers count (two containers have two)."""
    boot = space = ""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        space = str(Path("/proc/self/ns/pid").readlink())
    return f"{socket.gethostname()} {boot} {space}"


def _started(pid: int) -> int:
    """Ticks since boot at which a process began (field 22 of proc(5) stat); 0 where that cannot be told."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        return int(stat.rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0


class Watch:
    """Lets a worker act only while its run holds the lease.

    Args:
        store: The manifest's folder.
        ticket: Of the run's lease.
        clock: Monotonic seconds.
    """

    def __init__(self, store: Store, ticket: Ticket, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._ticket = ticket
        self._clock = clock
        self._seen = -float("inf")
        self._looking = threading.Lock()

    def alive(self) -> None:
        """Raises DeadlinePassed unless the run was seen to hold its lease a short while ago."""
        right = self._ticket.lease_s * RIGHT
        if self._age() >= right / 2:
            with self._looking:
                if self._age() >= right / 2:
                    self._look_until(right)
        if self._age() >= right:
            raise DeadlinePassed

    def _age(self) -> float:
        return self._clock() - self._seen

    def _look_until(self, right: float) -> None:
        """Looks again where the run is alive but the answer took too long to give the right to anything."""
        for _ in range(LOOKS):
            if not self._look() or self._age() < right:
                return

    def _look(self) -> bool:
        """Reads the record; whether it is that of our run."""
        since = self._clock()
        try:
            found = _read(self._store)
        except (AnonymizerError, OSError):
            return False
        record = found.record if found is not None else None
        if record is not None and (record.token, record.epoch, record.released) == (
            self._ticket.token,
            self._ticket.epoch,
            False,
        ):
            self._seen = since
            return True
        self._seen = -float("inf")
        return False
