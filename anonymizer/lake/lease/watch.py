"""Checks in a worker whether its run still has the lease; the worker acts only while that is certain."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from anonymizer.errors import AnonymizerError, DeadlinePassed
from anonymizer.lake.lease.record import VALID_SHARE, Store, Ticket, read

READS = 3
"""Maximum number of reads in a row: the first one also opens the connection, and may take too long to be valid."""


class Watch:
    """Lets a worker act only while its run has the lease.

    Args:
        store: The manifest's folder.
        ticket: Identifies the run's lease.
        clock: Returns monotonic seconds.
    """

    def __init__(self, store: Store, ticket: Ticket, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._ticket = ticket
        self._clock = clock
        # Start of the latest read that found this run to be the holder.
        self._seen = -float("inf")
        self._reading = threading.Lock()

    def check(self) -> None:
        """Raises DeadlinePassed unless the run was recently found to have its lease; reads the lease if necessary."""
        valid_s = self._ticket.lease_s * VALID_SHARE
        if self._age() >= valid_s / 2:
            with self._reading:
                if self._age() >= valid_s / 2:
                    self._read_until_valid(valid_s)
        if self._age() >= valid_s:
            raise DeadlinePassed

    def _age(self) -> float:
        return self._clock() - self._seen

    def _read_until_valid(self, valid_s: float) -> None:
        """Reads the lease; reads it again if this run has it but the read took longer than the result is valid."""
        for _ in range(READS):
            if not self._read() or self._age() < valid_s:
                return

    def _read(self) -> bool:
        """Reads the lease; returns whether this run has it."""
        since = self._clock()
        try:
            found = read(self._store)
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
        # Another run has it now; a lost lease is never given back.
        self._seen = -float("inf")
        return False
