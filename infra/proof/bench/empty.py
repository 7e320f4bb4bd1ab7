"""What engine, chunks and manifest cost by themselves: a job whose pipeline does nothing, and its memory.

    python -m infra.proof.bench.empty COUNT RESULT.json

Everything but reading, the picture and publishing is the real thing: listing, plan, Ray, threads, rows, journal,
compaction. A process of its own, so that its memory is a driver's.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any
from unittest.mock import patch

from anonymizer.config import RunConfig, from_mapping
from anonymizer.errors import NotAnImage
from anonymizer.records import WorkItem
from anonymizer.run import driver
from anonymizer.run.driver import dispatch
from anonymizer.run.worker import Deadline, Job, Worker
from anonymizer.run.worker.computer import Computed, Computer
from anonymizer.run.worker.reader import Reader
from infra.proof.bench import memory
from infra.proof.bench.figures import Figure, at_most

WORKERS = 2
MARKS = (1_000, 10_000, 100_000)
"""Memory is read when so many objects are done."""
_PER_FOLDER = 1_000


class NoReader(Reader):
    """Reads nothing."""

    def _read(self, item: WorkItem, deadline: Deadline) -> bytes:
        del item
        deadline.check()
        return b""


class NoComputer(Computer):
    """Finds that nothing is a picture."""

    def compute(self, item: WorkItem, data: Future[bytes], deadline: Deadline) -> Computed:
        del deadline
        return Computed(item, NotAnImage(), time.monotonic(), data)


class EmptyWorker(Worker):
    """Neither reads nor computes: each object gets its row."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        engine = job.config.engine
        self._reader = NoReader(self._output, at_once=engine.io_threads, max_bytes=0)
        self._computer = NoComputer(self._computer._anonymizer, engine.image_time_s)


class Marks:
    """A run's progress: takes the time of the first and the last result, and memory at the marks."""

    def __init__(self) -> None:
        self.done = 0
        self.first: tuple[float, int] | None = None
        self.last = (0.0, 0)
        self.memory_mib: dict[int, tuple[float, list[float]]] = {}

    def start(self, run_id: str, unchanged: int) -> None:
        """Nothing is to be noted."""

    def advance(self, images: int, faces: int, failures: int, listed: int) -> None:
        del faces, failures, listed
        self.done += images
        self.last = (time.monotonic(), self.done)
        self.first = self.first or self.last
        for mark in MARKS:
            if self.done >= mark and mark not in self.memory_mib:
                self.memory_mib[mark] = (memory.own_mib(), memory.workers_mib())

    def close(self) -> None:
        """Nothing is held."""


def main(count: int) -> dict[str, object]:
    """Does the empty job over `count` files of one byte; what it took."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_files(folder / "in", count)
        config = from_mapping(
            RunConfig,
            {
                "input": str(folder / "in"),
                "output": str(folder / "out"),
                "detector": {"name": "patch"},
                "engine": {"workers": WORKERS, "address": "local"},
            },
        )
        marks = Marks()
        began = time.monotonic()
        # The one thing that is not real.
        with patch.object(dispatch, "Worker", EmptyWorker):
            driver.run(config, marks)
        ended = time.monotonic()
    since, before = marks.first or (began, 0)
    return {
        "whole_s": ended - began,
        "steady_s": ended - since,
        "steady_count": marks.done - before,
        "memory_mib": marks.memory_mib,
        "peak_mib": memory.own_peak_mib(),
    }


def make_files(folder: Path, count: int) -> None:
    """Files of one byte, a thousand a folder."""
    for first in range(0, count, _PER_FOLDER):
        below = folder / f"{first // _PER_FOLDER:04d}"
        below.mkdir(parents=True)
        for index in range(first, min(first + _PER_FOLDER, count)):
            (below / f"{index:07d}.jpg").write_bytes(b"x")


def figures(results: Sequence[Mapping[str, Any]]) -> list[Figure]:
    """What the runs of `main` say. The time starts with the first result and ends with the run, folding included."""
    cost = tuple(1000 * result["steady_s"] / result["steady_count"] for result in results)
    found = [Figure("e", "cost per object of an empty job", cost, "ms", at_most(0.5))]
    marks = list(results[0]["memory_mib"])
    if len(marks) > 1:
        growth = tuple(result["memory_mib"][marks[-1]][0] / result["memory_mib"][marks[0]][0] for result in results)
        name = f"driver's memory after {int(marks[-1]):,} objects against {int(marks[0]):,}"
        found.append(Figure("e", name, growth, "", at_most(1.2)))
    for mark in marks:
        drivers = tuple(result["memory_mib"][mark][0] for result in results)
        workers = tuple(max(result["memory_mib"][mark][1], default=0.0) for result in results)
        found.append(Figure("e", f"driver's memory after {int(mark):,} objects", drivers, "MiB"))
        found.append(Figure("e", f"largest worker's memory after {int(mark):,} objects", workers, "MiB"))
    return found


if __name__ == "__main__":
    memory.as_installed()
    Path(sys.argv[2]).write_text(json.dumps(main(int(sys.argv[1]))))
