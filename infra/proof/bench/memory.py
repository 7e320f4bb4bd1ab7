"""Read the resident memory of processes from `/proc` (Linux)."""

from __future__ import annotations

import importlib.abc
import os
import sys
from pathlib import Path

_MIB = 2**20
_WORKER = b"ray::Actor"


class _WithoutPandas(importlib.abc.MetaPathFinder):
    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        del path, target
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname, name=fullname)


def as_installed() -> None:
    """Hides pandas from PyArrow, which would load it; only development environments have it. Call before importing."""
    sys.meta_path.insert(0, _WithoutPandas())


def own_mib() -> float:
    """Resident memory of this process."""
    return _resident_mib(os.getpid())


def own_peak_mib() -> float:
    """Peak resident memory of this process."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def workers_mib() -> list[float]:
    """Resident memory of each worker that this process's Ray has started."""
    found = []
    for pid in _descendants(os.getpid()):
        try:
            if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(_WORKER):
                found.append(_resident_mib(pid))
        except OSError:
            continue  # It has ended meanwhile.
    return found


def _resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / _MIB


def _descendants(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The process name, in parentheses, may contain any character; the parent's pid is the second word after it.
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(path.parent.name))
    found, waiting = [], [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found
