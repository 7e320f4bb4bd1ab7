"""Run a command and add up what it and everything that it starts takes: CPU time, and memory of Ray's workers (Linux).

Ray's processes leave the tree of the command that started them, and raylet does not wait for its workers, so the
kernel's own sums miss them. They are known by a mark in their environment or by their parent, and each is read every
20 ms until it ends; what ends sooner than that is not seen.
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


@dataclass
class Usage:
    """What a command took.

    Attributes:
        cpu_s: User and system time of all its processes.
        wall_s: From its start to its end.
        first_cpu_s: CPU time when the first result was there; 0 if there was none.
        first_wall_s: Seconds from the start likewise.
        first_worker_mib: Resident memory of the largest worker at that moment.
        last_worker_mib: Likewise, when a worker was last seen.
        peak_worker_mib: The largest ever seen.
        driver_peak_mib: Of the command's own process.
    """

    cpu_s: float = 0.0
    wall_s: float = 0.0
    first_cpu_s: float = 0.0
    first_wall_s: float = 0.0
    first_worker_mib: float = 0.0
    last_worker_mib: float = 0.0
    peak_worker_mib: float = 0.0
    driver_peak_mib: float = 0.0


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
    command: Sequence[str], environ: Mapping[str, str], *, is_first_there: Callable[[], bool] | None = None
) -> Usage:
    """Runs a command to its end.

    Args:
        command: Of one process, which may start others.
        environ: Its environment.
        is_first_there: Says whether the first result is there.

    Raises:
        SystemExit: It failed; the message has its last words.
    """
    mark = uuid.uuid4().hex
    members, usage = _Members(mark.encode()), Usage()
    began = time.perf_counter()
    with subprocess.Popen(
        command, env={**environ, _MARK: mark}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        members.pids.add(process.pid)
        errors = _Drained(process)
        while process.poll() is None:
            worker_mib = members.look()
            usage.last_worker_mib = worker_mib or usage.last_worker_mib
            usage.peak_worker_mib = max(usage.peak_worker_mib, worker_mib)
            usage.driver_peak_mib = _peak_mib(process.pid) or usage.driver_peak_mib
            if is_first_there is not None and not usage.first_wall_s and is_first_there():
                usage.first_wall_s = time.perf_counter() - began
                usage.first_cpu_s, usage.first_worker_mib = sum(members.cpu_s.values()), worker_mib
            time.sleep(_INTERVAL_S)
        usage.wall_s = time.perf_counter() - began
        usage.cpu_s = sum(members.cpu_s.values())
        if process.returncode:
            raise SystemExit(f"{' '.join(command)}: exit status {process.returncode}\n{errors.text()}")
    return usage


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
