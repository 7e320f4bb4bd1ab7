"""Run `anonymizer` with injected faults: `python -m infra.proof.faults.injected run ...`.

FAULT_HANG names a key whose processing never ends, FAULT_MEMORY a key whose processing kills the worker by SIGKILL as
the kernel's out-of-memory killer does, FAULT_CLOCK_S the seconds by which the driver's clock is wrong.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from concurrent.futures import Future
from datetime import datetime, timedelta, tzinfo
from unittest import mock

from anonymizer import cli
from anonymizer.records import WorkItem
from anonymizer.run import context
from anonymizer.run.driver import dispatch
from anonymizer.run.worker import Deadline, Job, Worker
from anonymizer.run.worker.computer import Computed, Computer


class FaultyComputer(Computer):
    """Hangs or kills its process for the configured keys."""

    def compute(self, item: WorkItem, data: Future[bytes], deadline: Deadline) -> Computed:
        if item.ref.key == os.environ.get("FAULT_MEMORY"):
            os.kill(os.getpid(), signal.SIGKILL)
        if item.ref.key == os.environ.get("FAULT_HANG"):
            self._thread.submit(threading.Event().wait)
        return super().compute(item, data, deadline)


class FaultyWorker(Worker):
    """A worker with a `FaultyComputer`."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        sound = self._computer
        self._computer = FaultyComputer(sound._anonymizer, sound._image_time_s)


class WrongClock(datetime):
    """A clock that is off by FAULT_CLOCK_S."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> WrongClock:
        right = super().now(tz)
        return right + timedelta(seconds=float(os.environ.get("FAULT_CLOCK_S", "0")))


def main(argv: list[str]) -> int:
    """Runs the command line with its workers and its clock replaced."""
    # Through the importable module name, so that worker processes can unpickle the classes.
    here = importlib.import_module("infra.proof.faults.injected")
    with (
        mock.patch.object(dispatch, "Worker", here.FaultyWorker),
        mock.patch.object(context, "datetime", here.WrongClock),
    ):
        return cli.main(argv, os.environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
