"""Where sources hold their EXIF block and their resolution. Hostile files: bounded walks, nothing is trusted."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction

from anonymizer.image.metadata.keep.exif import whole_dpi
from anonymizer.image.metadata.keep.projection import SIGNATURE

_MAX_PARTS = 5_000
_MAX_EXIF_BYTES = 1 << 24
_MAX_EXTENTS = 16

_METRES_PER_INCH = Fraction(254, 10_000)

Resolution = tuple[int, int] | None


def exif_of(data: bytes, format: str) -> bytes:  # noqa: A002 - the manifest's word for it
    """The EXIF block of a source, from its byte order mark on; empty if there is none.

    Args:
        data: The source.
        format: Its container. GIF, BMP and JPEG 2000 have no standard place for it.

    Raises:
        struct.error: A part is cut short.
    """
    if format == "tiff":
        return data
    finder = {"jpeg": _jpeg_exif, "png": _png_exif, "webp": _webp_exif, "heif": _item_exif, "avif": _item_exif}
    block = finder[format](data) if format in finder else b""
    return block[6:] if block.startswith(b"Exif\0") else block


def xmp_of(data: bytes, format: str) -> bytes:  # noqa: A002 - the manifest's word for it
    """The XMP packet of a JPEG; empty if there is none, and for every other format."""
    for marker, start, end in jpeg_segments(data) if format == "jpeg" else ():
        if marker == 0xE1 and data.startswith(SIGNATURE, start, end):
            return data[start + len(SIGNATURE) : end]
    return b""


def resolution_of(data: bytes, format: str) -> Resolution:  # noqa: A002 - the manifest's word for it
    """Pixels per inch as the container itself says, without EXIF; None if it does not.

    Raises:
        struct.error: A part is cut short.
    """
    if format == "jpeg":
        return _jfif_resolution(data)
    if format == "png":
        return _png_resolution(data)
    if format == "bmp" and len(data) >= 46 and struct.unpack_from("<I", data, 14)[0] >= 40:
        return per_inch(*struct.unpack_from("<ii", data, 38))
    return None


def per_inch(across: int, down: int) -> Resolution:
    """Pixels per metre to pixels per inch."""
    return whole_dpi(across * _METRES_PER_INCH, down * _METRES_PER_INCH)


def per_metre(dpi: int) -> int:
    """Pixels per inch to pixels per metre; `per_inch` leads back."""
    return round(dpi / _METRES_PER_INCH)


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of the payload of the segments before the first scan."""
    at = 2
    for _ in range(_MAX_PARTS):
        if data[:2] != b"\xff\xd8" or at + 4 > len(data) or data[at] != 0xFF:
            return
        if data[at + 1] == 0xFF:
            at += 1
            continue
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        if size < 2 or at + 2 + size > len(data) or data[at + 1] == 0xDA:
            return
        yield data[at + 1], at + 4, at + 2 + size
        at += 2 + size


def png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of the payload of the chunks."""
    at = 8
    for _ in range(_MAX_PARTS):
        if at + 12 > len(data):
            return
        size, name = struct.unpack_from(">I4s", data, at)
        if at + 12 + size > len(data):
            return
        yield name, at + 8, at + 8 + size
        at += 12 + size


def riff_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of the payload of the chunks."""
    at = 12
    for _ in range(_MAX_PARTS):
        if at + 8 > len(data):
            return
        name, size = struct.unpack_from("<4sI", data, at)
        if at + 8 + size > len(data):
            return
        yield name, at + 8, at + 8 + size
        at += 8 + size + size % 2


def _jpeg_exif(data: bytes) -> bytes:
    for marker, start, end in jpeg_segments(data):
        if marker == 0xE1 and data[start : start + 5] == b"Exif\0":
            return data[start:end]
    return b""


def _png_exif(data: bytes) -> bytes:
    return next((data[start:end][:_MAX_EXIF_BYTES] for name, start, end in png_chunks(data) if name == b"eXIf"), b"")


def _webp_exif(data: bytes) -> bytes:
    return next((data[start:end][:_MAX_EXIF_BYTES] for name, start, end in riff_chunks(data) if name == b"EXIF"), b"")


def _jfif_resolution(data: bytes) -> Resolution:
    for marker, start, end in jpeg_segments(data):
        if marker == 0xE0 and data[start : start + 5] == b"JFIF\0" and end - start >= 12:
            unit, across, down = struct.unpack_from(">BHH", data, start + 7)
            # JFIF 1.02: 1 = per inch, 2 = per centimetre, 0 = a ratio.
            scale = {1: Fraction(1), 2: Fraction(254, 100)}.get(unit)
            return None if scale is None else whole_dpi(across * scale, down * scale)
    return None


def _png_resolution(data: bytes) -> Resolution:
    for name, start, end in png_chunks(data):
        if name == b"IDAT":
            return None
        if name == b"pHYs" and end - start == 9:
            across, down, unit = struct.unpack_from(">IIB", data, start)
            return per_inch(across, down) if unit == 1 else None
    return None


def _boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Type, start and end of the content of boxes (ISO/IEC 14496-12, 4.2)."""
    for _ in range(_MAX_PARTS):
        if at + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        stop = at + size if size else end
        if stop < at + head or stop > end:
            return
        yield kind, at + head, stop
        at = stop


def _item_exif(data: bytes) -> bytes:
    """The item of type `Exif` of HEIF and AVIF (ISO/IEC 23008-12, A.2.1): an offset, then the block."""
    meta = next(((start + 4, end) for kind, start, end in _boxes(data, 0, len(data)) if kind == b"meta"), None)
    if meta is None:
        return b""
    parts = {kind: (start, end) for kind, start, end in _boxes(data, *meta)}
    if b"iinf" not in parts or b"iloc" not in parts:
        return b""
    number = _exif_number(data, *parts[b"iinf"])
    content = b"" if number is None else _item(data, parts, number)
    return content[4 + int.from_bytes(content[:4], "big") :]


def _exif_number(data: bytes, start: int, end: int) -> int | None:
    """Number of the first item of type `Exif` (ISO/IEC 14496-12, 8.11.6)."""
    first = start + (6 if data[start] == 0 else 8)
    for kind, at, _ in _boxes(data, first, end):
        # infe: version 2 has short numbers, version 3 long ones, older ones no types.
        if kind == b"infe" and data[at] in (2, 3):
            number, _, name = struct.unpack_from(">HH4s" if data[at] == 2 else ">IH4s", data, at + 4)
            if name == b"Exif":
                return int(number)
    return None


def _item(data: bytes, parts: dict[bytes, tuple[int, int]], wanted: int) -> bytes:
    """Content of an item by its `iloc` (ISO/IEC 14496-12, 8.11.3)."""
    at, _ = parts[b"iloc"]
    version, sizes, more = data[at], data[at + 4], data[at + 5]
    widths = sizes >> 4, sizes & 15, more >> 4, more & 15 if version else 0
    wide = 4 if version == 2 else 2
    count, at = int.from_bytes(data[at + 6 : at + 6 + wide], "big"), at + 6 + wide
    for _ in range(min(count, _MAX_PARTS)):
        number = int.from_bytes(data[at : at + wide], "big")
        at += wide
        method = data[at + 1] & 15 if version else 0
        at += 4 if version else 2
        base, at = int.from_bytes(data[at : at + widths[2]], "big"), at + widths[2]
        (extents,) = struct.unpack_from(">H", data, at)
        at += 2
        row = widths[3] + widths[0] + widths[1]
        if number == wanted:
            inside = parts.get(b"idat", (0, 0))[0] if method == 1 else 0
            places = [at + row * i + widths[3] for i in range(min(extents, _MAX_EXTENTS))]
            return b"".join(_extent(data, place, widths, base + inside) for place in places)[:_MAX_EXIF_BYTES]
        at += row * extents
    return b""


def _extent(data: bytes, place: int, widths: tuple[int, int, int, int], base: int) -> bytes:
    offset = base + int.from_bytes(data[place : place + widths[0]], "big")
    length = int.from_bytes(data[place + widths[0] : place + widths[0] + widths[1]], "big")
    return data[offset : offset + min(length, _MAX_EXIF_BYTES)]
