"""WebP: chunks of a RIFF container."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from anonymizer.errors import ScrubCheckFailed
from anonymizer.metadata.blocks import exif_names, trailer_names, xmp_names

_MAX_CHUNKS = 10_000

_PICTURE = frozenset((b"VP8 ", b"VP8L", b"VP8X", b"ALPH"))
_CHUNK_NAMES: dict[bytes, str] = {b"ICCP": "icc", b"ANIM": "animation", b"ANMF": "animation", b"C2PA": "c2pa"}

_ALPHA_FLAG = 0x10


class Chunk(NamedTuple):
    """One chunk; `end` is the offset behind its padding, `padding` 0 or 1 bytes that have to be zero."""

    name: bytes
    payload: bytes
    padding: bytes
    end: int


def chunks(data: bytes) -> Iterator[Chunk]:
    """Walks the chunks up to the end that the RIFF header announces; stops earlier where one is cut short."""
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return
    limit = min(8 + _announced(data), len(data))
    at = 12
    for _ in range(_MAX_CHUNKS):
        if at + 8 > limit:
            return
        name, size = struct.unpack_from("<4sI", data, at)
        end = at + 8 + size
        if end > limit:
            return
        padding = data[end : min(end + size % 2, limit)]
        at = end + len(padding)
        yield Chunk(name, data[end - size : end], padding, at)


def inventory(data: bytes) -> Iterator[str]:
    """What a source carries; see `anonymizer.metadata.inventory`."""
    found = list(chunks(data))
    for name, payload, *_ in found:
        if name == b"EXIF":
            yield from exif_names(payload)
        elif name == b"XMP ":
            yield from xmp_names(payload)
        elif name not in _PICTURE:
            yield _CHUNK_NAMES.get(name, "chunk.other")
    limit = 8 + _announced(data)
    if not found or found[-1].end < limit:
        yield "unreadable"
    yield from trailer_names(data[limit:])


def check(data: bytes, width: int, height: int) -> None:
    """What we write: one VP8 or VP8L, or VP8X with ALPH and VP8; see `anonymizer.metadata.check`."""
    found = list(chunks(data))
    complete = bool(found) and 8 + _announced(data) == len(data) == found[-1].end
    padded = all(chunk.padding == b"\0" * (len(chunk.payload) % 2) for chunk in found)
    if not complete or not padded:
        raise ScrubCheckFailed
    names = [chunk.name for chunk in found]
    payloads = [chunk.payload for chunk in found]
    if names == [b"VP8L"]:
        fine = _lossless_size(payloads[0]) == (width, height)
    elif names == [b"VP8 "]:
        fine = _lossy_size(payloads[0]) == (width, height)
    elif names == [b"VP8X", b"ALPH", b"VP8 "]:
        # Canvas sizes are stored less one; no other flag than alpha, reserved bits zero (RFC 9649, 2.7).
        canvas = struct.pack("<I", _ALPHA_FLAG) + _less_one(width) + _less_one(height)
        reserved_of_alpha = payloads[1][0] >> 6
        fine = payloads[0] == canvas and not reserved_of_alpha and _lossy_size(payloads[2]) == (width, height)
    else:
        fine = False
    if not fine:
        raise ScrubCheckFailed


def _announced(data: bytes) -> int:
    return int.from_bytes(data[4:8], "little")


def _less_one(size: int) -> bytes:
    return (size - 1).to_bytes(3, "little")


def _lossy_size(payload: bytes) -> tuple[int, int] | None:
    """Size of a key frame, unscaled (RFC 6386, 9.1); None if it is anything else."""
    if payload[0] & 1 or payload[3:6] != b"\x9d\x01\x2a":
        return None
    width, height = struct.unpack_from("<HH", payload, 6)
    return width, height


def _lossless_size(payload: bytes) -> tuple[int, int] | None:
    """Size in a VP8L header of version 0 (RFC 9649, 3.4); None if it is anything else."""
    (bits,) = struct.unpack_from("<I", payload, 1)
    if payload[0] != 0x2F or bits >> 29:
        return None
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
