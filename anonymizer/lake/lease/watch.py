"""What a worker does with a lease: it watches whether its run still holds it, and acts only as long as that is sure."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from anonymizer.errors import AnonymizerError, DeadlinePassed
from anonymizer.lake.lease.record import VALID_SHARE, Store, Ticket, read

READS = 3
"""So often a worker looks in a row: the first look pays for the connection, and its answer may be too old by then."""


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
        # When the reading began that last found our run to be the holder.
        self._seen = -float("inf")
        self._looking = threading.Lock()

    def check(self) -> None:
        """Raises DeadlinePassed unless the run was seen to hold its lease a short while ago."""
        right = self._ticket.lease_s * VALID_SHARE
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
        for _ in range(READS):
            if not self._look() or self._age() < right:
                return

    def _look(self) -> bool:
        """Reads the record; whether it is that of our run."""
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
        # Somebody else holds it now, and a lease that is lost never comes back.
        self._seen = -float("inf")
        return False
