"""JPEG. Pillow gets to see the segments that describe pixels, and no other; the primary picture only."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from io import BytesIO

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from anonymizer.codec.orientation import read_orientation, swaps_axes
from anonymizer.codec.pixels import check_size, frame_of, only_frame
from anonymizer.config import CodecConfig
from anonymizer.errors import DecodeError, EncodeError, UnsupportedFormat
from anonymizer.records import Picture

_MAX_SEGMENTS = 20_000
# A usual progressive file has about ten; each one more costs a pass over the whole picture.
_MAX_SCANS = 200
_FALLBACK_QUALITY = 95

_SOI, _EOI, _SOS, _DQT, _DHT, _DRI, _DAC = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xDD, 0xCC
_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE
_STANDALONE = (0x00, 0x01, *range(0xD0, 0xD8))
_FRAMES = frozenset(range(0xC0, 0xD0)) - {_DHT, 0xC8, _DAC}
_READABLE_FRAMES = (0xC0, 0xC1, 0xC2, 0xC9, 0xCA)

_AFTER_FILL = re.compile(rb"[^\xff]")

_PLAIN_JFIF = b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"

_SUBSAMPLINGS: dict[tuple[int, ...], int] = {
    (1, 1, 1, 1, 1, 1): 0,
    (2, 1, 1, 1, 1, 1): 1,
    (2, 2, 1, 1, 1, 1): 2,
}
"""Horizontal and vertical factors of the three components to what Pillow calls 4:4:4, 4:2:2 and 4:2:0."""


@dataclass(slots=True)
class _Header:
    """Everything before the first scan that counts."""

    kept: list[bytes] = field(default_factory=lambda: [b"\xff\xd8"])
    frame: bytes = b""
    exif: bytes | None = None
    profile_parts: list[bytes] = field(default_factory=list)
    jfif: bool = False
    adobe_transform: int | None = None

    @property
    def is_ycbcr(self) -> bool:
        """Whether three components are luma and chroma, by the rules of libjpeg (`default_decompress_parms`)."""
        if self.jfif:
            return True
        if self.adobe_transform is not None:
            return self.adobe_transform != 0
        return self.frame[6:15:3] != b"RGB"

    @property
    def profile(self) -> bytes | None:
        """The ICC profile, if each of its numbered parts is there (ICC.1, annex B.4)."""
        parts = sorted(self.profile_parts)
        numbers = [part[12] for part in parts]
        complete = bool(parts) and numbers == list(range(1, parts[0][13] + 1))
        return b"".join(part[14:] for part in parts) if complete else None


def decode(data: bytes, config: CodecConfig) -> Picture:
    """Reads the primary picture of a JPEG, MPO or Ultra HDR file. See `anonymizer.codec.decode`."""
    header, scan = _read_header(data)
    precision, height, width = struct.unpack_from(">BHH", header.frame)
    check_size(width, height, config)
    if precision != 8:
        raise UnsupportedFormat
    image = JpegImageFile(BytesIO(b"".join((*header.kept, memoryview(data)[scan:]))))
    image.load()
    orientation = read_orientation(header.exif)
    encoder = _encoder(image, header.is_ycbcr, swaps_axes(orientation))
    return Picture("jpeg", (frame_of(image, header.profile, orientation),), encoder)


def encode(picture: Picture) -> bytes:
    """Writes with the source's quantization tables and subsampling; where it had none to keep, quality 95, 4:4:4."""
    frame = only_frame(picture)
    if frame.alpha is not None:
        raise EncodeError
    image = Image.fromarray(frame.pixels)
    settings = {
        name: picture.encoder[name] for name in ("qtables", "quality", "subsampling") if name in picture.encoder
    }
    if "qtables" not in settings:
        settings.setdefault("quality", _FALLBACK_QUALITY)
    fixed: dict[str, object] = {"exif": b"", "comment": b"", "icc_profile": b"", "xmp": b"", "dpi": (0, 0)}
    output = BytesIO()
    try:
        image.save(
            output, "JPEG", optimize=True, progressive=picture.encoder.get("progressive") is True, **settings, **fixed
        )
    except OSError:
        # Pillow guesses the size of the buffer that optimizing needs; noise at a high quality does not fit in.
        output = BytesIO()
        image.save(output, "JPEG", **settings, **fixed)
    return output.getvalue()


def _read_header(data: bytes) -> tuple[_Header, int]:
    """The segments before the first scan, and where that begins.

    Raises:
        DecodeError: There is no scan, or not exactly one frame before it.
        UnsupportedFormat: Lossless, hierarchical or another process that libjpeg does not read.
    """
    header = _Header()
    at = 2
    for _ in range(_MAX_SEGMENTS):
        fill = _AFTER_FILL.search(data, data.index(b"\xff", at))
        if fill is None:
            break
        marker, at = data[fill.start()], fill.end()
        if marker in _STANDALONE:
            continue
        if marker in (_SOI, _EOI):
            break
        if marker == _SOS:
            if not header.frame or _scan_count(data, at) > _MAX_SCANS:
                break
            return header, at - 2
        end = at + int.from_bytes(data[at : at + 2], "big")
        if end < at + 2 or end > len(data):
            break
        _take(header, marker, data[at + 2 : end])
        at = end
    raise DecodeError


def _scan_count(data: bytes, start: int) -> int:
    """Scans up to the end of the primary picture, one at `start` included; stuffing keeps both markers unique."""
    end = data.find(b"\xff\xd9", start)
    return 1 + data.count(b"\xff\xda", start, end if end >= 0 else len(data))


def _take(header: _Header, marker: int, payload: bytes) -> None:
    if marker in _FRAMES:
        if marker not in _READABLE_FRAMES:
            raise UnsupportedFormat
        if header.frame or len(payload) < 9:
            raise DecodeError
        header.frame = payload
    if marker in _FRAMES or marker in (_DQT, _DHT, _DRI, _DAC):
        header.kept.append(_segment(marker, payload))
    elif marker == _APP0 and payload.startswith(b"JFIF\0") and len(payload) >= 14 and not header.jfif:
        header.jfif = True
        header.kept.append(_PLAIN_JFIF)
    elif marker == _APP14 and payload.startswith(b"Adobe") and len(payload) >= 12:
        header.adobe_transform = payload[11]
        header.kept.append(_segment(marker, payload[:12]))
    elif marker == _APP1 and payload.startswith(b"Exif\0") and header.exif is None:
        header.exif = payload
    elif marker == _APP2 and payload.startswith(b"ICC_PROFILE\0") and len(payload) > 14:
        header.profile_parts.append(payload)


def _segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def _encoder(image: JpegImageFile, is_ycbcr: bool, swapped: bool) -> dict[str, object]:
    """Settings that keep the output near the source, from its headers alone."""
    progressive = "progressive" in image.info
    tables = _tables(image, swapped) if image.mode == "L" or (image.mode == "RGB" and is_ycbcr) else None
    if tables is None:
        return {"quality": _FALLBACK_QUALITY, "subsampling": 0, "progressive": progressive}
    factors = tuple(factor for _, first, second, _ in image.layer for factor in (first, second))
    if swapped and factors == (2, 1, 1, 1, 1, 1):
        # Chroma halved in width is chroma halved in height once upright, which Pillow cannot write.
        factors = (1, 1, 1, 1, 1, 1)
    return {"qtables": tables, "subsampling": _SUBSAMPLINGS.get(factors, 0), "progressive": progressive}


def _tables(image: JpegImageFile, swapped: bool) -> list[list[int]] | None:
    """One quantization table per component, turned with the picture; None if one is missing or not 8 bit."""
    tables: list[list[int]] = []
    for *_, number in image.layer:
        values = image.quantization.get(number)
        if values is None or min(values) < 1 or max(values) > 255:
            return None
        grid = np.array(values).reshape(8, 8)
        tables.append((grid.T if swapped else grid).ravel().tolist())
    return tables[:2] if tables[1:2] == tables[2:3] else tables
