"""Implements the deadline of a chunk, after which its worker must not read or publish for it."""

from __future__ import annotations

import threading
import time

from anonymizer.errors import DeadlinePassed
from anonymizer.lake.lease import Watch


class Deadline:
    """Decides whether a worker may continue with a chunk; is checked before every read, write and removal.

    It may not continue after the chunk's time limit (the driver then gives the chunk to another worker), when the run
    is stopped, or when the run may have lost its lease to another run.

    Args:
        time_s: Time limit in seconds from now, on this process's monotonic clock.
        stopping: Is set when the run is stopped.
        watch: Watches the run's lease; None if nothing is written.
    """

    def __init__(self, time_s: float, stopping: threading.Event, watch: Watch | None = None) -> None:
        self._end = time.monotonic() + time_s
        self._stopping = stopping
        self._watch = watch

    def check(self) -> None:
        """Raises DeadlinePassed if the worker may not continue."""
        if self._stopping.is_set() or time.monotonic() >= self._end:
            raise DeadlinePassed
        if self._watch is not None:
            self._watch.check()
