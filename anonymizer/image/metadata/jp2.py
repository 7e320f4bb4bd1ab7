"""JPEG 2000: boxes of a JP2 file and marker segments of its codestream (ISO/IEC 15444-1, annexes A and I)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from anonymizer.errors import ScrubCheckFailed
from anonymizer.image.metadata.blocks import exif_names, xmp_names
from anonymizer.image.metadata.isobmff.boxes import boxes
from anonymizer.image.profiles import PROFILES

_MAX_SEGMENTS = 5_000
_MAX_BLOCK_BYTES = 4 * 2**20

_SIGNATURE = bytes.fromhex("0000000c6a5020200d0a870a")
_FILE_TYPE = b"\0\0\0\x14ftypjp2 \0\0\0\0jp2 "
_SOC, _SIZ, _COD, _QCD, _COM, _SOT, _SOD, _EOC = 0xFF4F, 0xFF51, 0xFF52, 0xFF5C, 0xFF64, 0xFF90, 0xFF93, 0xFFD9
_CMYK, _SRGB, _GRAY = 12, 16, 17

_EXIF = b"JpgTiffExif->JP2"
_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_IPTC = bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")
_GEO = bytes.fromhex("b14bf8bd083d4b43a5ae8cd7d5a6ce03")
_C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")

_BOXES = frozenset((b"jP  ", b"ftyp", b"jp2h", b"jp2c", b"rreq"))
_HEADER_BOXES = frozenset((b"ihdr", b"bpcc", b"colr", b"pclr", b"cmap", b"cdef"))


def inventory(data: bytes) -> Iterator[str]:
    """What a source carries; see `anonymizer.image.metadata.inventory`."""
    if data.startswith(b"\xff\x4f"):
        yield from _codestream_names(data)
        return
    at = 0
    for name, start, end in boxes(data, 0, len(data)):
        at = end
        if name == b"jp2h":
            yield from _header_names(data, start, end)
        elif name == b"jp2c":
            yield from _codestream_names(data[start:end])
        elif name == b"uuid":
            yield from _uuid_names(data[start : min(end, start + _MAX_BLOCK_BYTES)])
        elif name == b"xml ":
            yield from ("jp2.xml", *xmp_names(data[start : min(end, start + _MAX_BLOCK_BYTES)]))
        elif name == b"jumb":
            yield "c2pa" if b"c2pa" in data[start : start + 200] else "jumbf"
        elif name not in _BOXES:
            yield "box.other"
    if at < len(data):
        yield "trailer"


def check(data: bytes, width: int, height: int, frame_count: int) -> None:
    """A JP2 file, or gray or RGB as a bare codestream; see `anonymizer.image.metadata.check`."""
    if frame_count != 1:
        raise ScrubCheckFailed
    if data.startswith(b"\xff\x4f"):
        count, _ = _check_codestream(data, width, height)
        if count not in (1, 3):
            raise ScrubCheckFailed
        return
    if not data.startswith(_SIGNATURE + _FILE_TYPE):
        raise ScrubCheckFailed
    parts = list(boxes(data, 32, len(data)))
    if [part[0] for part in parts] != [b"jp2h", b"jp2c"] or parts[-1][2] != len(data):
        raise ScrubCheckFailed
    (_, start, end), (_, code, _) = parts
    # Sizes of 32 bits, with no byte between.
    if (start, code) != (40, end + 8):
        raise ScrubCheckFailed
    count, depth = _check_codestream(data[code:], width, height)
    header = struct.pack(">I4sIIHBBBB", 22, b"ihdr", height, width, count, depth - 1, 7, 0, 0)
    if data[start:end] not in _allowed(header, count):
        raise ScrubCheckFailed


def _allowed(header: bytes, count: int) -> Iterator[bytes]:
    """Every payload of `jp2h` that we may write around a codestream of so many components."""
    layouts = {1: [(_GRAY, 1)], 2: [(_GRAY, 1)], 3: [(_SRGB, 3)], 4: [(_SRGB, 3), (_CMYK, 4)]}.get(count, [])
    for space, colors in layouts:
        roles = [(number, 0, number + 1) for number in range(colors)] + [(colors, 1, 0)]
        table = b"".join(struct.pack(">HHH", *role) for role in roles)
        alpha = struct.pack(">I4sH", 10 + len(table), b"cdef", len(roles)) + table if count > colors else b""
        told = [b"\1\0\0" + struct.pack(">I", space), *(b"\2\0\0" + profile for profile in PROFILES.values())]
        for color in told:
            yield header + struct.pack(">I4s", 8 + len(color), b"colr") + color + alpha


def _check_codestream(data: bytes, width: int, height: int) -> tuple[int, int]:
    """SOC, SIZ, COD, QCD, one tile in one part, EOC; gives the number of components and their bits."""
    (marker,) = struct.unpack_from(">H", data)
    (count,) = struct.unpack_from(">H", data, 40)
    depth = data[42] + 1
    size = struct.pack(">HH8IH", 38 + 3 * count, 0, width, height, 0, 0, width, height, 0, 0, count)
    at, expected = 2, struct.pack(">H", _SIZ) + size + bytes([depth - 1, 1, 1]) * count
    if marker != _SOC or depth not in (8, 16) or data[at : at + len(expected)] != expected:
        raise ScrubCheckFailed
    at += len(expected)
    for wanted, shortest in ((_COD, 12), (_QCD, 4)):
        marker, length = struct.unpack_from(">HH", data, at)
        if marker != wanted or length < shortest:
            raise ScrubCheckFailed
        _check_coding(data[at + 4 : at + 2 + length], wanted)
        at += 2 + length
    marker, length, tile, part, number, parts = struct.unpack_from(">HHHIBB", data, at)
    (next_marker,) = struct.unpack_from(">H", data, at + 12)
    (last,) = struct.unpack_from(">H", data, len(data) - 2)
    complete = at + part + 2 == len(data) and (marker, next_marker, last) == (_SOT, _SOD, _EOC)
    if not complete or (length, tile, number, parts) != (10, 0, 0, 1):
        raise ScrubCheckFailed
    return count, depth


def _check_coding(payload: bytes, marker: int) -> None:
    """COD with reversible transform and without markers in packets (A.6.1); QCD without quantization (A.6.4)."""
    if marker == _COD:
        style, order, layers, together, levels, wide, high, code_style, transform = struct.unpack(">BBHBBBBBB", payload)
        fine = (style, order, layers, code_style, transform) == (0, 0, 1, 0, 1)
        fine = fine and together in (0, 1) and levels <= 32 and (wide, high) == (4, 4)
    else:
        fine = payload[0] & 0x1F == 0 and (len(payload) - 2) % 3 == 0 and not any(step & 7 for step in payload[1:])
    if not fine:
        raise ScrubCheckFailed


def _header_names(data: bytes, start: int, end: int) -> Iterator[str]:
    for name, first, _ in boxes(data, start, end):
        if name == b"colr" and data[first] != 1:
            yield "icc"
        elif name == b"res ":
            yield "jp2.resolution"
        elif name not in _HEADER_BOXES:
            yield "box.other"


def _uuid_names(payload: bytes) -> Iterator[str]:
    kind, block = payload[:16], payload[16:]
    if kind == _EXIF:
        yield from exif_names(block)
    elif kind == _XMP:
        yield from xmp_names(block)
    elif kind == _GEO:
        yield "jp2.geo"
    else:
        yield {_IPTC: "iptc", _C2PA: "c2pa"}.get(kind, "box.other")


def _codestream_names(data: bytes) -> Iterator[str]:
    """Comments in the main header; what lies behind the end is told only of the last byte pair."""
    at = 2
    for _ in range(_MAX_SEGMENTS):
        if at + 4 > len(data):
            yield "unreadable"
            return
        marker, length = struct.unpack_from(">HH", data, at)
        if marker == _SOT:
            break
        if marker == _COM:
            yield "comment"
        at += 2 + max(length, 2)
    while at + 12 <= len(data) and data[at : at + 2] == b"\xff\x90":
        (part,) = struct.unpack_from(">I", data, at + 6)
        if part < 14:
            return
        at += part
    yield from ("trailer",) if data[at : at + 2] == b"\xff\xd9" and at + 2 < len(data) else ()
