"""Camera raw by the JPEG that the camera put into the file beside it, where a user asks for that (`codec.raw=preview`).

DNG, NEF, CR2, ARW, PEF and the like are TIFF; CR3 is an ISO base media file; RAF has a header of its own. ORF and RW2
are not read: the one hides its preview in a maker's note, the other's are small.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from anonymizer.config import CodecConfig
from anonymizer.errors import DecodeError, UnsupportedFormat
from anonymizer.image.codec import jpeg
from anonymizer.image.codec.camera_raw import is_camera_raw
from anonymizer.image.codec.isobmff.boxes import Box, boxes, descend, whole
from anonymizer.image.codec.orientation import read_orientation
from anonymizer.image.codec.tiff.directory import Directory, is_tiff, readable_directories
from anonymizer.records import Encoded, Picture

_SHARE = 3, 4
"""A JPEG whose sides are less than this share of the raw picture's is a thumbnail, and not published for it."""

_MAX_DIRECTORIES, _MAX_STRIPS, _MAX_SEGMENTS = 64, 1, 200

_WIDTH, _LENGTH, _OFFSETS, _COUNTS = 256, 257, 273, 279
_JPEG_OFFSET, _JPEG_LENGTH = 513, 514

_RAF = b"FUJIFILMCCD-RAW"
_RAF_PLACES = struct.Struct(">4I")
_RAF_PLACES_AT, _RAF_SIZE, _MAX_RECORDS = 84, 0x100, 255
"""Offsets and sizes of the JPEG and of the records about the sensor; the record of its height and width."""

_LOSSLESS_FRAME = 0xC3
_FRAMES = (0xC0, 0xC1, 0xC2, _LOSSLESS_FRAME)

# Canon's boxes about the file, in the box of the film (lclevy's description of CR3).
_CANON = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")


class _Found(NamedTuple):
    """A JPEG in a raw file: the offset of its first byte, its size in bytes, its sides, and its process."""

    at: int
    size: int
    width: int
    height: int
    frame: int


def is_preview_source(data: bytes) -> bool:
    """Whether a file is camera raw of a kind whose JPEG we look for."""
    return data.startswith(_RAF) or (data[4:12] == b"ftypcrx ") or (is_tiff(data) and is_camera_raw(data))


def decode(data: bytes, config: CodecConfig) -> Picture:
    """Reads the largest JPEG in a camera's raw file, turned as the raw's own first directory says.

    Raises:
        UnsupportedFormat: There is none, its sides are less than three quarters of the raw picture's, or those are not
            stated.
    """
    sizes, found, orientation = _contents(data)
    readable = [one for one in found if one.frame != _LOSSLESS_FRAME]
    if not readable or not sizes:
        raise UnsupportedFormat
    best = max(readable, key=lambda one: one.width * one.height)
    sizes += [(one.width, one.height) for one in found]
    if any(_is_much_less(best, size) for size in sizes):
        raise UnsupportedFormat
    content = data[best.at : best.at + best.size]
    if orientation is not None:
        content = content[:2] + jpeg.orientation_segment(orientation) + content[2:]
    return replace(jpeg.decode(content, config), format="raw")


def encode(picture: Picture) -> Encoded:
    """Writes the JPEG; it is another picture than the raw's, even where its own coefficients stay."""
    return replace(jpeg.encode(replace(picture, format="jpeg")), encoding="reencoded")


def _is_much_less(found: _Found, size: tuple[int, int]) -> bool:
    over, under = _SHARE
    pairs = zip(sorted((found.width, found.height)), sorted(size), strict=True)
    return any(under * here < over * there for here, there in pairs)


def _contents(data: bytes) -> tuple[list[tuple[int, int]], list[_Found], int | None]:
    """Sizes that the file states, the JPEGs in it, and how they are turned; None: as they say themselves."""
    if data.startswith(_RAF):
        at, size, records, _ = _RAF_PLACES.unpack_from(data, _RAF_PLACES_AT)
        return list(_fuji_sizes(data, records)), list(_measured(data, at, size)), None
    if data[4:8] == b"ftyp":
        return _canon_contents(data)
    sizes, found = list[tuple[int, int]](), list[_Found]()
    for directory in _directories(data):
        sizes.append((directory.number(_WIDTH, 0), directory.number(_LENGTH, 0)))
        for offset, count in ((_OFFSETS, _COUNTS), (_JPEG_OFFSET, _JPEG_LENGTH)):
            places = directory.numbers(offset, 2)
            if len(places) == 1:
                found += _measured(data, int(places[0]), directory.number(count, 0))
    return sizes, found, read_orientation(data)


def _fuji_sizes(data: bytes, at: int) -> Iterator[tuple[int, int]]:
    """Width and height of the sensor's picture, from the records of a RAF file."""
    (count,) = struct.unpack_from(">I", data, at)
    at += 4
    for _ in range(min(count, _MAX_RECORDS)):
        name, size = struct.unpack_from(">HH", data, at)
        if name == _RAF_SIZE and size == 4:
            height, width = struct.unpack_from(">HH", data, at + 4)
            yield width, height
        at += 4 + size


def _directories(data: bytes) -> Iterator[Directory]:
    """Those that can be read, with their sizes and places."""
    for directory in readable_directories(data, _MAX_DIRECTORIES):
        try:
            directory.numbers(_WIDTH, 1), directory.numbers(_OFFSETS, 2)
        except (DecodeError, struct.error):
            continue
        yield directory


def _canon_contents(data: bytes) -> tuple[list[tuple[int, int]], list[_Found], int | None]:
    """Of CR3: each track of the film is a picture, the first one a JPEG; the sizes stand in the sample entries."""
    sizes, found = list[tuple[int, int]](), list[_Found]()
    film = descend(data, whole(data), b"moov")
    inner = boxes(data, film.start, film.end) if film is not None else iter(())
    for trak in islice(inner, _MAX_DIRECTORIES):
        table = descend(data, trak, b"mdia", b"minf", b"stbl") if trak.name == b"trak" else None
        if table is None:
            continue
        entry, where, long = (descend(data, table, name) for name in (b"stsd", b"co64", b"stsz"))
        if entry is None or where is None or long is None:
            continue
        # The first sample entry, as one of a film: width and height behind 24 bytes of its fields.
        if data[entry.start + 12 : entry.start + 16] == b"CRAW":
            sizes.append(struct.unpack_from(">HH", data, entry.start + 40))
        (at,) = struct.unpack_from(">Q", data, where.start + 8)
        one, _ = struct.unpack_from(">II", data, long.start + 4)
        size = one or struct.unpack_from(">I", data, long.start + 12)[0]
        found += _measured(data, at, size)
    return sizes, found, None if film is None else _canon_orientation(data, film)


def _canon_orientation(data: bytes, film: Box) -> int:
    for box in boxes(data, film.start, film.end):
        if box.name == b"uuid" and data[box.start : box.start + 16] == _CANON:
            main = next((part for part in boxes(data, box.start + 16, box.end) if part.name == b"CMT1"), None)
            return read_orientation(None if main is None else data[main.start : main.end])
    return 1


def _measured(data: bytes, at: int, size: int) -> Iterator[_Found]:
    """The JPEG at a place, with the sides that its frame says; nothing where there is none."""
    # A view: many places may name the same bytes, and a copy of all of them takes its time.
    content = memoryview(data)[at : at + size]
    place = 2
    for _ in range(_MAX_SEGMENTS):
        if len(content) < size or bytes(content[:2]) != b"\xff\xd8" or bytes(content[place : place + 1]) != b"\xff":
            return
        marker, length = content[place + 1], int.from_bytes(content[place + 2 : place + 4], "big")
        if marker in _FRAMES:
            height, width, components = struct.unpack_from(">HHB", content, place + 5)
            # Lossless frames hold neighbours of a mosaic as components.
            across = width * components if marker == _LOSSLESS_FRAME else width
            yield _Found(at, size, across, height, marker)
            return
        place += 2 + max(2, length)
