"""BMP: read with Pillow, written here, because Pillow's 32-bit files lose their alpha when they are read again."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL.BmpImagePlugin import BmpImageFile

from anonymizer.config import CodecConfig
from anonymizer.errors import EncodeError
from anonymizer.image.codec.palette import to_palette
from anonymizer.image.codec.pixels import check_size, only_frame, samples_of, upright_frame
from anonymizer.records import Encoded, Picture, Samples

_FILE_HEADER_BYTES = 14
_INFO_HEADER_BYTES = 40
_V4_HEADER_BYTES = 108
_V5_HEADER_BYTES = 124
_BI_RGB, _BI_BITFIELDS = 0, 3
_PROFILE_EMBEDDED = b"DEBM"  # 'MBED', little-endian
_MAX_PROFILE_BYTES = 8 * 2**20

_BGRA_MASKS = (0x00FF0000, 0x0000FF00, 0x000000FF, 0xFF000000)
#: Pillow takes a palette of these two for one bit per pixel, whatever the header says: they are written as gray.
_BLACK_AND_WHITE = ((0, 0, 0), (255, 255, 255))
_GRAY_RAMP = b"".join(bytes((level, level, level, 0)) for level in range(256))


@dataclass(frozen=True, slots=True)
class Source:
    """What a file's headers ask of the one that is written for it: whether its pixels are palette indices."""

    indexed: bool


def decode(data: bytes, config: CodecConfig) -> Picture:
    """Reads a BMP: 1 to 32 bit, palettes, RLE, bit fields. See `anonymizer.image.codec.decode`."""
    image = BmpImageFile(BytesIO(data))
    check_size(image.width, image.height, config)
    image.load()
    upright = upright_frame(*samples_of(image), _profile(data), 1, keep_profile=False)
    return Picture("bmp", (upright.frame,), converted=upright.converted, encoder=Source(image.mode == "P"))


def encode(picture: Picture) -> Encoded:
    """Writes 8-bit gray or palette indices, 24-bit colours, or 32-bit with an alpha mask (V4 header)."""
    frame = only_frame(picture)
    if frame.pixels.dtype != np.uint8 or (frame.pixels.ndim == 3 and frame.pixels.shape[2] != 3):
        raise EncodeError
    indexed = to_palette(frame) if _is_indexed(picture) and frame.alpha is None else None
    if indexed is not None and np.array_equal(indexed.palette[:, :3], _BLACK_AND_WHITE):
        data = _file(indexed.indices[..., None] * np.uint8(255), _INFO_HEADER_BYTES, _BI_RGB, _GRAY_RAMP)
    elif indexed is not None:
        table = np.zeros((len(indexed.palette), 4), np.uint8)
        table[:, :3] = indexed.palette[:, 2::-1]
        data = _file(indexed.indices[..., None], _INFO_HEADER_BYTES, _BI_RGB, table.tobytes(), len(table))
    elif frame.alpha is not None:
        fields = struct.pack("<4I4s48x", *_BGRA_MASKS, b"BGRs")
        data = _file(_bgra(frame.pixels, frame.alpha), _V4_HEADER_BYTES, _BI_BITFIELDS, fields)
    elif frame.pixels.ndim == 2:
        data = _file(frame.pixels[..., None], _INFO_HEADER_BYTES, _BI_RGB, _GRAY_RAMP)
    else:
        data = _file(frame.pixels[..., ::-1], _INFO_HEADER_BYTES, _BI_RGB, b"")
    return Encoded(data, "bmp", "reencoded" if picture.converted else "exact")


def _is_indexed(picture: Picture) -> bool:
    return isinstance(picture.encoder, Source) and picture.encoder.indexed


def _profile(data: bytes) -> bytes | None:
    """The profile that a V5 header says is in the file (MS-WMF, 2.2.2.11)."""
    if len(data) < _FILE_HEADER_BYTES + _V5_HEADER_BYTES:
        return None
    header_bytes, color_space = struct.unpack_from("<I52x4s", data, _FILE_HEADER_BYTES)
    if header_bytes != _V5_HEADER_BYTES or color_space != _PROFILE_EMBEDDED:
        return None
    offset, size = struct.unpack_from("<II", data, _FILE_HEADER_BYTES + 112)
    start = _FILE_HEADER_BYTES + offset
    return data[start : start + size] if size <= _MAX_PROFILE_BYTES else None


def _bgra(pixels: Samples, alpha: Samples) -> Samples:
    color = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
    return np.dstack((color[..., ::-1], alpha))


def _file(rows: Samples, header_bytes: int, compression: int, tail: bytes, colors: int = 0) -> bytes:
    """Headers, `tail` (rest of the header or palette), then rows from bottom to top, padded to four bytes."""
    height, width, channels = rows.shape
    padding = -width * channels % 4
    pixels = np.pad(rows[::-1].reshape(height, -1), ((0, 0), (0, padding))).tobytes()
    offset = _FILE_HEADER_BYTES + _INFO_HEADER_BYTES + len(tail)
    file_header = struct.pack("<2sIHHI", b"BM", offset + len(pixels), 0, 0, offset)
    info = (header_bytes, width, height, 1, 8 * channels, compression, len(pixels), 0, 0, colors, 0)
    return b"".join((file_header, struct.pack("<IiiHHIIiiII", *info), tail, pixels))
