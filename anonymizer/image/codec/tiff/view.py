"""Bare TIFF files for libtiff, which Pillow brings along: one directory with the tags that a decoder needs.

Pillow and libtiff never get to see a source's own directories, nor anything that these would lead them to.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from anonymizer.errors import DecodeError, UnsupportedFormat
from anonymizer.image.codec.tiff.directory import Directory
from anonymizer.image.codec.tiff.page import OLD_JPEG, Page
from anonymizer.records import Pixels

Tag = tuple[int, int, int, bytes]
"""Number, type, count and the values as bytes."""

_SHORT, _LONG = 3, 4
_TYPE_BYTES = {1: 1, 3: 2, 4: 4, 5: 8, 7: 1}
_MAX_VALUE_BYTES = 2**16
_VIEW_BYTES = 2**25

# T4Options, T6Options, JPEGTables, and those of YCbCr; width to planes come from the page.
_COPIED = (292, 293, 347, 529, 530, 531, 532)
_COPIED_OF_OLD_JPEG = (*range(512, 522), 529, 530, 531, 532)

_REVERSED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


def stored_segments(page: Page) -> Iterator[bytes]:
    """The segments as they are stored, most significant bit first; one that is named many times is held once."""
    data = page.directory.data
    held: dict[tuple[int, int], bytes] = {}
    for offset, size in zip(page.offsets.tolist(), page.sizes.tolist(), strict=True):
        if (offset, size) not in held:
            segment = data[offset : offset + size]
            held[offset, size] = segment.translate(_REVERSED) if page.reversed_bits else segment
        yield held[offset, size]


def unpacked_bytes(compression: int, segments: Sequence[bytes], rows: int, row_bytes: int) -> Pixels:
    """(S * rows, row_bytes) what segments of one size hold: to libtiff they are strips of a gray picture.

    Args:
        compression: One of bytes.
        segments: As they are stored.
        rows: Of each.
        row_bytes: Of a row.
    """
    height = rows * len(segments)
    layout = [(256, row_bytes), (257, height), (258, 8), (259, compression), (262, 1), (277, 1), (278, rows)]
    image = _loaded(_bare("<", [_long("<", *pair) for pair in layout], 273, list(segments)))
    if image.mode != "L" or image.size != (row_bytes, height):
        raise DecodeError
    return np.asarray(image)


def batches(sizes: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """(first, last + 1) of neighbours of one size, few enough to be unpacked together."""
    first = 0
    for at in range(1, len(sizes) + 1):
        if at == len(sizes) or sizes[at] != sizes[first] or (at - first) * sizes[first] >= _VIEW_BYTES:
            yield first, at
            first = at


def whole_page(page: Page) -> Image.Image:
    """A page that libtiff has to decode as a picture: JPEG, fax and YCbCr."""
    endian = page.directory.endian
    layout = [
        (256, page.width), (257, page.height), (258, page.bits), (259, page.compression), (262, page.photometric),
        (277, page.channels), (284, 2 if page.planar else 1),
    ]  # fmt: skip
    if page.tiled:
        layout += [(322, page.segment_width), (323, page.segment_height)]
    else:
        layout += [(278, page.segment_height)]
    tags = [_long(endian, *pair) for pair in layout if pair[0] != 258]
    tags.append((258, _SHORT, page.channels, struct.pack(endian + "H", page.bits) * page.channels))
    if page.compression == OLD_JPEG:
        image = _loaded(_with_old_jpeg(page, tags))
    else:
        tags += _copied(page.directory, _COPIED)
        image = _loaded(_bare(endian, tags, 324 if page.tiled else 273, list(stored_segments(page))))
    if image.size != (page.width, page.height):
        raise DecodeError
    return image


def _loaded(data: bytes) -> Image.Image:
    image = TiffImageFile(BytesIO(data))
    image.load()
    return image


def _long(endian: str, tag: int, value: int) -> Tag:
    return tag, _LONG, 1, struct.pack(endian + "I", value)


def _copied(directory: Directory, wanted: Sequence[int]) -> list[Tag]:
    found = []
    for tag in wanted:
        kind, count, at = directory.entries.get(tag, (0, 0, 0))
        size = _TYPE_BYTES.get(kind, 0) * count
        if 0 < size <= _MAX_VALUE_BYTES and at + size <= len(directory.data):
            found.append((tag, kind, count, directory.data[at : at + size]))
    return found


def _bare(endian: str, tags: list[Tag], offsets_tag: int, segments: list[bytes]) -> bytes:
    """A file of segments and one directory behind them."""
    places: dict[bytes, int] = {}
    parts, at, offsets = [], 8, []
    for segment in segments:
        if segment not in places:
            places[segment] = at
            parts.append(segment)
            at += len(segment)
        offsets.append(places[segment])
    counts = [len(segment) for segment in segments]
    for tag, values in ((offsets_tag, offsets), (offsets_tag + (1 if offsets_tag == 324 else 6), counts)):
        tags = [*tags, (tag, _LONG, len(values), struct.pack(f"{endian}{len(values)}I", *values))]
    return b"".join((_header(endian, at), *parts, _directory(endian, tags, at)))


def _with_old_jpeg(page: Page, tags: list[Tag]) -> bytes:
    """The whole file with another directory: tables and data of old JPEG are found by their places in it."""
    data, endian = page.directory.data, page.directory.endian
    if 42 not in data[2:4] or page.reversed_bits:
        raise UnsupportedFormat
    tags = tags + _copied(page.directory, (*_COPIED_OF_OLD_JPEG, 273, 279))
    return b"".join((_header(endian, len(data)), data[8:], _directory(endian, tags, len(data))))


def _header(endian: str, directory_at: int) -> bytes:
    return (b"II" if endian == "<" else b"MM") + struct.pack(endian + "HI", 42, directory_at)


def _directory(endian: str, tags: list[Tag], at: int) -> bytes:
    """The directory that stands at an offset, and its values behind it."""
    values_at = at + 2 + 12 * len(tags) + 4
    entries, values = [struct.pack(endian + "H", len(tags))], b""
    for tag, kind, count, value in sorted(tags):
        inline = value.ljust(4, b"\0")
        if len(value) > 4:
            inline = struct.pack(endian + "I", values_at + len(values))
            values += value
        entries.append(struct.pack(endian + "HHI", tag, kind, count) + inline)
    return b"".join((*entries, bytes(4), values))
