"""Identifies the process that has a lease, so that others on the same machine can check at once whether it is alive."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path


def machine() -> str:
    """Identifies the machine, its boot and its PID namespace (two containers have two)."""
    boot = space = ""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        space = str(Path("/proc/self/ns/pid").readlink())
    return f"{socket.gethostname()} {boot} {space}"


def start_ticks(pid: int) -> int:
    """Start time of a process in clock ticks since boot (field 22 of proc(5) stat); 0 if it is not known."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        return int(stat.rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0
