"""BMP: two headers, perhaps a palette, and rows."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from anonymizer.errors import ScrubCheckFailed
from anonymizer.image.metadata.blocks import trailer_names

_FILE_HEADER_BYTES = 14
_CORE_HEADER_BYTES, _INFO_HEADER_BYTES, _V4_HEADER_BYTES, _V5_HEADER_BYTES = 12, 40, 108, 124
_HEADERS_BYTES = _FILE_HEADER_BYTES + _INFO_HEADER_BYTES
_COLORS_AT = _FILE_HEADER_BYTES + 32
_BI_RGB, _BI_BITFIELDS, _BI_ALPHABITFIELDS = 0, 3, 6
_PROFILE_IN_FILE = (b"DEBM", b"KNIL")  # 'MBED' and 'LINK', little-endian

_GRAY_RAMP = b"".join(bytes((level, level, level, 0)) for level in range(256))
_V4_FIELDS = struct.pack("<4I4s", 0x00FF0000, 0x0000FF00, 0x000000FF, 0xFF000000, b"BGRs") + bytes(48)


def inventory(data: bytes) -> Iterator[str]:
    """What a source carries; see `anonymizer.image.metadata.inventory`."""
    offset, header_bytes = struct.unpack_from("<II", data, 10)
    end = _FILE_HEADER_BYTES + header_bytes
    if header_bytes == _V5_HEADER_BYTES and data[70:74] in _PROFILE_IN_FILE:
        yield "icc"
        profile_offset, profile_bytes = struct.unpack_from("<II", data, 14 + 112)
        if _FILE_HEADER_BYTES + profile_offset + profile_bytes <= len(data):
            end = max(end, _FILE_HEADER_BYTES + profile_offset + profile_bytes)
    if offset > _FILE_HEADER_BYTES + header_bytes + _palette_bytes(data, header_bytes):
        yield "gap"
    yield from trailer_names(data[max(end, offset + _pixel_bytes(data, header_bytes)) :])


def check(data: bytes, width: int, height: int, frame_count: int) -> None:
    """What we write: 8-bit gray or palette, 24-bit, or 32-bit with alpha; see `anonymizer.image.metadata.check`."""
    header_bytes, bits = struct.unpack_from("<I10xH", data, _FILE_HEADER_BYTES)
    (colors,) = struct.unpack_from("<I", data, _COLORS_AT)
    palette = data[_HEADERS_BYTES : _HEADERS_BYTES + 4 * min(colors, 256)]
    kinds = {
        (_INFO_HEADER_BYTES, 8): (_BI_RGB, palette if colors else _GRAY_RAMP),
        (_INFO_HEADER_BYTES, 24): (_BI_RGB, b""),
        (_V4_HEADER_BYTES, 32): (_BI_BITFIELDS, _V4_FIELDS),
    }
    if (header_bytes, bits) not in kinds or (colors and bits != 8) or frame_count != 1:
        raise ScrubCheckFailed
    compression, tail = kinds[header_bytes, bits]
    stride = (width * bits + 31) // 32 * 4
    offset = _HEADERS_BYTES + len(tail)
    size = offset + stride * height
    info = (header_bytes, width, height, 1, bits, compression, stride * height, 0, 0, colors, 0)
    expected = struct.pack("<2sIHHI", b"BM", size, 0, 0, offset) + struct.pack("<IiiHHIIiiII", *info) + tail
    if len(data) != size or data[:offset] != expected:
        raise ScrubCheckFailed
    rows = np.frombuffer(data, np.uint8, offset=offset).reshape(height, stride)
    if rows[:, width * bits // 8 :].any():
        raise ScrubCheckFailed
    if colors:
        _check_palette(palette, rows[:, :width])


def _check_palette(palette: bytes, indices: NDArray[np.uint8]) -> None:
    """Each colour once, in ascending order, with nothing in its fourth byte, and in use."""
    entries = [palette[at : at + 4] for at in range(0, len(palette), 4)]
    used = np.bincount(indices.reshape(-1), minlength=256) > 0
    ascending = sorted(set(entries), key=lambda entry: entry[::-1]) == entries
    if not ascending or any(palette[3::4]) or not used[: len(entries)].all() or used[len(entries) :].any():
        raise ScrubCheckFailed


def _palette_bytes(data: bytes, header_bytes: int) -> int:
    """Palette and bit masks between header and pixels; the most that they may take."""
    if header_bytes == _CORE_HEADER_BYTES:
        (bits,) = struct.unpack_from("<H", data, 24)
        return 3 << bits if bits <= 8 else 0
    bits, compression, colors = struct.unpack_from("<HI12xI", data, 28)
    masks = {_BI_BITFIELDS: 12, _BI_ALPHABITFIELDS: 16}.get(compression, 0) if header_bytes == _INFO_HEADER_BYTES else 0
    return masks + 4 * (colors or (1 << bits if bits <= 8 else 0))


def _pixel_bytes(data: bytes, header_bytes: int) -> int:
    """Bytes of the rows; of a compressed picture what its header says, or all if it says nothing."""
    if header_bytes == _CORE_HEADER_BYTES:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        compression = stated = 0
    else:
        width, height, _, bits, compression, stated = struct.unpack_from("<iiHHII", data, 18)
    if compression in (_BI_RGB, _BI_BITFIELDS, _BI_ALPHABITFIELDS):
        return int((abs(width) * bits + 31) // 32 * 4 * abs(height))
    return int(stated) or len(data)
