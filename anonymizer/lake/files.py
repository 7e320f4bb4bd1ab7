"""Reads and writes single files at any URL, e.g. a registry or a report, with the credentials of the environment."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from anonymizer.errors import ConfigError, ObjectError, RunError
from anonymizer.lake.storage import is_local, local_path, normalize_uri, open_root, split_name
from anonymizer.sanitize import uri_without_secrets


def read_uri(uri: str, what: str) -> bytes:
    """Reads one file.

    Args:
        uri: URL of the file.
        what: Name of the file in error messages.

    Raises:
        ConfigError: It cannot be read.
    """
    folder, name = split_name(normalize_uri(uri))
    try:
        return open_root(folder).get(name)
    except (ObjectError, RunError) as error:
        raise ConfigError(f"{what} {uri_without_secrets(uri)} cannot be read: {_reason(error)}") from None


def write_uri(uri: str, data: bytes, *, private: bool = False) -> None:
    """Writes one file; an existing one is replaced.

    Args:
        uri: URL of the file.
        data: Its content.
        private: On a disk, only the owner may read it.

    Raises:
        ConfigError: The URL is not that of a file, or it cannot be written.
    """
    folder, name = split_name(normalize_uri(uri))
    # The lock file is in the file's folder: beside the folder, where a root has its lock, we may have no write access.
    lock = Path(local_path(folder), f".{name}.anon-lock") if is_local(folder) else None
    try:
        options = {"lock_path": str(lock)} if lock is not None else None
        open_root(folder, options, private=private).put(name, data)
    except (ObjectError, RunError) as error:
        raise ConfigError(f"{uri_without_secrets(uri)} cannot be written: {_reason(error)}") from None
    finally:
        if lock is not None:
            with suppress(OSError):
                lock.unlink()


def _reason(error: ObjectError | RunError) -> str:
    return str(getattr(error, "message", error))
