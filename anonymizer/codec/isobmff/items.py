"""The items of a HEIF or AVIF file (ISO/IEC 23008-12, 14496-12): kinds, references, properties and bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from anonymizer.codec.isobmff.boxes import Box, boxes, descend, inner
from anonymizer.errors import DecodeError

_MAX_ITEMS = 4_096
"""A camera writes up to some hundred: tiles, thumbnails, maps, a burst."""

_MAX_REFERENCES = 65_536


@dataclass(slots=True)
class Items:
    """What the boxes tell of the items, by their numbers.

    Attributes:
        kinds: Four letters each.
        parts: What an item is put together from, in order, one repeated as often as it is named.
        auxiliaries: Items that belong to another: alpha, depth, gain maps.
        properties: Boxes of an item's properties.
        places: (offset, size) of an item's pieces.
    """

    kinds: dict[int, bytes] = field(default_factory=dict)
    parts: dict[int, list[int]] = field(default_factory=dict)
    auxiliaries: dict[int, list[int]] = field(default_factory=dict)
    properties: dict[int, list[Box]] = field(default_factory=dict)
    places: dict[int, list[tuple[int, int]]] = field(default_factory=dict)


def items_of(data: bytes, meta: Box) -> Items:
    """Reads the tables of items.

    Raises:
        DecodeError: There are more items or references than any file needs, or pieces that hold more than the file.
    """
    found = Items()
    kinds, places = descend(data, meta, b"iinf"), descend(data, meta, b"iloc")
    if kinds is None or places is None:
        raise DecodeError
    for number, kind in _kinds(data, kinds):
        found.kinds[number] = kind
    for kind, number, target in _references(data, descend(data, meta, b"iref")):
        if kind == b"dimg":
            found.parts.setdefault(number, []).append(target)
        elif kind == b"auxl":
            found.auxiliaries.setdefault(target, []).append(number)
    found.properties = _properties(data, meta)
    store = descend(data, meta, b"idat")
    for number, start, size in _places(data, places, store.start if store is not None else 0):
        found.places.setdefault(number, []).append((start, size))
    if sum(size for pieces in found.places.values() for _, size in pieces) > len(data):
        raise DecodeError
    return found


def payload_of(data: bytes, items: Items, number: int) -> bytes:
    """The bytes of an item."""
    return b"".join(data[start : start + size] for start, size in items.places.get(number, ()))


def property_of(data: bytes, items: Items, number: int, name: bytes) -> bytes | None:
    """Payload of an item's property; None if it has none of that name."""
    found = next((box for box in items.properties.get(number, ()) if box.name == name), None)
    return None if found is None else data[found.start : found.end]


def _bounded(count: int, limit: int = _MAX_ITEMS) -> int:
    if count > limit:
        raise DecodeError
    return count


def _kinds(data: bytes, iinf: Box) -> Iterator[tuple[int, bytes]]:
    """ISO/IEC 14496-12, 8.11.6; entries of version 0 and 1 have no kind."""
    entries = list(boxes(data, iinf.start + (8 if data[iinf.start] else 6), iinf.end))
    _bounded(len(entries))
    for entry in entries:
        version = data[entry.start]
        if entry.name == b"infe" and version >= 2:
            number, kind = struct.unpack_from(">I2x4s" if version > 2 else ">H2x4s", data, entry.start + 4)
            yield number, kind


def _references(data: bytes, iref: Box | None) -> Iterator[tuple[bytes, int, int]]:
    if iref is None:
        return
    wide, left = data[iref.start] > 0, _MAX_REFERENCES
    for box in boxes(data, iref.start + 4, iref.end):
        number, count = struct.unpack_from(">IH" if wide else ">HH", data, box.start)
        left -= max(1, count)
        _bounded(-left, 0)
        for target in struct.unpack_from(f">{count}{'I' if wide else 'H'}", data, box.start + (6 if wide else 4)):
            yield box.name, number, target


def _properties(data: bytes, meta: Box) -> dict[int, list[Box]]:
    store, links = descend(data, meta, b"iprp", b"ipco"), descend(data, meta, b"iprp", b"ipma")
    if store is None or links is None:
        return {}
    properties = list(inner(data, store))
    wide_item, wide_index = data[links.start] > 0, data[links.start + 3] & 1
    (entries,) = struct.unpack_from(">I", data, links.start + 4)
    at, found = links.start + 8, dict[int, list[Box]]()
    for _ in range(_bounded(entries)):
        number, count = struct.unpack_from(">IB" if wide_item else ">HB", data, at)
        at += 5 if wide_item else 3
        indices = struct.unpack_from(f">{count}{'H' if wide_index else 'B'}", data, at)
        at += count * (2 if wide_index else 1)
        chosen = [index & (0x7FFF if wide_index else 0x7F) for index in indices]
        found[number] = [properties[index - 1] for index in chosen if 0 < index <= len(properties)]
    return found


def _places(data: bytes, iloc: Box, store: int) -> Iterator[tuple[int, int, int]]:
    """(item, offset, size) of each piece (ISO/IEC 14496-12, 8.11.3); a size of 0 reaches to the end of the file."""
    version, sizes = data[iloc.start], struct.unpack_from(">BB", data, iloc.start + 4)
    offset_size, length_size, base_size = sizes[0] >> 4, sizes[0] & 15, sizes[1] >> 4
    index_size = sizes[1] & 15 if version else 0
    wide, left = version > 1, _MAX_REFERENCES
    (count,) = struct.unpack_from(">I" if wide else ">H", data, iloc.start + 6)
    at = iloc.start + (10 if wide else 8)
    for _ in range(_bounded(count)):
        number, at = _number(data, at, 4 if wide else 2)
        method = data[at + 1] & 15 if version else 0
        base, at = _number(data, at + (4 if version else 2), base_size)
        pieces, at = _number(data, at, 2)
        left -= pieces
        _bounded(-left, 0)
        for _ in range(pieces):
            offset, at = _number(data, at + index_size, offset_size)
            length, at = _number(data, at, length_size)
            start = base + offset + (store if method == 1 else 0)
            yield number, start, length or max(0, len(data) - start)


def _number(data: bytes, at: int, size: int) -> tuple[int, int]:
    return int.from_bytes(data[at : at + size], "big"), at + size
