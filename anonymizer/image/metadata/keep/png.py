"""Kept values in a PNG: iCCP, pHYs and eXIf right behind IHDR."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace

from anonymizer.image.metadata.keep.exif import exif_block, read_exif
from anonymizer.image.metadata.keep.sources import per_inch, per_metre, png_chunks
from anonymizer.image.metadata.keep.values import KeptValues, from_exif
from anonymizer.image.profiles import PROFILES

_HEADER_END = 33
_COLOR_TYPE_AT = 25
_COLOR_BIT = 2

_COLORS = frozenset((b"iCCP", b"sRGB", b"cICP"))


def put(data: bytes, kept: KeptValues) -> tuple[bytes, KeptValues]:
    """See `anonymizer.image.metadata.keep`. The resolution is in `pHYs` alone."""
    held = replace(kept, icc=kept.icc and not _names_colors(data), projection=None)
    parts = [data[:_HEADER_END]]
    if held.icc:
        parts.append(_profile_chunk(data))
    if kept.dpi is not None:
        parts.append(_chunk(b"pHYs", struct.pack(">IIB", per_metre(kept.dpi[0]), per_metre(kept.dpi[1]), 1)))
    block = exif_block(replace(held, dpi=None).as_exif())
    if block:
        parts.append(_chunk(b"eXIf", block))
    return b"".join((*parts, data[_HEADER_END:])), held


def taken(data: bytes) -> tuple[bytes, KeptValues]:
    """See `anonymizer.image.metadata.keep`."""
    end, dpi = _HEADER_END, None
    profile = _profile_chunk(data)
    icc = data[end : end + len(profile)] == profile
    end += len(profile) if icc else 0
    if data[end + 4 : end + 8] == b"pHYs":
        dpi = per_inch(*struct.unpack_from(">II", data, end + 8))
        end += 12 + 9
    values = KeptValues(icc=icc, dpi=dpi)
    if data[end + 4 : end + 8] == b"eXIf":
        size = int.from_bytes(data[end : end + 4], "big")
        values = replace(from_exif(read_exif(data[end + 8 : end + 8 + size]), icc=icc), dpi=dpi)
        end += 12 + size
    return data[:_HEADER_END] + data[end:], values


def _names_colors(data: bytes) -> bool:
    for name, _, _ in png_chunks(data):
        if name == b"IDAT":
            break
        if name in _COLORS:
            return True
    return False


def _profile_chunk(data: bytes) -> bytes:
    """`iCCP` for the file's kind of colours, its profile stored without compression: the same bytes by any zlib."""
    gray = not data[_COLOR_TYPE_AT] & _COLOR_BIT
    profile = PROFILES["gray-srgb" if gray else "srgb"]
    size = struct.pack("<HH", len(profile), len(profile) ^ 0xFFFF)
    stream = b"\x78\x01\x01" + size + profile + struct.pack(">I", zlib.adler32(profile))
    return _chunk(b"iCCP", b"sRGB\0\0" + stream)


def _chunk(name: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + name + payload + struct.pack(">I", zlib.crc32(name + payload))
