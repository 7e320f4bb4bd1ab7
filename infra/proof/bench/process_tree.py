"""Run a command and add up what it and everything that it starts takes: CPU time, and memory of Ray's workers (Linux).

Ray's processes leave the tree of the command that started them, and raylet does not wait for its workers, so the
kernel's own sums miss them. They are known by a mark in their environment or by their parent, and each is read every
20 ms until it ends; what a process takes between its last reading and its end is not seen.
"""

from __future__ import annotations

import os
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_INTERVAL_S = 0.02
_MARK = "BENCH_RUN"
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / 2**20


@dataclass(frozen=True)
class Moment:
    """How far a command was.

    Attributes:
        cpu_s: User and system time of all its processes until then.
        wall_s: From its start until then.
        worker_mib: Resident memory of its largest worker; 0 without one.
    """

    cpu_s: float
    wall_s: float
    worker_mib: float


@dataclass(frozen=True)
class Usage:
    """What a command took.

    Attributes:
        marks: When what was waited for came true, one each.
        end: When it ended.
        worker_peak_mib: Most resident memory of any worker, as it was seen.
        driver_peak_mib: Likewise of the command's own process, as the kernel counts it.
    """

    marks: tuple[Moment, ...]
    end: Moment
    worker_peak_mib: float
    driver_peak_mib: float


@dataclass
class _Members:
    """The processes of one command, those that have ended too."""

    mark: bytes
    pids: set[int] = field(default_factory=set)
    others: set[int] = field(default_factory=set)
    cpu_s: dict[int, float] = field(default_factory=dict)

    def look(self) -> float:
        """Reads every member once.

        Returns:
            Resident MiB of the largest worker; 0 without one.
        """
        worker_mib = 0.0
        for pid in self._living():
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                if not self._is_member(pid, int(fields[1])):
                    continue
                self.cpu_s[pid] = (int(fields[11]) + int(fields[12])) / _TICKS
                title = Path(f"/proc/{pid}/cmdline").read_bytes()
                if title.startswith(b"ray::") and not title.startswith(b"ray::IDLE"):
                    worker_mib = max(worker_mib, int(fields[21]) * _PAGE_MIB)
            except OSError:
                continue  # It has ended meanwhile.
        return worker_mib

    def _living(self) -> list[int]:
        found = sorted(int(path.name) for path in Path("/proc").glob("[0-9]*"))
        self.others &= set(found)
        return [pid for pid in found if pid not in self.others]

    def _is_member(self, pid: int, parent: int) -> bool:
        """By its parent, or by the mark, which a process that names itself overwrites later."""
        if pid not in self.pids:
            if parent in self.pids or self.mark in Path(f"/proc/{pid}/environ").read_bytes():
                self.pids.add(pid)
            else:
                self.others.add(pid)
        return pid in self.pids


def measured(
    command: Sequence[str], environ: Mapping[str, str], waited_for: Sequence[Callable[[], bool]] = ()
) -> Usage:
    """Runs a command to its end.

    Args:
        command: Of one process, which may start others.
        environ: Its environment.
        waited_for: What comes true on the way, one after the other; each is asked until it does.

    Raises:
        SystemExit: It failed, or ended before all came true; the message has its last words.
    """
    mark = uuid.uuid4().hex
    members, passed = _Members(mark.encode()), list[Moment]()
    worker_peak_mib = driver_peak_mib = 0.0
    began = time.perf_counter()

    def moment(worker_mib: float) -> Moment:
        return Moment(sum(members.cpu_s.values()), time.perf_counter() - began, worker_mib)

    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env={**environ, _MARK: mark}, **pipes) as process:  # type: ignore[call-overload]
        members.pids.add(process.pid)
        errors = _Drained(process)
        is_over = False
        while not is_over:
            is_over = _has_ended(process.pid)
            worker_mib = members.look()
            worker_peak_mib = max(worker_peak_mib, worker_mib)
            driver_peak_mib = _peak_mib(process.pid) or driver_peak_mib
            while len(passed) < len(waited_for) and waited_for[len(passed)]():
                passed.append(moment(worker_mib))
            time.sleep(_INTERVAL_S)
        if process.wait() or len(passed) < len(waited_for):
            raise SystemExit(f"{' '.join(command)}: exit status {process.returncode}\n{errors.text()}")
    return Usage(tuple(passed), moment(0.0), worker_peak_mib, driver_peak_mib)


def _has_ended(pid: int) -> bool:
    """Whether a child has ended; it is not waited for, so that what it took can still be read."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


class _Drained:
    """What a process says on stderr, read beside it, so that it never waits for a reader."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        import threading

        self._lines: list[bytes] = []
        assert process.stderr is not None  # noqa: S101 - it is a pipe
        self._thread = threading.Thread(target=self._lines.extend, args=(process.stderr,), daemon=True)
        self._thread.start()

    def text(self) -> str:
        self._thread.join(10)
        return b"".join(self._lines[-20:]).decode(errors="replace")


def _peak_mib(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return int(status.split("VmHWM:")[1].split()[0]) / 1024 if "VmHWM:" in status else 0.0
