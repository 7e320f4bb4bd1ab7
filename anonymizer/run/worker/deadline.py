"""The deadline of a chunk: until when its worker may read and publish."""

from __future__ import annotations

import threading
import time

from anonymizer.errors import DeadlinePassed
from anonymizer.lake.lease import Watch


class Deadline:
    """Tells a worker whether it may go on with a chunk. Asked before everything that cannot be taken back.

    It may not once the chunk's time is over (the driver then gives the chunk to another worker), once the run is
    stopped, or once the run may have lost its lease to another run.

    Args:
        time_s: Seconds that the chunk has from now on, on this process's monotonic clock.
        stopping: Set when the run is stopped.
        watch: Of the run's lease; None where nothing is written.
    """

    def __init__(self, time_s: float, stopping: threading.Event, watch: Watch | None = None) -> None:
        self._end = time.monotonic() + time_s
        self._stopping = stopping
        self._watch = watch

    def check(self) -> None:
        """Raises DeadlinePassed if the worker may not go on."""
        if self._stopping.is_set() or time.monotonic() >= self._end:
            raise DeadlinePassed
        if self._watch is not None:
            self._watch.check()
