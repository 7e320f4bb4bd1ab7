"""BMP: read with Pillow, written here, because Pillow's 32-bit files lose their alpha when they are read again."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL.BmpImagePlugin import BmpImageFile

from anonymizer.config import CodecConfig
from anonymizer.errors import EncodeError, UnsupportedFormat
from anonymizer.image.codec.palette import to_palette
from anonymizer.image.codec.pixels import check_size, only_frame, samples_of, upright_frame
from anonymizer.records import Encoded, Picture, Samples

_FILE_HEADER_BYTES = 14
_INFO_HEADER_BYTES = 40
_V4_HEADER_BYTES = 108
_V5_HEADER_BYTES = 124
_BI_RGB, _BI_RLE8, _BI_RLE4, _BI_BITFIELDS = 0, 1, 2, 3
_CORE_HEADER_BYTES = 12
# OS/2 1 and 2, Windows 3, with masks of colours and of alpha (Adobe), 4 and 5.
_HEADER_SIZES = frozenset({_CORE_HEADER_BYTES, 64, _INFO_HEADER_BYTES, 52, 56, _V4_HEADER_BYTES, _V5_HEADER_BYTES})
_DEPTHS, _PACKINGS = frozenset({1, 4, 8, 16, 24, 32}), frozenset({_BI_RGB, _BI_RLE8, _BI_RLE4, _BI_BITFIELDS})
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


@dataclass(frozen=True, slots=True)
class _Header:
    """What the second header says of the pixels.

    Attributes:
        height: Negative = from top to bottom.
        bits: Of each pixel.
        compression: One of those that are read.
        colors: Of the palette; 0 = as many as the depth allows.
    """

    height: int
    bits: int
    compression: int
    colors: int


#: Bits of a pixel in the modes that Pillow takes a palette for that is gray; the file may have others.
_GRAY_BITS = {"1": 1, "L": 8}


def decode(data: bytes, config: CodecConfig) -> Picture:
    """Reads a BMP: 1 to 32 bit, palettes, RLE, bit fields. See `anonymizer.image.codec.decode`.

    JPEG, PNG and fax in a BMP, 2 and 64 bit, and bit fields that are not whole bytes, 5-5-5 or 5-6-5 are refused.
    """
    header = _header(data)
    image = _opened(data, header)
    check_size(image.width, image.height, config)
    upright = upright_frame(*_samples(data, header, image), _profile(data), 1, keep_profile=False)
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


def _header(data: bytes) -> _Header:
    """Reads the second header (MS-WMF, 2.2.2.3; OS/2 2.x).

    Raises:
        UnsupportedFormat: A header, depth or compression that Pillow does not read.
    """
    (size,) = struct.unpack_from("<I", data, _FILE_HEADER_BYTES)
    if size not in _HEADER_SIZES:
        raise UnsupportedFormat
    if size == _CORE_HEADER_BYTES:
        height, bits = struct.unpack_from("<HxxH", data, 20)
        header = _Header(height, bits, _BI_RGB, 0)
    else:
        height, bits, compression, colors = struct.unpack_from("<ixxHI12xI", data, 22)
        header = _Header(height, bits, compression, colors)
    if header.bits not in _DEPTHS or header.compression not in _PACKINGS:
        raise UnsupportedFormat
    return header


def _opened(data: bytes, header: _Header) -> BmpImageFile:
    try:
        return BmpImageFile(BytesIO(data))
    except OSError:
        if header.compression == _BI_BITFIELDS:
            raise UnsupportedFormat from None
        raise


def _samples(data: bytes, header: _Header, image: BmpImageFile) -> tuple[Samples, Samples | None]:
    if header.compression == _BI_RGB and _GRAY_BITS.get(image.mode, header.bits) != header.bits:
        return _gray_levels(data, header, image), None
    image.load()
    return samples_of(image)


def _gray_levels(data: bytes, header: _Header, image: BmpImageFile) -> Samples:
    """(H, W) levels of a picture with a palette of black and white alone, or of the gray that each index is.

    Pillow would read it with one bit, or eight, for each pixel, whatever the header says.
    """
    stride = (image.width * header.bits + 31) // 32 * 4
    rows = np.frombuffer(data, np.uint8, stride * image.height, image.tile[0].offset).reshape(image.height, stride)
    shifts = np.arange(8 - header.bits, -1, -header.bits, dtype=np.uint8)
    indices = (rows[..., None] >> shifts & np.uint8((1 << header.bits) - 1)).reshape(image.height, -1)
    levels = np.zeros(256, np.uint8)
    colors = min(header.colors or 1 << header.bits, 256)
    levels[:colors] = (0, 255) if colors == 2 else np.arange(colors)
    pixels: Samples = levels[indices[:, : image.width]]
    return pixels if header.height < 0 else pixels[::-1]


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
