"""Measure the overhead of engine, chunks and manifest: time and memory of a job whose pipeline does nothing.

    python -m infra.proof.bench.empty COUNT RESULT.json

Reading, image processing and publishing are replaced; listing, plan, Ray, threads, rows, journal and compaction are
real. Runs in a process of its own, so that the measured memory is the driver's.
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
"""Memory is measured after these numbers of objects."""
_PER_FOLDER = 1_000


class NoReader(Reader):
    """Reads nothing."""

    def _read(self, item: WorkItem, deadline: Deadline) -> bytes:
        del item
        deadline.check()
        return b""


class NoComputer(Computer):
    """Rejects every object as not an image."""

    def compute(self, item: WorkItem, data: Future[bytes], deadline: Deadline) -> Computed:
        del deadline
        return Computed(item, NotAnImage(), time.monotonic(), data)


class EmptyWorker(Worker):
    """Neither reads nor computes; writes a row for each object."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        engine = job.config.engine
        self._reader = NoReader(self._output, at_once=engine.io_threads, max_bytes=0)
        self._computer = NoComputer(self._computer._anonymizer, engine.image_time_s)


class Marks:
    """A progress sink that records the times of the first and last result, and memory at `MARKS`."""

    def __init__(self) -> None:
        self.done = 0
        self.first: tuple[float, int] | None = None
        self.last = (0.0, 0)
        self.memory_mib: dict[int, tuple[float, list[float]]] = {}

    def start(self, run_id: str, unchanged: int) -> None:
        """Does nothing."""

    def advance(self, images: int, faces: int, failures: int, listed: int) -> None:
        del faces, failures, listed
        self.done += images
        self.last = (time.monotonic(), self.done)
        self.first = self.first or self.last
        for mark in MARKS:
            if self.done >= mark and mark not in self.memory_mib:
                self.memory_mib[mark] = (memory.own_mib(), memory.workers_mib())

    def close(self) -> None:
        """Does nothing."""


def main(count: int) -> dict[str, object]:
    """Runs the empty job over `count` files of one byte and returns the measurements."""
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
        # Only the worker is replaced.
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
    """Makes files of one byte, a thousand per folder."""
    for first in range(0, count, _PER_FOLDER):
        below = folder / f"{first // _PER_FOLDER:04d}"
        below.mkdir(parents=True)
        for index in range(first, min(first + _PER_FOLDER, count)):
            (below / f"{index:07d}.jpg").write_bytes(b"x")


def figures(results: Sequence[Mapping[str, Any]]) -> list[Figure]:
    """The figures from results of `main`. Time counts from the first result to the end of the run's compaction."""
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
