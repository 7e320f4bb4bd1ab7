"""JPEG: segments from SOI to EOI."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from anonymizer.errors import ScrubCheckFailed
from anonymizer.image.metadata.blocks import exif_names, photoshop_names, trailer_names, xmp_names
from anonymizer.image.metadata.jpeg.scans import Scans
from anonymizer.image.profiles import PROFILES

_SOI, _EOI, _SOS, _DQT, _DHT, _COM = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xFE
_APP0, _APP2, _APP14, _APP15 = 0xE0, 0xE2, 0xEE, 0xEF
_RESTARTS = range(0xD0, 0xD8)
_TEM = 0x01
_BASELINE, _PROGRESSIVE, _LOSSLESS = 0xC0, 0xC2, 0xC3
_FRAMES: dict[int, tuple[int, ...]] = {_BASELINE: (8,), 0xC1: (8, 12), _PROGRESSIVE: (8, 12), _LOSSLESS: (8, 12, 16)}
"""Frames of outputs, and how many bits their samples can have."""

# Frames of sources whose scans bring coefficients; with arithmetic coding too.
_ALL_FRAMES, _ALL_PROGRESSIVE = (_BASELINE, 0xC1, _PROGRESSIVE, 0xC9, 0xCA), (_PROGRESSIVE, 0xCA)

_MAX_SEGMENTS = 20_000

# A byte 0xFF in entropy-coded data is followed by 0 (stuffing) or is a restart marker; all else ends the scan.
# Bytes of a scan that are searched first, and then at a time: a file may have many short ones.
_SCAN_PARTS = (2**12, 2**18)
_STUFFED, _RESTARTED = np.zeros(256, bool), np.zeros(256, bool)
_STUFFED[0] = True
_RESTARTED[_RESTARTS.start : _RESTARTS.stop] = True

_AFTER_FILL = re.compile(rb"[^\xff]")

_OUR_JFIF = b"JFIF\0\1\1\0\0\1\0\1\0\0"
_OUR_ADOBE = b"Adobe\0\x64\0\0\0\0"
_OUR_ICC = b"ICC_PROFILE\0\1\1"

# Names of the components (T.81, B.2.2) to the segment that stands before them, as (marker, payload); None = no segment.
_COLOR_MARKERS: dict[bytes, tuple[tuple[int, bytes] | None, ...]] = {
    b"\1": ((_APP0, _OUR_JFIF),),
    b"\1\2\3": ((_APP0, _OUR_JFIF),),
    b"RGB": ((_APP14, _OUR_ADOBE + b"\0"),),
    b"CMYK": ((_APP14, _OUR_ADOBE + b"\0"), None),
    b"\1\2\3\4": ((_APP14, _OUR_ADOBE + b"\2"),),
}

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
        restarts: The entropy-coded data are cut up by restart markers.
    """

    marker: int
    payload: bytes
    gap: int
    end: int
    restarts: bool = False


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
    """What a source carries; see `anonymizer.image.metadata.inventory`."""
    last = None
    scans: Scans | None = None
    for segment in segments(data):
        last = segment
        if segment.gap:
            yield "gap"
        if segment.marker == _COM:
            yield "comment"
        if _APP0 <= segment.marker <= _APP15:
            yield from _app_names(segment.marker, segment.payload)
        if segment.marker in _ALL_FRAMES and scans is None:
            scans = Scans(segment.payload[6::3], segment.marker in _ALL_PROGRESSIVE)
        if segment.marker == _SOS and scans is not None and not scans.needs(segment.payload):
            yield "scan.surplus"
    if last is None or last.marker != _EOI:
        yield "unreadable"
    else:
        yield from trailer_names(data[last.end :])


def check(data: bytes, width: int, height: int, frame_count: int) -> None:
    """What we write: SOI, one colour marker, a public profile or none, tables, one frame, its scans, EOI.

    See `anonymizer.image.metadata.check`.
    """
    found = list(segments(data))
    frames = [segment for segment in found if segment.marker in _FRAMES]
    closed = len(found) > 2 and found[-1].marker == _EOI and found[-1].end == len(data)
    if not closed or frame_count != 1 or len(frames) != 1 or any(segment.gap for segment in found):
        raise ScrubCheckFailed
    frame = frames[0]
    precision, lines, samples, components = struct.unpack_from(">BHHB", frame.payload)
    if (
        precision not in _FRAMES[frame.marker]
        or (samples, lines) != (width, height)
        or len(frame.payload) != 6 + 3 * components
    ):
        raise ScrubCheckFailed
    body = found[_opening_length(found, frame.payload[6::3]) : -1]
    if not all(_is_ours(segment, frame.marker) for segment in body) or not _uses_its_tables(body, frame):
        raise ScrubCheckFailed
    scans = Scans(frame.payload[6::3], frame.marker == _PROGRESSIVE, frame.marker == _LOSSLESS)
    if not all(scans.needs(segment.payload) for segment in body if segment.marker == _SOS) or not scans.complete:
        raise ScrubCheckFailed


def _opening_length(found: list[Segment], names: bytes) -> int:
    """How many segments come before tables and frame: SOI, what tells the colours, a public profile.

    Raises:
        ScrubCheckFailed: They are not those that belong to components of these names.
    """
    length = 1
    markers = _COLOR_MARKERS.get(names, ())
    if (found[1].marker, found[1].payload) in markers:
        length = 2
    elif None not in markers:
        raise ScrubCheckFailed
    return length + (found[length].marker == _APP2 and _is_public_profile(found[length].payload))


def _is_public_profile(payload: bytes) -> bool:
    return payload.startswith(_OUR_ICC) and payload[len(_OUR_ICC) :] in PROFILES.values()


def _uses_its_tables(body: list[Segment], frame: Segment) -> bool:
    """Whether each quantization table is defined once, and for a component: another would be a hiding place."""
    defined: list[int] = []
    for segment in body:
        if segment.marker == _DQT:
            defined += [number & 15 for number, _ in _quantization_tables(segment.payload)]
    if frame.marker == _LOSSLESS:
        return not defined and not any(frame.payload[8::3])
    return sorted(defined) == sorted(set(frame.payload[8::3]))


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
        scan_end, restarts = _scan_end(data, end)
        return Segment(marker, payload, gap, scan_end, restarts) if scan_end is not None else None
    return Segment(marker, payload, gap, end)


def _scan_end(data: bytes, start: int) -> tuple[int | None, bool]:
    """Where the marker behind a scan stands, None if there is none, and whether restart markers come before it.

    NumPy searches several times as fast as `re`.
    """
    values, restarts, (size, usual) = np.frombuffer(data, np.uint8), False, _SCAN_PARTS
    while start < len(data) - 1:
        part = values[start : start + size + 1]
        marks = np.flatnonzero(part[:-1] == 0xFF)
        after = part[marks + 1]
        restarted = _RESTARTED[after]
        ends = np.flatnonzero(~(_STUFFED[after] | restarted))
        if len(ends):
            return start + int(marks[ends[0]]), restarts or bool(restarted[: ends[0]].any())
        restarts = restarts or bool(restarted.any())
        start, size = start + size, usual
    return None, restarts


def _app_names(marker: int, payload: bytes) -> Iterator[str]:
    """Names for an application segment; none for those that we would write just so."""
    if marker == _APP14 and payload in (_OUR_ADOBE + b"\0", _OUR_ADOBE + b"\2"):
        return
    if marker == _APP2 and _is_public_profile(payload):
        return
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


def _is_ours(segment: Segment, frame_marker: int) -> bool:
    marker, payload = segment.marker, segment.payload
    if marker == _DQT:
        # Steps of 16 bits are not baseline (T.81, B.2.4.1).
        kinds = [number >> 4 for number, _ in _quantization_tables(payload)]
        return bool(kinds) and max(kinds) <= (frame_marker != _BASELINE)
    if marker == _DHT:
        return _are_huffman_tables(payload)
    return marker in (_SOS, frame_marker) and not segment.restarts


def _quantization_tables(payload: bytes) -> Iterator[tuple[int, bytes]]:
    """(precision and number, 64 steps) of each table (T.81, B.2.4.1).

    Raises:
        ValueError: Bytes are missing.
    """
    at = 0
    while at < len(payload):
        end = at + 65 + 64 * (payload[at] >> 4)
        if end > len(payload):
            raise ValueError
        yield payload[at], payload[at + 1 : end]
        at = end


def _are_huffman_tables(payload: bytes) -> bool:
    """Class and number, 16 counts, as many values, nothing behind them (T.81, B.2.4.2)."""
    at = 0
    while at < len(payload):
        if payload[at] & 0xEC:
            return False
        at += 17 + sum(payload[at + 1 : at + 17])
    return at == len(payload) > 0
