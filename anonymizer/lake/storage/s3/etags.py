"""Versions as S3 spells them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from anonymizer.errors import StorageError

_MD5 = re.compile(r"[0-9A-Fa-f]{32}")
_DIGEST = re.compile(r"[0-9A-Fa-f]{32}(-\d+)?")
"""ETags that are a digest; of multipart uploads one with the number of parts."""


def etag_of(answer: dict[str, Any]) -> str:
    """The version in an answer or in an entry of a listing, without quotes; `StorageError` without one."""
    tag = bare(answer.get("ETag") or "")
    if not tag:
        raise StorageError("an answer without an ETag")
    return tag


def bare(tag: str) -> str:
    """An ETag without quotes and without the mark of a weak one, which proxies add when they compress."""
    return tag.strip().removeprefix("W/").strip('"')


def etag_of_parts(tags: Sequence[str]) -> str:
    """The ETag of an object that was uploaded in parts: the MD5 of their MD5s, and their number.

    Args:
        tags: ETags of the parts, in order.

    Returns:
        Empty where one of them is no MD5, as with encryption by keys of KMS.
    """
    found = [bare(tag) for tag in tags]
    if not all(_MD5.fullmatch(tag) for tag in found):
        return ""
    together = hashlib.md5(b"".join(map(bytes.fromhex, found)), usedforsecurity=False)
    return f"{together.hexdigest()}-{len(found)}"


def same(listed: str, answered: str) -> bool:
    """Whether two spellings name one version: a digest is the same in capitals, anything else is not."""
    one, other = bare(listed), bare(answered)
    if one == other:
        return bool(one)
    return bool(_DIGEST.fullmatch(one)) and one.lower() == other.lower()
