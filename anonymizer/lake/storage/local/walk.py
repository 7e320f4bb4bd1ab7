"""Walks a local folder in the order of UTF-8 keys."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from anonymizer.errors import ListingError
from anonymizer.lake.storage.keys import spelled


@dataclass(frozen=True, slots=True)
class Entry:
    r"""Something that is not a folder.

    Attributes:
        key: Below the root, its parts as `keys.spelled` has them: no two entries share one.
        valid: Whether the name is UTF-8, hence the key is the name.
        status: Of the thing itself, links not followed.
    """

    key: str
    valid: bool
    status: os.stat_result


@dataclass(slots=True)
class _Folder:
    """One level of the walk: what is left of it, the next name last. A folder's name ends in a slash."""

    path: bytes
    prefix: str
    valid: bool
    names: list[bytes] = field(default_factory=list)


def walk(root: str, start_after: str = "") -> Iterator[Entry]:
    """Yields everything below a folder that is not a folder, in order; links are not followed.

    Memory holds the names of the folders on the way down, nothing else. Folders and files that vanish meanwhile are
    left out.

    Raises:
        FileNotFoundError: There is no such folder.
        ListingError: A folder cannot be listed.
    """
    stack = [_scan(_Folder(os.fsencode(root), "", True))]
    while stack:
        folder = stack[-1]
        if not folder.names:
            stack.pop()
            continue
        raw = folder.names.pop()
        key = folder.prefix + _spelled(raw)
        is_folder = raw.endswith(b"/")
        if key <= start_after and not (is_folder and start_after.startswith(key)):
            continue
        path, valid = folder.path + b"/" + raw.rstrip(b"/"), folder.valid and _spelled(raw).encode() == raw
        try:
            status = os.lstat(path)
            if is_folder:
                stack.append(_scan(_Folder(path, key, valid)))
        except FileNotFoundError:
            continue
        if not is_folder:
            yield Entry(key, valid, status)


def _spelled(raw: bytes) -> str:
    return spelled(raw[:-1]) + "/" if raw.endswith(b"/") else spelled(raw)


def _scan(folder: _Folder) -> _Folder:
    try:
        with os.scandir(folder.path) as entries:
            # A set: a folder that changes meanwhile may give a name twice.
            names = {e.name + b"/" if e.is_dir(follow_symlinks=False) else e.name for e in entries}
    except FileNotFoundError:
        raise
    except OSError as error:
        reason = "no permission" if isinstance(error, PermissionError) else "it cannot be read"
        raise ListingError(f"the folder {folder.prefix or './'!r} cannot be listed: {reason}") from None
    folder.names = sorted(names, key=_spelled, reverse=True)
    return folder
