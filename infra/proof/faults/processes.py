"""Start runs as processes and find their descendants in `/proc` (Linux)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

REPOSITORY = Path(__file__).parents[3]

_WORKER = b"ray::Actor"


def start(
    arguments: Sequence[str], said: IO[bytes], environ: Mapping[str, str], module: str
) -> subprocess.Popen[bytes]:
    """Starts `anonymizer run` with these arguments.

    Args:
        arguments: Behind `run`.
        said: Where its output goes.
        environ: Added to this process's.
        module: Run in place of `anonymizer`: one that does it with something wrong.
    """
    command = [sys.executable, "-m", module, "run", *arguments]
    surroundings = {**os.environ, "PYTHONPATH": str(REPOSITORY), **environ}
    return subprocess.Popen(command, stdout=said, stderr=said, cwd=REPOSITORY, env=surroundings)


def workers(root: int) -> list[int]:
    """Pids of the Ray workers below a process."""
    found = []
    for pid in descendants(root):
        with suppress(OSError):
            if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(_WORKER):
                found.append(pid)
    return found


def descendants(root: int) -> list[int]:
    """Pids of everything below a process."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name, in brackets, may hold anything; the parent is the second word behind it.
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(path.parent.name))
    found, waiting = [], [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def kill(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Sends a signal to one process, if it is there."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)
