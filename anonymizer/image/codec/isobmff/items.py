"""The items of a HEIF or AVIF file: pictures and what they are put together from (ISO/IEC 14496-12, 8.11; 23008-12)."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from anonymizer.errors import DecodeError
from anonymizer.image.codec.isobmff.boxes import Box, associations, boxes, descend, inner, primary_item

_MAX_ITEMS, _MAX_LINKS, _MAX_EXTENTS = 10_000, 100_000, 100_000
_LINKS = (b"dimg", b"auxl", b"prem")
_ALPHA_SIGNS = (b"auxiliary:alpha", b"hevc:2015:auxid:1\0")
_IN_FILE, _IN_IDAT = 0, 1

Extent = tuple[int, int]
"""Where a piece of an item begins in the file, and its bytes."""


@dataclass(slots=True)
class Item:
    """One item.

    Attributes:
        kind: Four letters.
        flags: Of its entry; 1 = hidden.
        properties: (essential, box), in the order in which they apply.
        extents: None = they are told in a way that no reader of pictures knows.
        links: (kind, item) of the references that make a picture.
    """

    kind: bytes
    flags: int
    properties: list[tuple[bool, Box]] = field(default_factory=list)
    extents: list[Extent] | None = field(default_factory=list)
    links: list[tuple[bytes, int]] = field(default_factory=list)


def picture_items(data: bytes, meta: Box) -> dict[int, Item]:
    """The primary picture, which comes first, all that it is put together from, and their alpha.

    Raises:
        DecodeError: There is no primary picture, or there are more parts, links or pieces than any camera writes.
    """
    items, primary = _items(data, meta), primary_item(data, meta)
    alphas = _alphas(data, items)
    needed: dict[int, Item] = {}
    pending = deque([primary])
    while pending:
        number = pending.popleft()
        if number in needed:
            continue
        if number is None or number not in items or len(needed) >= _MAX_ITEMS:
            raise DecodeError
        needed[number] = items[number]
        pending += [target for kind, target in items[number].links if kind == b"dimg"]
        pending += alphas.get(number, [])
    return needed


def _alphas(data: bytes, items: dict[int, Item]) -> dict[int, list[int]]:
    """Item to those that are its alpha."""
    found: dict[int, list[int]] = {}
    for number, item in items.items():
        kinds = [data[box.start : box.end] for _, box in item.properties if box.name == b"auxC"]
        if any(sign in kind for kind in kinds for sign in _ALPHA_SIGNS):
            for kind, target in item.links:
                if kind == b"auxl":
                    found.setdefault(target, []).append(number)
    return found


def _items(data: bytes, meta: Box) -> dict[int, Item]:
    parts = {box.name: box for box in reversed(list(inner(data, meta)))}
    if b"iinf" not in parts:
        return {}
    items = dict(_entries(data, parts[b"iinf"]))
    if b"iref" in parts:
        _read_links(data, parts[b"iref"], items)
    _read_properties(data, meta, items)
    if b"iloc" in parts:
        _read_extents(data, parts[b"iloc"], parts.get(b"idat"), items)
    return items


def _entries(data: bytes, iinf: Box) -> Iterator[tuple[int, Item]]:
    """Entries of versions 0 and 1 have no kind: they are no pictures."""
    for box in boxes(data, iinf.start + (8 if data[iinf.start] else 6), iinf.end):
        version = data[box.start]
        if box.name == b"infe" and version >= 2:
            number, kind = struct.unpack_from(">I2x4s" if version > 2 else ">H2x4s", data, box.start + 4)
            yield number, Item(kind, int.from_bytes(data[box.start + 1 : box.start + 4], "big"))


def _read_links(data: bytes, iref: Box, items: dict[int, Item]) -> None:
    width, left = 4 if data[iref.start] else 2, _MAX_LINKS
    for box in boxes(data, iref.start + 4, iref.end):
        number, count = struct.unpack_from(">IH" if width == 4 else ">HH", data, box.start)
        if number in items and box.name in _LINKS:
            left -= count
            if left < 0:
                raise DecodeError
            targets = struct.unpack_from(f">{count}{'I' if width == 4 else 'H'}", data, box.start + width + 2)
            items[number].links += [(box.name, target) for target in targets]


def _read_properties(data: bytes, meta: Box, items: dict[int, Item]) -> None:
    store, links = descend(data, meta, b"iprp", b"ipco"), descend(data, meta, b"iprp", b"ipma")
    if store is None or links is None:
        return
    known = list(inner(data, store))
    for number, told in associations(data, links):
        if number in items and not items[number].properties:
            items[number].properties = [
                (essential, known[index - 1]) for essential, index in told if 0 < index <= len(known)
            ]


def _read_extents(data: bytes, iloc: Box, idat: Box | None, items: dict[int, Item]) -> None:
    version = data[iloc.start]
    sizes = int.from_bytes(data[iloc.start + 4 : iloc.start + 6], "big")
    offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_size = sizes & 15 if version else 0
    width = 4 if version > 1 else 2
    at = iloc.start + 6
    count, at = _number(data, at, width)
    left = _MAX_EXTENTS
    for _ in range(min(count, _MAX_ITEMS)):
        number, at = _number(data, at, width)
        method, at = _number(data, at, 2 if version else 0)
        base, at = _number(data, at + 2, base_size)
        pieces, at = _number(data, at, 2)
        left -= pieces
        extents: list[Extent] = []
        if left < 0 or at > iloc.end:
            raise DecodeError
        for _ in range(pieces):
            offset, at = _number(data, at + index_size, offset_size)
            length, at = _number(data, at, length_size)
            extents.append((base + offset, length))
        if number in items:
            items[number].extents = _placed(data, extents, method & 15, idat)


def _placed(data: bytes, extents: list[Extent], method: int, idat: Box | None) -> list[Extent] | None:
    """Places in the file; a length of 0 means all that there is (ISO/IEC 14496-12, 8.11.3.3)."""
    if method not in (_IN_FILE, _IN_IDAT) or (method == _IN_IDAT and idat is None):
        return None
    start, end = (idat.start, idat.end) if method == _IN_IDAT and idat is not None else (0, len(data))
    return [(start + offset, length or max(0, end - start - offset)) for offset, length in extents]


def _number(data: bytes, at: int, size: int) -> tuple[int, int]:
    return int.from_bytes(data[at : at + size], "big"), at + size
