"""The parts of a JPEG file that its primary picture is made of, and no other."""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO

import numpy as np
from PIL import Image

from anonymizer.errors import DecodeError, UnsupportedFormat
from anonymizer.image.codec.jpeg.layout import IDS, Component, Layout, Model
from anonymizer.image.codec.jpeg.markers import (
    APP0,
    APP1,
    APP2,
    APP14,
    DAC,
    DHT,
    DQT,
    DRI,
    END,
    EOI,
    FRAMES,
    SOS,
    START,
    color_marker,
    segments,
    written,
)
from anonymizer.image.codec.jpeg.scans import Scans

_BASELINE_FRAME, _LOSSLESS_FRAME = 0xC0, 0xC3
_PROGRESSIVE_FRAMES, _ARITHMETIC_FRAMES = (0xC2, 0xCA), (0xC9, 0xCA)
_SAMPLE_BITS: dict[int, range | tuple[int, ...]] = {
    _BASELINE_FRAME: (8,),
    _LOSSLESS_FRAME: range(2, 17),
    **dict.fromkeys((0xC1, *_PROGRESSIVE_FRAMES, 0xC9), (8, 12)),
}
"""Frames that are read to how many bits their samples can have (T.81, table B.2)."""

# Place in the block of each coefficient as they come (T.81, figure A.6): along diagonals, every other one upwards.
_ZIGZAG = sorted(range(64), key=lambda n: (n // 8 + n % 8, n // 8 if (n // 8 + n % 8) % 2 else n % 8))


@dataclass(frozen=True, slots=True)
class Source:
    """A JPEG file without anything but its picture.

    Attributes:
        layout: As stored, before the picture is turned upright.
        bare: The file anew: our marker for the colours, tables, the frame and the scans that the picture needs, with
            components renamed, and EOI. What lay between and behind them is gone.
        ended: The file has EOI itself.
        complete: There is a scan for every coefficient, once and to its full precision.
        arithmetic: Coded arithmetically, where nobody can tell that data are missing: they read as zeros (T.81, D.2.6).
        scan_count: Scans in `bare`: so many passes over the picture it takes to read it.
        exif: Payload of the first EXIF segment.
        profile: ICC profile.
    """

    layout: Layout
    bare: bytes
    ended: bool
    complete: bool
    arithmetic: bool
    scan_count: int
    exif: bytes | None
    profile: bytes | None


@dataclass(slots=True)
class _Header:
    """What the segments have said so far."""

    marker: int = 0
    frame: bytes = b""
    exif: bytes | None = None
    profile_parts: list[bytes] = field(default_factory=list)
    jfif: bool = False
    adobe_transform: int | None = None
    tables: dict[int, tuple[int, ...]] = field(default_factory=dict)
    settled: dict[int, tuple[int, ...]] = field(default_factory=dict)
    own_codes: bool = False
    predictor: int = 0

    @property
    def is_progressive(self) -> bool:
        return self.marker in _PROGRESSIVE_FRAMES

    @property
    def component_count(self) -> int:
        return self.frame[5]

    @property
    def names(self) -> bytes:
        """One byte for each component, by which scans call them."""
        return self.frame[6::3]

    @property
    def model(self) -> Model:
        """How colours are coded, by the rules of libjpeg (`default_decompress_parms`)."""
        if self.component_count == 1:
            return "gray"
        if self.component_count == 4:
            return "ycck" if self.adobe_transform else "cmyk"
        if self.jfif:
            return "ycbcr"
        if self.adobe_transform is not None:
            return "ycbcr" if self.adobe_transform else "rgb"
        # Without a word about colours a lossless picture's three components are the samples themselves.
        return "rgb" if self.names == b"RGB" or self.marker == _LOSSLESS_FRAME else "ycbcr"

    @property
    def profile(self) -> bytes | None:
        """The ICC profile, if each of its numbered parts is there (ICC.1, annex B.4)."""
        parts = sorted(self.profile_parts)
        numbers = [part[12] for part in parts]
        complete = bool(parts) and numbers == list(range(1, parts[0][13] + 1))
        return b"".join(part[14:] for part in parts) if complete else None

    def layout(self) -> Layout:
        """Of the stored picture."""
        height, width = struct.unpack_from(">HH", self.frame, 1)
        single = self.component_count == 1
        components = tuple(
            Component(*((1, 1) if single else (both >> 4, both & 15)), self.settled.get(number, ()))
            for number, both in enumerate(self.frame[7::3])
        )
        adobe = self.adobe_transform is not None or self.model == "rgb"
        # Standard codes are those of the baseline process; the others' are always made to measure.
        optimized = self.own_codes or self.marker != _BASELINE_FRAME
        return Layout(
            width, height, components, self.model, adobe, self.is_progressive, optimized, self.frame[0], self.predictor
        )


def read(data: bytes) -> Source:
    """Walks a JPEG, MPO or Ultra HDR file up to the end of its primary picture.

    Args:
        data: The file; not trusted.

    Raises:
        DecodeError: There is no scan, not exactly one frame before it, too many scans, or nothing in the first.
        UnsupportedFormat: Hierarchical, lossless with arithmetic coding, or another process that libjpeg does not read.
    """
    header, body, ended = _Header(), list[bytes](), False
    scans: Scans | None = None
    for marker, payload, coded in segments(data):
        ended = marker == EOI
        if marker == SOS:
            if not header.frame:
                raise DecodeError
            if scans is None:
                scans = _first_scan(header, payload, coded)
            body += _scan(header, scans, payload, coded)
        elif marker in (DQT, DHT, DRI, DAC):
            body.append(written(marker, payload))
            if marker == DQT:
                header.tables |= _quantization_tables(payload)
            elif marker == DHT and not header.own_codes:
                header.own_codes = not _standard_codes().issuperset(_huffman_tables(payload))
        elif scans is None:
            _note(header, marker, payload)
    if scans is None:
        raise DecodeError
    layout = header.layout()
    opening = (START, color_marker(layout.model, layout.adobe), written(header.marker, _frame(header)))
    bare = b"".join((*opening, *body, END))
    arithmetic = header.marker in _ARITHMETIC_FRAMES
    return Source(layout, bare, ended, scans.complete, arithmetic, scans.taken, header.exif, header.profile)


def _note(header: _Header, marker: int, payload: bytes) -> None:
    """Takes down what a segment before the first scan says."""
    if marker in FRAMES:
        if marker not in _SAMPLE_BITS:
            raise UnsupportedFormat
        if header.frame or payload[5] not in (1, 3, 4) or len(payload) != 6 + 3 * payload[5]:
            raise DecodeError
        if payload[0] not in _SAMPLE_BITS[marker]:
            raise UnsupportedFormat
        header.marker, header.frame = marker, payload
    elif marker == APP0 and payload.startswith(b"JFIF\0") and len(payload) >= 14:
        header.jfif = True
    elif marker == APP14 and payload.startswith(b"Adobe") and len(payload) >= 12:
        header.adobe_transform = payload[11]
    elif marker == APP1 and payload.startswith(b"Exif\0") and header.exif is None:
        header.exif = payload
    elif marker == APP2 and payload.startswith(b"ICC_PROFILE\0") and len(payload) > 14:
        header.profile_parts.append(payload)


def _first_scan(header: _Header, payload: bytes, coded: bytes) -> Scans:
    """What the scans bring is followed from here.

    Raises:
        DecodeError: There is nothing in the first scan, or a lossless one foretells its samples from nothing.
    """
    if header.marker == _LOSSLESS_FRAME:
        header.predictor = int.from_bytes(payload[-3:-2])
        if not 1 <= header.predictor <= 7:
            raise DecodeError
    if not coded:
        raise DecodeError
    return Scans(header.component_count, header.is_progressive)


def _scan(header: _Header, scans: Scans, payload: bytes, coded: bytes) -> list[bytes]:
    """A scan with its components renamed; nothing if the picture does not need it.

    Raises:
        DecodeError: It is of components that are not there.
    """
    count = payload[0]
    if not 1 <= count <= 4 or len(payload) != 4 + 2 * count:
        raise DecodeError
    numbers: list[int] = []
    for wanted in payload[1:-3:2]:
        # The first that is not in the scan already: so libjpeg resolves names that occur twice.
        same = [number for number, name in enumerate(header.names) if name == wanted and number not in numbers]
        if not same:
            raise DecodeError
        numbers += same[:1]
    if not scans.takes(numbers, *payload[-3:]):
        return []
    for number in numbers:
        # A component's first scan settles which table counts, as in libjpeg.
        header.settled.setdefault(number, header.tables.get(header.frame[8 + 3 * number], ()))
    renamed = bytearray(payload)
    renamed[1:-3:2] = bytes(IDS[header.model][number] for number in numbers)
    return [written(SOS, bytes(renamed)), coded]


def _frame(header: _Header) -> bytes:
    """The frame's payload with its components renamed."""
    renamed = bytearray(header.frame)
    renamed[6::3] = IDS[header.model]
    return bytes(renamed)


@functools.cache
def _standard_codes() -> frozenset[bytes]:
    """The Huffman tables of T.81, annex K.3, which libjpeg writes where it is asked for no others."""
    plain = BytesIO()
    Image.new("YCbCr", (8, 8)).save(plain, "JPEG")
    return frozenset(
        table
        for marker, payload, _ in segments(plain.getvalue())
        if marker == DHT
        for table in _huffman_tables(payload)
    )


def _huffman_tables(payload: bytes) -> Iterator[bytes]:
    """A segment's tables, each with its class and number: 16 counts, then as many values (T.81, B.2.4.2)."""
    at = 0
    while at < len(payload):
        end = at + 17 + sum(payload[at + 1 : at + 17])
        yield payload[at:end]
        at = end


def _quantization_tables(payload: bytes) -> dict[int, tuple[int, ...]]:
    """Number to steps, row after row (T.81, B.2.4.1); what is cut off is left out."""
    found: dict[int, tuple[int, ...]] = {}
    at = 0
    while at < len(payload):
        kind, number = payload[at] >> 4, payload[at] & 15
        end = at + 1 + 64 * (kind + 1)
        if kind > 1 or end > len(payload):
            break
        steps = np.frombuffer(payload[at + 1 : end], ">u2" if kind else "u1")
        table = np.zeros(64, int)
        table[_ZIGZAG] = steps
        found[number] = tuple(table.tolist())
        at = end
    return found
