"""Recognizes and removes outputs by version or content; files that this software did not write are never removed."""

from __future__ import annotations

import hashlib

from anonymizer.errors import PublishConflict, SourceGone, StorageUnavailable
from anonymizer.lake.storage import Root


def has_content(root: Root, key: str, sha256: str | None) -> bool:
    """Whether an object exists and has this content; a copy restored from a backup has the content, not the version."""
    try:
        return sha256 is not None and hashlib.sha256(root.get(key)).hexdigest() == sha256
    except SourceGone:
        return False


def purge_ours(root: Root, key: str, etag: str | None, sha256: str | None) -> None:
    """Removes an output with all its object versions.

    If the object was replaced by a file that this software did not write, that file stays, and only older versions are
    removed.

    Args:
        root: OUTPUT.
        key: Key of the output.
        etag: Version in its row; None: remove any version.
        sha256: SHA-256 of the output in its row.

    Raises:
        AccessDenied, StorageUnavailable, StorageError: Some of it may be left, or its folder cannot be read.
    """
    try:
        root.purge(key, expected=etag)
    except PublishConflict:
        if has_content(root, key, sha256):
            root.purge(key)
        else:
            root.forget_older(key)
    if not root.knows_absence(key):
        raise StorageUnavailable("its folder is empty and may be the mount point of a disk that is not mounted")
