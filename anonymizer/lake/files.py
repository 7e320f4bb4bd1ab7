"""One file at any URL, read or written with the credentials of the environment: a registry, a report, an image."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from anonymizer.errors import ConfigError, ObjectError, RunError
from anonymizer.lake.storage import is_local, local_path, normalize_uri, open_root, split_name
from anonymizer.sanitize import uri_without_secrets


def read_uri(uri: str, what: str) -> bytes:
    """Reads one file.

    Args:
        uri: Of the file.
        what: Names it in the error's line.

    Raises:
        ConfigError: It cannot be read.
    """
    folder, name = split_name(normalize_uri(uri))
    try:
        return open_root(folder).get(name)
    except (ObjectError, RunError) as error:
        raise ConfigError(f"{what} {uri_without_secrets(uri)} cannot be read: {_reason(error)}") from None


def write_uri(uri: str, data: bytes, *, private: bool = False) -> None:
    """Writes one file, whatever stood there.

    Args:
        uri: Of the file.
        data: Its content.
        private: On a disk it is for its owner only.

    Raises:
        ConfigError: The URL names no file, or it cannot be written.
    """
    folder, name = split_name(normalize_uri(uri))
    # The lock lies in the file's folder: beside that, where a root has its lock, we may not be allowed to write.
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
