"""Segments of a JPEG file: reading them, and the few fixed ones that we write (ITU-T T.81, annex B)."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anonymizer.errors import EncodeError
from anonymizer.image.codec.jpeg.layout import Model

SOI, EOI, SOS, DQT, DHT, DRI, DAC = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xDD, 0xCC
APP0, APP1, APP2, APP14 = 0xE0, 0xE1, 0xE2, 0xEE
FRAMES = frozenset(range(0xC0, 0xD0)) - {DHT, 0xC8, DAC}
"""Start of a frame, whatever its process."""

START, END = b"\xff\xd8", b"\xff\xd9"

_STANDALONE = (0x00, 0x01, *range(0xD0, 0xD8))
_MAX_SEGMENTS = 20_000
_MAX_PROFILE_BYTES = 65_519

_AFTER_FILL = re.compile(rb"[^\xff]")

_SCAN_PARTS = (2**12, 2**18)
"""Bytes of a scan that are searched first, and then at a time: a file may have many short ones."""


def _ending(*going_on: range) -> NDArray[np.bool_]:
    """For each byte whether a scan ends where it follows 0xFF."""
    ends = np.ones(256, bool)
    for codes in going_on:
        ends[codes.start : codes.stop] = False
    return ends


# In entropy-coded data 0xFF is followed by 0 (stuffing), more of its kind (fill) or a restart marker.
_SCAN_END = _ending(range(1), range(0xD0, 0xD8), range(0xFF, 0x100))

# Where there are restart markers, libjpeg passes over damage that looks like a marker below 0xC0, which no file has in
# earnest, and goes on behind the next restart marker (`jpeg_resync_to_restart`).
_RESTARTED_SCAN_END = _ending(range(0xC0), range(0xD0, 0xD8), range(0xFF, 0x100))

_JFIF = b"JFIF\0\1\1\0\0\1\0\1\0\0"
_ADOBE = b"Adobe\0\x64\0\0\0\0"
_ADOBE_TRANSFORMS: dict[Model, bytes] = {"rgb": b"\0", "cmyk": b"\0", "ycck": b"\2"}


class Segment(NamedTuple):
    """A marker, its payload without the length, and for a scan the entropy-coded data."""

    marker: int
    payload: bytes
    coded: bytes


def segments(data: bytes) -> Iterator[Segment]:
    """From behind SOI up to EOI, or up to where the file does not go on as a JPEG; bytes between are left out."""
    at, scan_end = len(START), _SCAN_END
    for _ in range(_MAX_SEGMENTS):
        start = data.find(b"\xff", at)
        fill = _AFTER_FILL.search(data, start) if start >= 0 else None
        if fill is None:
            return
        marker, at = data[fill.start()], fill.end()
        if marker in _STANDALONE:
            continue
        if marker == EOI:
            yield Segment(EOI, b"", b"")
        end = at + int.from_bytes(data[at : at + 2], "big")
        if marker in (SOI, EOI) or end < at + 2 or end > len(data):
            return
        payload, at = data[at + 2 : end], end
        if marker == DRI:
            scan_end = _RESTARTED_SCAN_END if any(payload) else _SCAN_END
        if marker == SOS:
            at = _end_of_scan(data, end, scan_end)
        yield Segment(marker, payload, data[end:at].rstrip(b"\xff"))


def _end_of_scan(data: bytes, start: int, ends: NDArray[np.bool_]) -> int:
    """Where the marker behind a scan stands; the end of the data if there is none. Several times as fast as `re`."""
    values, (size, usual) = np.frombuffer(data, np.uint8), _SCAN_PARTS
    while start < len(data) - 1:
        part = values[start : start + size + 1]
        marks = np.flatnonzero(part[:-1] == 0xFF)
        found = marks[ends[part[marks + 1]]]
        if len(found):
            return start + int(found[0])
        start, size = start + size, usual
    return len(data)


def written(marker: int, payload: bytes) -> bytes:
    """One segment."""
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def color_marker(model: Model, adobe: bool) -> bytes:
    """The segment that tells a decoder how colours are coded: JFIF for gray and YCbCr, else Adobe's, or none.

    JFIF 1.01 without density or thumbnail; Adobe's version 100 without flags (Adobe Technical Note 5116).
    """
    if model in ("gray", "ycbcr"):
        return written(APP0, _JFIF)
    return written(APP14, _ADOBE + _ADOBE_TRANSFORMS[model]) if adobe else b""


def reframed(fresh: bytes, marker: bytes, profile: bytes | None) -> bytes:
    """A file that a library has just written, with our segments in place of its own.

    Args:
        fresh: The library's file.
        marker: Of `color_marker`.
        profile: ICC profile of a public colour space, or None.

    Raises:
        EncodeError: The profile does not fit into one segment.
    """
    if profile is not None and len(profile) > _MAX_PROFILE_BYTES:
        raise EncodeError
    parts = [START, marker]
    if profile is not None:
        parts.append(written(APP2, b"ICC_PROFILE\0\1\1" + profile))
    for name, payload, coded in segments(fresh):
        if name in (DQT, DHT, SOS) or name in FRAMES:
            parts += (written(name, payload), coded)
    return b"".join((*parts, END))
