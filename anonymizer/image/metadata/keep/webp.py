"""Kept values in a WebP: ICCP and EXIF chunks, and the VP8X header that announces them (RFC 9649, 2.7)."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import NamedTuple

from anonymizer.image.metadata.keep.exif import exif_block, read_exif
from anonymizer.image.metadata.keep.sources import riff_chunks
from anonymizer.image.metadata.keep.values import KeptValues, from_exif
from anonymizer.image.profiles import PROFILES

_ICC_FLAG, _ALPHA_FLAG, _EXIF_FLAG = 0x20, 0x10, 0x08
_PLAIN = (b"VP8 ", b"VP8L")


class _Chunk(NamedTuple):
    name: bytes
    payload: bytes


def put(data: bytes, kept: KeptValues) -> tuple[bytes, KeptValues]:
    """See `anonymizer.image.metadata.keep`."""
    chunks = _chunks(data)
    unnamed = all(chunk.name != b"ICCP" for chunk in chunks)
    held = replace(kept, icc=kept.icc and unnamed, projection=None)
    block = exif_block(held.as_exif())
    if chunks[0].name in _PLAIN:
        chunks.insert(0, _Chunk(b"VP8X", _header_of(chunks[0])))
    flags = (_ICC_FLAG if held.icc else 0) | (_EXIF_FLAG if block else 0)
    chunks[0] = _flagged(chunks[0], flags)
    if held.icc:
        chunks.insert(1, _Chunk(b"ICCP", PROFILES["srgb"]))
    if block:
        chunks.append(_Chunk(b"EXIF", block))
    return _file(chunks), held


def taken(data: bytes) -> tuple[bytes, KeptValues]:
    """See `anonymizer.image.metadata.keep`."""
    chunks = _chunks(data)
    values, flags = KeptValues(), 0
    if chunks[0].name != b"VP8X":
        return data, values
    if chunks[-1].name == b"EXIF":
        values, flags = from_exif(read_exif(chunks.pop().payload)), _EXIF_FLAG
    if chunks[1] == _Chunk(b"ICCP", PROFILES["srgb"]):
        values, flags = replace(values, icc=True), flags | _ICC_FLAG
        del chunks[1]
    # A picture by itself needs no header.
    if len(chunks) == 2 and chunks[1].name in _PLAIN:
        del chunks[0]
    else:
        chunks[0] = _flagged(chunks[0], 0, without=flags)
    return _file(chunks), values


def _chunks(data: bytes) -> list[_Chunk]:
    return [_Chunk(name, data[start:end]) for name, start, end in riff_chunks(data)]


def _file(chunks: list[_Chunk]) -> bytes:
    parts = [b"WEBP"]
    for name, payload in chunks:
        parts += [name, struct.pack("<I", len(payload)), payload, bytes(len(payload) % 2)]
    return b"RIFF" + struct.pack("<I", sum(map(len, parts))) + b"".join(parts)


def _flagged(header: _Chunk, flags: int, without: int = 0) -> _Chunk:
    return _Chunk(header.name, bytes((header.payload[0] & ~without | flags,)) + header.payload[1:])


def _header_of(picture: _Chunk) -> bytes:
    """VP8X of a picture by itself; its size is in its own header (RFC 6386, 9.1; RFC 9649, 3.4)."""
    if picture.name == b"VP8L":
        bits = int.from_bytes(picture.payload[1:5], "little")
        width, height, flags = bits & 0x3FFF, bits >> 14 & 0x3FFF, _ALPHA_FLAG if bits >> 28 & 1 else 0
    else:
        sides = struct.unpack_from("<HH", picture.payload, 6)
        width, height, flags = (int(sides[0]) - 1) & 0x3FFF, (int(sides[1]) - 1) & 0x3FFF, 0
    return struct.pack("<I", flags) + width.to_bytes(3, "little") + height.to_bytes(3, "little")
