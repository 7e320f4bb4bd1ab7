"""Kept values in a JPEG: EXIF, XMP and ICC segments behind the ones it starts with, and the density of JFIF."""

from __future__ import annotations

import struct
from dataclasses import replace

from anonymizer.image.metadata.keep.exif import exif_block, read_exif
from anonymizer.image.metadata.keep.projection import SIGNATURE, packet, read_projection
from anonymizer.image.metadata.keep.sources import jpeg_segments
from anonymizer.image.metadata.keep.values import KeptValues, from_exif
from anonymizer.image.profiles import PROFILES

_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE
_EXIF = b"Exif\0\0"
_ICC = b"ICC_PROFILE\0\1\1"

# JFIF 1.02 without and with pixels per inch.
_PLAIN = b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
_PER_INCH = struct.Struct(">12sHH2s")

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROFILE_OF = {1: "gray-srgb", 3: "srgb"}
"""By the number of components."""


def put(data: bytes, kept: KeptValues) -> tuple[bytes, KeptValues]:
    """See `anonymizer.image.metadata.keep`."""
    at = _start_end(data)
    profile = _profile_for(data) if kept.icc else None
    held = replace(kept, icc=profile is not None)
    start = data[:at]
    if kept.dpi is not None and data[2:20] == _PLAIN:
        start = data[:2] + _PER_INCH.pack(_PLAIN[:11] + b"\1", *kept.dpi, b"\0\0") + data[20:at]
    block = exif_block(held.as_exif())
    parts = [start, _segment(_APP1, _EXIF + block) if block else b""]
    if kept.projection is not None:
        parts.append(_segment(_APP1, SIGNATURE + packet(kept.projection)))
    if profile is not None:
        parts.append(_segment(_APP2, _ICC + PROFILES[profile]))
    return b"".join((*parts, data[at:])), held


def taken(data: bytes) -> tuple[bytes, KeptValues]:
    """See `anonymizer.image.metadata.keep`."""
    at = _start_end(data)
    start, end = data[:at], at
    values = KeptValues()
    for marker, begin, stop in jpeg_segments(data):
        if begin != end + 4 or marker != _APP1:
            continue
        if data.startswith(SIGNATURE, begin):
            values = replace(values, projection=read_projection(data[begin + len(SIGNATURE) : stop]))
        else:
            values = from_exif(read_exif(data[begin + len(_EXIF) : stop]))
        end = stop
    for name in _PROFILE_OF.values():
        segment = _segment(_APP2, _ICC + PROFILES[name])
        if data[end : end + len(segment)] == segment:
            values = replace(values, icc=True)
            end += len(segment)
            break
    if values.dpi is not None and data[2:14] == _PLAIN[:11] + b"\1":
        start = data[:2] + _PLAIN + data[20:at]
    return start + data[end:], values


def _start_end(data: bytes) -> int:
    """Behind SOI and the JFIF and Adobe segments that follow it."""
    at = 2
    for marker, _, end in jpeg_segments(data):
        if marker not in (_APP0, _APP14):
            break
        at = end
    return at


def _profile_for(data: bytes) -> str | None:
    """Profile that names the colours of a file that has none; None for CMYK."""
    for marker, start, _ in jpeg_segments(data):
        if marker == _APP2:
            return None
        if marker in _FRAMES:
            return _PROFILE_OF.get(data[start + 5])
    return None


def _segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload
