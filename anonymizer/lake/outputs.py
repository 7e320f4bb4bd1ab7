"""What stands in the place of an output: ours by its version or its content, or a stranger's, which is left alone."""

from __future__ import annotations

import hashlib

from anonymizer.errors import PublishConflict, SourceGone, StorageUnavailable
from anonymizer.lake.storage import Root


def has_content(root: Root, key: str, sha256: str | None) -> bool:
    """Whether an object is there and has this content: a copy that was restored has another version."""
    try:
        return sha256 is not None and hashlib.sha256(root.get(key)).hexdigest() == sha256
    except SourceGone:
        return False


def purge_ours(root: Root, key: str, etag: str | None, sha256: str | None) -> None:
    """Removes an output with all its versions. A stranger's file in its place stays; what lies below it goes.

    Args:
        root: OUTPUT.
        key: Of the output.
        etag: The version that its row names; None: whatever stands there is ours.
        sha256: Of the output, as its row has it.

    Raises:
        AccessDenied, StorageUnavailable, StorageError: Something of it may be left, or it lies where nobody can look.
    """
    try:
        root.purge(key, expected=etag)
    except PublishConflict:
        if has_content(root, key, sha256):
            root.purge(key)
        else:
            root.forget_older(key)
    if not root.knows_absence(key):
        raise StorageUnavailable("it lies in an empty folder, where a disk may not be mounted")
