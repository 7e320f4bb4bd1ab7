"""Run each target in a watched child process, so that crashes and hangs become findings."""

from __future__ import annotations

import os
import pickle
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from infra.proof.fuzz.explore import Finding, Tally
from infra.proof.fuzz.tasks import Result, Task
from infra.proof.fuzz.watch import Board

HANG_PROCESSOR_S = 5.0
HANG_CLOCK_S = 60.0
"""An input hangs after so much time of a processor, or, should it only wait, by the clock: a busy machine hangs not."""
_POLL_S = 0.1
_START_S = 120.0
_ENVIRONMENT = {"MALLOC_ARENA_MAX": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OPENCV_LOG_LEVEL": "OFF"}
"""Threads and their heaps would count against the limit of the address space."""
_FRAME = re.compile(r'File ".*?((?:anonymizer|PIL|pi_heif|cv2)/[^"]+)", line (\d+)')


@dataclass(slots=True)
class Score:
    """What is known of one target after a run: the tallies of all its children, added up."""

    target: str
    corpus: int = 0
    executions: int = 0
    accepted: int = 0
    refused: int = 0
    out_of_memory: int = 0
    slowest_s: float = 0.0
    grown_mib: float = 0.0
    findings: dict[str, Finding] = field(default_factory=dict)

    def add(self, tally: Tally) -> None:
        """Takes in what a child counted and found."""
        self.executions += tally.executions
        self.accepted += tally.accepted
        self.refused += tally.refused
        self.out_of_memory += tally.out_of_memory
        self.slowest_s = max(self.slowest_s, tally.slowest_s)
        for place, finding in tally.findings.items():
            self.findings.setdefault(place, finding)


def fuzz(task: Task) -> Score:
    """Fuzzes one target for the task's seconds; a child that does not come back is replaced."""
    score, end, seed = Score(task.target), time.monotonic() + task.seconds, task.seed
    while (left := end - time.monotonic()) > 0:
        came = _run(replace(task, seed=seed, seconds=left))
        _confirm_hangs(task, came.tally)
        score.add(came.tally)
        score.corpus = max(score.corpus, came.corpus)
        score.grown_mib = max(score.grown_mib, (came.peak_kib - came.base_kib) / 1024)
        seed += 1
    return score


def replay(task: Task) -> Tally:
    """Judges the task's one sample in a child."""
    return _run(task).tally


def _confirm_hangs(task: Task, tally: Tally) -> None:
    """Drops hangs that a second try does not see: then it was the machine that stood still."""
    for place, finding in list(tally.findings.items()):
        if finding.kind == "hang" and not replay(replace(task, sample=finding.sample)).findings:
            del tally.findings[place]


def _run(task: Task) -> Result:
    """One child, from its start to its end, whatever that is."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        folder = Path(name)
        (folder / "task").write_bytes(pickle.dumps(task))
        with Board(folder / "board") as board:
            command = [sys.executable, "-m", "infra.proof.fuzz.child", name]
            # Codecs write a line for each damaged file to the standard error.
            quiet = subprocess.DEVNULL
            child = subprocess.Popen(command, env={**os.environ, **_ENVIRONMENT}, stdout=quiet, stderr=quiet)
            hung = _watched(child, board, task.seconds)
            if not hung and child.returncode == 0:
                return pickle.loads((folder / "result").read_bytes())  # type: ignore[no-any-return] # noqa: S301 - our child wrote it
            return _lost(board, child.returncode, hung, (folder / "trace").read_text())


def _watched(child: subprocess.Popen[bytes], board: Board, seconds: float) -> bool:
    """Waits for the end of a child; one that holds an input for too long is ended. Whether that was so."""
    latest = time.monotonic() + seconds + _START_S
    while child.poll() is None:
        clock_s, processor_s = board.running_s(child.pid)
        if processor_s > HANG_PROCESSOR_S or clock_s > HANG_CLOCK_S or time.monotonic() > latest:
            # Its fault handler writes down where it hangs.
            child.send_signal(signal.SIGABRT)
            child.wait()
            return True
        time.sleep(_POLL_S)
    return False


def _lost(board: Board, status: int, hung: bool, trace: str) -> Result:
    """What is left of a child that did not come to its end: the input that it held is a finding."""
    frame = _FRAME.search(trace)
    place = f"{frame[1]}:{frame[2]}" if frame else ""
    kind = "hang" if hung else f"crash {signal.Signals(-status).name if status < 0 else status}"
    tally = board.tally()
    finding = Finding(board.sample(), kind, f"{kind} {place}".strip())
    tally.add(finding)
    return Result(tally, 0, 0, 0)
