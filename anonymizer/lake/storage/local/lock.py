"""The lock file of a local folder: between looking which version stands there and replacing it nobody else writes."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anonymizer.lake.storage.faults import file_errors
from anonymizer.lake.storage.keys import shortened

_SUFFIX = ".anon-lock"


def lock_beside(path: str) -> Path:
    """Where the lock file of a folder lies: beside it, so that no listing of the folder has it."""
    folder, name = os.path.split(path)
    return Path(folder, f".{shortened(name, len(_SUFFIX) + 1)}{_SUFFIX}")


@contextmanager
def locked(path: Path, mode: int) -> Iterator[None]:
    """Holds the lock, which other processes and threads wait for.

    Args:
        path: Of the lock file; it and its folder are made if they are not there.
        mode: Of the file, less the umask.

    Raises:
        AccessDenied, StorageUnavailable: The file cannot be made or locked.
    """
    with file_errors(writing=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        with file_errors(writing=True):
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
