"""Fuzz one target in a child process with bounded memory, started and watched by `infra.proof.fuzz.run`."""

from __future__ import annotations

import faulthandler
import pickle
import resource
import sys
import time
from pathlib import Path

import cv2
from PIL import AvifImagePlugin

from infra.proof.fuzz.corpus import samples
from infra.proof.fuzz.explore import Finding, Tally, explore, judged
from infra.proof.fuzz.invariants import MAX_PIXELS
from infra.proof.fuzz.targets import Sample, Target, targets
from infra.proof.fuzz.tasks import Result, Task
from infra.proof.fuzz.watch import Board

BYTES_PER_PIXEL = 64
FIXED_BYTES = 192 * 2**20
LIMIT_BYTES = FIXED_BYTES + BYTES_PER_PIXEL * MAX_PIXELS
"""Memory that a child may take beyond what it has when its corpus is ready."""


def perform(task: Task, board: Board) -> Result:
    """Does a task with as much memory as `LIMIT_BYTES`; the board is up to date at any time."""
    target = targets()[task.target]
    corpus = samples(target, task.folder) if task.sample is None else [task.sample]
    base_kib = _limit_memory()
    if task.sample is not None:
        tally = _replayed(target, task.sample, board)
    else:
        end = time.monotonic() + task.seconds
        tally = explore(target, corpus, task.seed, lambda _: time.monotonic() < end, board.note)
    return Result(tally, len(corpus), base_kib, _peak_kib())


def _replayed(target: Target, sample: Sample, board: Board) -> Tally:
    tally = Tally(executions=1)
    board.note(tally, sample)
    outcome = judged(target, sample)
    if isinstance(outcome, Finding):
        tally.add(outcome)
    return tally


def _limit_memory() -> int:
    """Bounds the address space to what there is now and `LIMIT_BYTES`; what is resident now, in KiB."""
    # The peak is counted from here.
    Path("/proc/self/clear_refs").write_text("5")
    pages, resident = (int(word) for word in Path("/proc/self/statm").read_text().split()[:2])
    limit = pages * resource.getpagesize() + LIMIT_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    return resident * resource.getpagesize() // 1024


def _peak_kib() -> int:
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))


def main(folder: Path) -> None:
    """Does the task that lies in the folder and leaves the result there."""
    cv2.setNumThreads(1)
    # Starting threads takes longer than decoding a picture of 20 pixels.
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    task: Task = pickle.loads((folder / "task").read_bytes())  # noqa: S301 - our parent wrote it
    with (folder / "trace").open("w") as trace, Board(folder / "board") as board:
        faulthandler.enable(trace)
        result = perform(task, board)
        faulthandler.disable()
    (folder / "result").write_bytes(pickle.dumps(result))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
