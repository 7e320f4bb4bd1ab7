"""Looking for a marker in everything that a run leaves, however it is written."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

_ZLIB_START = re.compile(rb"\x78[\x01\x5e\x9c\xda]")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{40,}={0,2}")


def forms(marker: bytes) -> tuple[bytes, ...]:
    """The marker as it may stand in a file: as it is, in wide characters, in hexadecimal."""
    text = marker.decode()
    return (marker, text.encode("utf-16-le"), text.encode("utf-16-be"), marker.hex().encode())


def holds(data: bytes, marker: bytes) -> bool:
    """Whether bytes hold the marker, also inside deflated or base64-coded parts."""
    return any(form in layer for layer in _layers(data) for form in forms(marker))


def _layers(data: bytes) -> Iterator[bytes]:
    yield data
    for match in _ZLIB_START.finditer(data):
        try:
            yield zlib.decompressobj().decompress(data[match.start() :], 2**22)
        except zlib.error:
            continue
    for match in _BASE64.finditer(data):
        text = match.group()
        for shift in range(4):
            part = text[shift:]
            yield base64.b64decode(part[: len(part) // 4 * 4])


def files_holding(folder: Path, marker: bytes) -> list[str]:
    """Files below a folder that hold the marker; those that vanish or cannot be read meanwhile do not count."""
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink()):
        try:
            data = path.read_bytes()
        except OSError:
            continue
        if holds(data, marker):
            found.append(path.relative_to(folder).as_posix())
    return found
