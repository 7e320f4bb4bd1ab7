"""JPEG: segments from SOI to EOI."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from anonymizer.errors import ScrubCheckFailed
from anonymizer.metadata.blocks import exif_names, photoshop_names, trailer_names, xmp_names

_SOI, _EOI, _SOS, _DQT, _DHT, _DRI, _COM = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xDD, 0xFE
_APP0, _APP15 = 0xE0, 0xEF
_RESTARTS = range(0xD0, 0xD8)
_TEM = 0x01
_FRAMES = (0xC0, 0xC1, 0xC2)

_MAX_SEGMENTS = 20_000

# A byte 0xFF in entropy-coded data is followed by 0 (stuffing) or is a restart marker; all else ends the scan.
_SCAN_END = re.compile(rb"\xff[^\x00\xd0-\xd7]")

_AFTER_FILL = re.compile(rb"[^\xff]")

_OUR_JFIF = b"JFIF\0\1\1\0\0\1\0\1\0\0"

_EXIF = b"Exif\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_XMP_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
_PHOTOSHOP = b"Photoshop 3.0\0"

_APP_SIGNS: tuple[tuple[int, bytes, str], ...] = (
    (0xE0, b"JFXX\0", "jfif.thumbnail"),
    (0xE2, b"ICC_PROFILE\0", "icc"),
    (0xE2, b"MPF\0", "mpf"),
    (0xE2, b"FPXR\0", "app.flashpix"),
    (0xE2, b"urn:iso:std:iso:ts:21496", "gainmap"),
    (0xEE, b"Adobe", "app.adobe"),
)


class Segment(NamedTuple):
    """One marker with its payload.

    Attributes:
        marker: Second byte of the marker.
        payload: Without marker and length; of a scan, the scan header.
        gap: Bytes before the marker that belong to nothing: fill bytes or rubbish.
        end: Offset of the first byte behind it; of a scan, behind its entropy-coded data.
    """

    marker: int
    payload: bytes
    gap: int
    end: int


def segments(data: bytes) -> Iterator[Segment]:
    """Walks from SOI to EOI; stops earlier where the file does not go on as a JPEG or has too many segments."""
    if data[:2] != b"\xff\xd8":
        return
    yield Segment(_SOI, b"", 0, 2)
    at = 2
    for _ in range(_MAX_SEGMENTS):
        segment = _segment_after(data, at)
        if segment is None:
            return
        yield segment
        if segment.marker == _EOI:
            return
        at = segment.end


def inventory(data: bytes) -> Iterator[str]:
    """What a source carries; see `anonymizer.metadata.inventory`."""
    last = None
    for segment in segments(data):
        last = segment
        if segment.gap:
            yield "gap"
        if segment.marker == _COM:
            yield "comment"
        if _APP0 <= segment.marker <= _APP15:
            yield from _app_names(segment.marker, segment.payload)
    if last is None or last.marker != _EOI:
        yield "unreadable"
    else:
        yield from trailer_names(data[last.end :])


def check(data: bytes, width: int, height: int) -> None:
    """What we write: SOI, plain JFIF, tables, one frame, scans, EOI; see `anonymizer.metadata.check`."""
    found = list(segments(data))
    markers = [segment.marker for segment in found]
    frames = [segment for segment in found if segment.marker in _FRAMES]
    complete = (
        markers[:2] == [_SOI, _APP0]
        and markers[-1] == _EOI
        and found[-1].end == len(data)
        and markers.count(_APP0) == len(frames) == 1
        and _SOS in markers
        and not any(segment.gap for segment in found)
    )
    if not complete or not all(_is_ours(segment) for segment in found):
        raise ScrubCheckFailed
    precision, lines, samples, components = struct.unpack_from(">BHHB", frames[0].payload)
    plain = precision == 8 and components in (1, 3) and len(frames[0].payload) == 6 + 3 * components
    if not plain or (samples, lines) != (width, height):
        raise ScrubCheckFailed


def _segment_after(data: bytes, at: int) -> Segment | None:
    start = data.find(b"\xff", at)
    if start < 0:
        return None
    fill = _AFTER_FILL.search(data, start)
    if fill is None:
        return None
    after = fill.end()
    marker, gap = data[after - 1], after - 2 - at
    if marker in (0x00, _TEM, _SOI, _EOI) or marker in _RESTARTS:
        return Segment(marker, b"", gap, after)
    end = after + int.from_bytes(data[after : after + 2], "big")
    if end < after + 2 or end > len(data):
        return None
    payload = data[after + 2 : end]
    if marker == _SOS:
        scan_end = _SCAN_END.search(data, end)
        if scan_end is None:
            return None
        end = scan_end.start()
    return Segment(marker, payload, gap, end)


def _app_names(marker: int, payload: bytes) -> Iterator[str]:
    if marker == _APP0 and payload.startswith(b"JFIF\0"):
        if payload[12:14].strip(b"\0"):
            yield "jfif.thumbnail"
    elif marker == 0xE1 and payload.startswith(_EXIF):
        yield from exif_names(payload)
    elif marker == 0xE1 and payload.startswith(_XMP):
        yield from xmp_names(payload)
    elif marker == 0xE1 and payload.startswith(_XMP_EXTENSION):
        yield "xmp.extended"
        yield from xmp_names(payload)
    elif marker == 0xEB and payload.startswith(b"JP"):
        yield "c2pa" if b"c2pa" in payload else "jumbf"
    elif marker == 0xED and payload.startswith(_PHOTOSHOP):
        yield from photoshop_names(payload[len(_PHOTOSHOP) :])
    else:
        names = [name for number, sign, name in _APP_SIGNS if number == marker and payload.startswith(sign)]
        yield from names or ["app.other"]


def _is_ours(segment: Segment) -> bool:
    marker, payload = segment.marker, segment.payload
    if marker == _APP0:
        return payload == _OUR_JFIF
    if marker == _DQT:
        return _are_byte_tables(payload)
    if marker == _DHT:
        return _are_huffman_tables(payload)
    if marker == _DRI:
        return len(payload) == 2
    if marker == _SOS:
        return len(payload) == 4 + 2 * payload[0]
    return marker in (_SOI, _EOI, *_FRAMES)


def _are_byte_tables(payload: bytes) -> bool:
    """8-bit quantization tables, number and 64 values each, nothing behind them (T.81, B.2.4.1)."""
    return len(payload) > 0 and len(payload) % 65 == 0 and all(number < 4 for number in payload[::65])


def _are_huffman_tables(payload: bytes) -> bool:
    """Class and number, 16 counts, as many values, nothing behind them (T.81, B.2.4.2)."""
    at = 0
    while at < len(payload):
        if payload[at] & 0xEC:
            return False
        at += 17 + sum(payload[at + 1 : at + 17])
    return at == len(payload) > 0
