"""BMP: read with Pillow, written here, because Pillow's 32-bit files lose their alpha when they are read again."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
from PIL.BmpImagePlugin import BmpImageFile

from anonymizer.codec.pixels import check_size, frame_of, only_frame
from anonymizer.config import CodecConfig
from anonymizer.records import Frame, Picture, Pixels

_FILE_HEADER_BYTES = 14
_INFO_HEADER_BYTES = 40
_V4_HEADER_BYTES = 108
_BI_RGB, _BI_BITFIELDS = 0, 3

_BGRA_MASKS = (0x00FF0000, 0x0000FF00, 0x000000FF, 0xFF000000)
_GRAY_RAMP = b"".join(bytes((level, level, level, 0)) for level in range(256))


def decode(data: bytes, config: CodecConfig) -> Picture:
    """Reads a BMP: 1 to 32 bit, palettes, RLE, bit fields. See `anonymizer.codec.decode`."""
    image = BmpImageFile(BytesIO(data))
    check_size(image.width, image.height, config)
    image.load()
    return Picture("bmp", (frame_of(image, None, 1),))


def encode(picture: Picture) -> bytes:
    """Writes 8-bit gray with a gray ramp, 24-bit colours, or 32-bit with an alpha mask (V4 header)."""
    frame = only_frame(picture)
    if frame.alpha is not None:
        rows = _bgra(frame)
        fields = struct.pack("<4I4s48x", *_BGRA_MASKS, b"BGRs")
        return _file(frame, rows, _V4_HEADER_BYTES, _BI_BITFIELDS, fields)
    if frame.pixels.ndim == 2:
        return _file(frame, frame.pixels[..., None], _INFO_HEADER_BYTES, _BI_RGB, _GRAY_RAMP)
    return _file(frame, frame.pixels[..., ::-1], _INFO_HEADER_BYTES, _BI_RGB, b"")


def _bgra(frame: Frame) -> Pixels:
    color = frame.pixels if frame.pixels.ndim == 3 else np.repeat(frame.pixels[..., None], 3, axis=2)
    return np.dstack((color[..., ::-1], frame.alpha)) if frame.alpha is not None else color


def _file(frame: Frame, rows: Pixels, header_bytes: int, compression: int, tail: bytes) -> bytes:
    """Headers, `tail` (rest of the header or palette), then rows from bottom to top, padded to four bytes."""
    height, width, channels = rows.shape
    padding = -width * channels % 4
    pixels = np.pad(rows[::-1].reshape(height, -1), ((0, 0), (0, padding))).tobytes()
    offset = _FILE_HEADER_BYTES + _INFO_HEADER_BYTES + len(tail)
    file_header = struct.pack("<2sIHHI", b"BM", offset + len(pixels), 0, 0, offset)
    info = (header_bytes, frame.width, frame.height, 1, 8 * channels, compression, len(pixels), 0, 0, 0, 0)
    return b"".join((file_header, struct.pack("<IiiHHIIiiII", *info), tail, pixels))
