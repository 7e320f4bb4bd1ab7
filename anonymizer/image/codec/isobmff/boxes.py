"""Boxes of ISO base media files (ISO/IEC 14496-12, 23008-12): just what HEIF and AVIF need to be read and written."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

_MAX_BOXES = 10_000
MAX_SAMPLES = 1_000_000

# Bytes of fields that stand before the boxes in a box.
_FIELDS: dict[bytes, int] = {b"meta": 4, b"stsd": 8, b"av01": 78}


class Box(NamedTuple):
    """One box: its name and where its payload begins and ends."""

    name: bytes
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Track:
    """What counts of a track of pictures.

    Attributes:
        timescale: Ticks in a second.
        durations: Ticks for each sample.
        loop: How often it is shown; 0 = for ever.
        entry: The box of its only sample entry.
        table: Its box `stbl`.
        auxiliary: It belongs to another track (alpha).
    """

    timescale: int
    durations: tuple[int, ...]
    loop: int
    entry: Box
    table: Box
    auxiliary: bool


def boxes(data: bytes, start: int, end: int) -> Iterator[Box]:
    """The boxes in a range; it ends early at one that is cut short."""
    for _ in range(_MAX_BOXES):
        if start + 8 > end:
            return
        size, name = struct.unpack_from(">I4s", data, start)
        header = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, start + 8)
            header = 16
        size = size or end - start
        if size < header or start + size > end:
            return
        yield Box(name, start + header, start + size)
        start += size


def inner(data: bytes, box: Box) -> Iterator[Box]:
    """The boxes in a box."""
    return boxes(data, box.start + _FIELDS.get(box.name, 0), box.end)


def descend(data: bytes, box: Box, *path: bytes) -> Box | None:
    """The first box at the end of a path of names; None if there is none."""
    found: Box | None = box
    for name in path:
        if found is None:
            return None
        found = next((child for child in inner(data, found) if child.name == name), None)
    return found


def whole(data: bytes) -> Box:
    """The file as a box, to start from."""
    return Box(b"", 0, len(data))


def primary_item(data: bytes, meta: Box) -> int | None:
    """The number of the picture that is to be shown."""
    pitm = descend(data, meta, b"pitm")
    if pitm is None:
        return None
    return int(struct.unpack_from(">I" if data[pitm.start] else ">H", data, pitm.start + 4)[0])


def item_properties(data: bytes, meta: Box, item: int) -> list[Box]:
    """Boxes of the properties that belong to an item, in the order in which they apply."""
    store = descend(data, meta, b"iprp", b"ipco")
    links = descend(data, meta, b"iprp", b"ipma")
    if store is None or links is None:
        return []
    properties = list(inner(data, store))
    for number, links_of_item in associations(data, links):
        if number == item:
            return [properties[index - 1] for _, index in links_of_item if 0 < index <= len(properties)]
    return []


def associations(data: bytes, ipma: Box) -> Iterator[tuple[int, list[tuple[bool, int]]]]:
    """For each item its number and its properties: whether one is essential, and its index from 1 (`ipma`)."""
    wide_item, wide_index = data[ipma.start] > 0, data[ipma.start + 3] & 1
    (entries,) = struct.unpack_from(">I", data, ipma.start + 4)
    at, bit = ipma.start + 8, 0x8000 if wide_index else 0x80
    for _ in range(min(entries, _MAX_BOXES)):
        number, count = struct.unpack_from(">IB" if wide_item else ">HB", data, at)
        at += 5 if wide_item else 3
        values = struct.unpack_from(f">{count}{'H' if wide_index else 'B'}", data, at)
        at += count * (2 if wide_index else 1)
        yield number, [(bool(value & bit), value & bit - 1) for value in values]


def tracks(data: bytes) -> Iterator[Track]:
    """The tracks of pictures (handlers `pict` and `auxv`); others, such as sound, are passed over."""
    film = descend(data, whole(data), b"moov")
    for trak in inner(data, film) if film is not None else ():
        handler = descend(data, trak, b"mdia", b"hdlr")
        if trak.name != b"trak" or handler is None or data[handler.start + 8 : handler.start + 12] not in _PICTURES:
            continue
        clock, table = descend(data, trak, b"mdia", b"mdhd"), descend(data, trak, b"mdia", b"minf", b"stbl")
        if clock is None or table is None:
            continue
        entry, times = descend(data, table, b"stsd", b"av01"), descend(data, table, b"stts")
        if entry is None or times is None:
            continue
        (timescale,) = struct.unpack_from(">I", data, clock.start + (20 if data[clock.start] else 12))
        auxiliary = descend(data, trak, b"tref", b"auxl") is not None
        yield Track(timescale, tuple(_durations(data, times)), _loop(data, trak), entry, table, auxiliary)


_PICTURES = (b"pict", b"auxv")


def _durations(data: bytes, times: Box) -> Iterator[int]:
    left = MAX_SAMPLES
    (entries,) = struct.unpack_from(">I", data, times.start + 4)
    for at in range(times.start + 8, min(times.start + 8 + 8 * entries, times.end - 7), 8):
        count, ticks = struct.unpack_from(">II", data, at)
        for _ in range(min(count, left)):
            yield ticks
        left -= min(count, left)


def _loop(data: bytes, trak: Box) -> int:
    """How often an edit list repeats its only segment; for ever, if there is none (ISO/IEC 14496-12, 8.6.6)."""
    header, edits = descend(data, trak, b"tkhd"), descend(data, trak, b"edts", b"elst")
    if header is None or edits is None:
        return 0
    if not data[edits.start + 3] & 1:
        return 1
    wide = data[header.start] > 0
    total = int(struct.unpack_from(">Q" if wide else ">I", data, header.start + (28 if wide else 20))[0])
    segment = int(struct.unpack_from(">Q" if data[edits.start] else ">I", data, edits.start + 8)[0])
    if total == (2**64 - 1 if wide else 2**32 - 1) or segment == 0:
        return 0
    return max(1, round(total / segment))
