"""Implements the holder of a lease: writes heartbeats, and detects that another run has taken over."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from dataclasses import replace
from typing import Self

from anonymizer.errors import AnonymizerError, LeaseLost, PublishConflict
from anonymizer.lake.lease.record import HEARTBEATS, Record, Store, Ticket, read, write

log = logging.getLogger(__name__)

SAFE_SHARE = 0.75
"""Share of `lease_s` after a heartbeat for which the holder relies on its lease; others wait for all of `lease_s`."""


class Lease:
    """A lease that this process has. A thread renews it until it is released or lost.

    Args:
        store: The manifest's folder.
        record: The record, as it was written.
        version: Version of the written file.
        written: Time at which that write began, on the monotonic clock.

    Attributes:
        ticket: Identifies the lease for the workers.
    """

    def __init__(self, store: Store, record: Record, version: str, written: float) -> None:
        self._store = store
        self._record = record
        self._version = version
        self._renewed = written
        self._changing = threading.Lock()
        self._ended = threading.Event()
        self._lost = False
        self.ticket = Ticket(record.token, record.epoch, record.lease_s)
        self._thread = threading.Thread(target=self._heartbeats, name="lease", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def check(self) -> None:
        """Raises LeaseLost if another run may have taken over."""
        if self._lost or time.monotonic() - self._renewed >= self._record.lease_s * SAFE_SHARE:
            self._lost = True
            raise LeaseLost("another run has taken over this OUTPUT, or the lease could not be renewed in time")

    def set_run(self, run_id: str) -> None:
        """Sets the run's id, which is shown to others that find the lease."""
        self._record = replace(self._record, run_id=run_id)

    def release(self) -> None:
        """Releases the lease, so that the next run can begin at once; further calls do nothing."""
        self._ended.set()
        self._thread.join(timeout=self._record.lease_s)
        with self._changing:
            if self._lost or self._record.released:
                return
            self._record = replace(self._record, released=True)
        with suppress(AnonymizerError, OSError):
            self._heartbeat()

    def _heartbeats(self) -> None:
        while not self._ended.wait(self._record.lease_s / HEARTBEATS):
            try:
                self._heartbeat()
            except PublishConflict:
                self._lost = True
                return
            except (AnonymizerError, OSError) as error:
                log.warning("the lease could not be renewed (%s)", type(error).__name__)

    def _heartbeat(self) -> None:
        with self._changing:
            record = replace(self._record, beat=self._record.beat + 1)
            began = time.monotonic()
            try:
                self._version = write(self._store, record, self._version)
            except PublishConflict:
                # An earlier heartbeat of ours may have been written although its response was lost.
                found = read(self._store)
                if found is None or found.record is None or found.record.token != record.token:
                    raise
                self._version = write(self._store, record, found.version)
            self._record, self._renewed = replace(self._record, beat=record.beat), began
