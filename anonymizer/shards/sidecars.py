"""Decides which side-cars of pictures are kept, and takes out of them what would tell of the originals.

A side-car is kept only if `shards.keep` names it. Tools that fill lakes write into JSON and tables what identifies the
original: all EXIF tags and the SHA-256 of the download (img2dataset), URLs, perceptual hashes, thumbnails, embeddings.
It is taken out unless it is named itself: `json.url`, or for a column of a table `url`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from anonymizer.shards.content import Content

ALL = "*"
_LEAK = re.compile(
    r"(.*[_\W])?(exif|xmp|iptc|gps).*|(.*[_\W])?(icc|url|uri|link|href|path|file_?name|thumb(nail)?s?|preview|embeddings?|features?"
    r"|sha\d*|md5|crc32|hash|[adpw]hash|phash\d*|checksum|etag|latitude|longitude|lat|lon|lng|geo|location|author|artist"
    r"|creator|owner|copyright|camera|serial)([_\W].*)?",
    re.IGNORECASE,
)
"""Names of values that identify an original, or that show it."""


def is_kept(name: str, keep: Sequence[str]) -> bool:
    """Whether a column of a table is kept.

    Args:
        name: Its name.
        keep: `shards.keep`.
    """
    return name in keep or (ALL in keep and not is_leak(name))


def is_leak(name: str) -> bool:
    """Whether a value with this name may identify the original: only a user who names it gets it."""
    return _LEAK.fullmatch(name) is not None


def name_of(field: str, content: Content) -> str:
    """The name under which a member that is left out is counted."""
    if content is Content.CONTAINER:
        return str(content.value)
    return field or "members without a field"


def kept(field: str, data: bytes, content: Content, keep: Sequence[str]) -> bytes | None:
    """The bytes of a side-car that is kept; None if it is left out.

    Args:
        field: Its field, as in `sample_of`.
        data: Its bytes.
        content: What they are.
        keep: `shards.keep`: fields, compared without case; `*` = every field of text.
    """
    field = field.lower()
    named = field in [name.lower() for name in keep]
    if content is Content.CONTAINER or not field or not (named or (ALL in keep and content is Content.TEXT)):
        return None
    if field.rpartition(".")[2] in ("json", "jsonl", "ndjson"):
        return _clean(field, data, keep)
    return data if named or not is_leak(field) else None


def _clean(field: str, data: bytes, keep: Sequence[str]) -> bytes | None:
    """JSON without the values that tell of the original; None if it cannot be read."""
    try:
        documents = [json.loads(data)] if field.endswith(".json") or field == "json" else _lines(data)
    except (ValueError, RecursionError):
        return None
    named = {name[len(field) + 1 :] for name in keep if name.lower().startswith(f"{field}.")}
    texts = [json.dumps(_without_leaks(document, named), ensure_ascii=False) for document in documents]
    return "\n".join(texts).encode("utf-8", "surrogatepass")


def _lines(data: bytes) -> list[Any]:
    return [json.loads(line) for line in data.splitlines() if line.strip()]


def _without_leaks(value: Any, named: set[str]) -> Any:
    if isinstance(value, dict):
        kept_names = (name for name in value if name in named or not is_leak(name))
        return {name: _without_leaks(value[name], named) for name in kept_names}
    if isinstance(value, list):
        return [_without_leaks(item, named) for item in value]
    return value
