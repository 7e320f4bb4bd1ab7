"""Defines what a listing says about one object."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ImageRef:
    """One listed object.

    Attributes:
        key: Path below the input root, `/` between parts, UTF-8.
        uri: Full fsspec URL.
        etag: The version that was listed: the store's ETag without quotes; on a disk a digest of inode, size and mtime.
        size: Size in bytes.
        modified: Time of the last change, UTC; None = the store does not say.
        archived: The object is archived and cannot be read before it is restored.
    """

    key: str
    uri: str
    etag: str
    size: int
    modified: datetime | None
    archived: bool = False
