"""What fsspec's `info` of an object says; each filesystem has its own words for version and time."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

_VERSIONS = ("etag", "ETag", "md5Hash", "content_md5", "checksum")
_TIMES = ("mtime", "modified", "last_modified", "LastModified", "updated", "created")


def fits(info: dict[str, Any], size: int) -> bool:
    """Whether an object may have a content of this length."""
    return info.get("size") in (None, size)


def version_of(info: dict[str, Any]) -> str:
    """Its ETag or checksum, else a digest of size and time."""
    for name in _VERSIONS:
        if info.get(name):
            return str(info[name]).strip('"')
    identity = [info.get("size"), str(_time(info))]
    return hashlib.blake2b(repr(identity).encode(), digest_size=16).hexdigest()


def _time(info: dict[str, Any]) -> object:
    """When it changed; listings and single answers may spell the same moment differently."""
    value = next((info[name] for name in _TIMES if info.get(name)), None)
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.fromtimestamp(value, UTC) if isinstance(value, (int, float)) else value


def modified(info: dict[str, Any]) -> datetime | None:
    """When it was written, if the filesystem says so."""
    moment = _time(info)
    return moment if isinstance(moment, datetime) else None
