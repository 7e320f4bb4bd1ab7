"""Which process holds a lease, so that another one of the same machine sees at once whether it still lives."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path


def machine() -> str:
    """Names the machine, its boot and the space in which its process numbers count (two containers have two)."""
    boot = space = ""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        space = str(Path("/proc/self/ns/pid").readlink())
    return f"{socket.gethostname()} {boot} {space}"


def start_ticks(pid: int) -> int:
    """Ticks since boot at which a process began (field 22 of proc(5) stat); 0 where that cannot be told."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        return int(stat.rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0
