"""What HEIF and AVIF files carry beside their picture: boxes and items of ISO base media files."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn

from anonymizer.errors import ScrubCheckFailed
from anonymizer.image.metadata.blocks import exif_names, xmp_names
from anonymizer.image.metadata.isobmff.boxes import Box, boxes

_MAX_ITEMS = 2_000
_MAX_BLOCKS = 20
_MAX_BLOCK_BYTES = 4 * 2**20

_C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
"""User type of the box that holds content credentials (C2PA 2.1, A.5.1)."""

_PICTURE_BOXES = frozenset((b"ftyp", b"meta", b"mdat", b"moov"))
_FILLERS = frozenset((b"free", b"skip", b"wide"))
_FILM_BOXES = frozenset((b"mpvd", b"moof", b"sefd"))
_META_BOXES = frozenset(b"hdlr pitm iloc iinf iref iprp idat dinf grpl".split())
_PROPERTIES = frozenset(b"ispe pixi av1C hvcC vvcC avcC jpgC colr auxC irot imir pasp rloc a1op a1lx lsel".split())
_LIGHT_LEVELS = frozenset(b"clli mdcv cclv amve reve ndwt".split())
_PICTURES = frozenset(b"hvc1 hev1 av01 avc1 vvc1 jpeg j2k1 unci grid iden iovl tmap sato lhv1".split())
_ALPHA_SIGNS = (b"auxiliary:alpha", b"hevc:2015:auxid:1\0")
_GAIN_SIGNS = (b"gainmap", b"GainMap", b"hdrgm")
_STOCK_LABELS = (b"", b"Color", b"Alpha", b"Exif", b"XMP")
"""Names of items that libavif writes into every file."""

_STILL_TRACKS = (b"pict", b"auxv")
_FIELDS: dict[bytes, int] = {b"meta": 4, b"iref": 4, b"stsd": 8}


@dataclass(slots=True)
class _Items:
    """Items of a file, by their number.

    Attributes:
        kinds: Four letters; `mime` items have their type in `texts`.
        texts: Name, content type, ... as they stand behind the kind.
        properties: Boxes of each item's properties.
        places: (offset, size) of an item's pieces.
        links: (kind, from, to) of the references.
    """

    primary: int = 0
    kinds: dict[int, bytes] = field(default_factory=dict)
    texts: dict[int, bytes] = field(default_factory=dict)
    properties: dict[int, list[Box]] = field(default_factory=dict)
    places: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    links: list[tuple[bytes, int, int]] = field(default_factory=list)


def inventory(data: bytes) -> Iterator[str]:
    """What a source carries; see `anonymizer.image.metadata.inventory`."""
    at, moving = 0, data[8:12] in (b"avis", b"msf1", b"hevc", b"hevx")
    for box in boxes(data, 0, len(data)):
        at = box.end
        if box.name == b"meta":
            yield from _meta_names(data, box)
        elif box.name == b"moov":
            yield from _film_names(data, box) if moving else ("motion_photo",)
        elif box.name in _FILLERS:
            yield from ("gap",) if any(data[box.start : box.end]) else ()
        elif box.name in _FILM_BOXES:
            yield "motion_photo"
        elif box.name in (b"uuid", b"jumb"):
            yield "c2pa" if box.name == b"jumb" or data[box.start : box.start + 16] == _C2PA else "box.other"
        elif box.name not in _PICTURE_BOXES:
            yield "box.other"
    if at < len(data):
        yield "trailer"


def check(data: bytes, width: int, height: int, frame_count: int) -> NoReturn:  # noqa: ARG001 - as the others
    """HEIF is never written: nothing passes; see `anonymizer.image.metadata.check`."""
    raise ScrubCheckFailed


def _inner(data: bytes, box: Box) -> Iterator[Box]:
    return boxes(data, box.start + _FIELDS.get(box.name, 0), box.end)


def _meta_names(data: bytes, meta: Box) -> Iterator[str]:
    parts = {box.name: box for box in _inner(data, meta)}
    if not _META_BOXES.issuperset(parts):
        yield "box.other"
    handler = parts.get(b"hdlr")
    if handler is not None and any(data[handler.start + 20 : handler.end]):
        yield "box.text"
    try:
        items = _items(data, parts)
    except (struct.error, IndexError):
        yield "unreadable"
        return
    yield from _item_names(items, _alphas(data, items))
    yield from _property_names(data, items)
    yield from _block_names(data, items)


def _items(data: bytes, parts: dict[bytes, Box]) -> _Items:
    items = _Items()
    if b"pitm" in parts:
        at = parts[b"pitm"].start
        (items.primary,) = struct.unpack_from(">I" if data[at] else ">H", data, at + 4)
    if b"iinf" in parts:
        _read_kinds(data, parts[b"iinf"], items)
    if b"iref" in parts:
        _read_links(data, parts[b"iref"], items)
    if b"iprp" in parts:
        _read_properties(data, parts[b"iprp"], items)
    if b"iloc" in parts:
        _read_places(data, parts[b"iloc"], items, parts.get(b"idat"))
    return items


def _read_kinds(data: bytes, iinf: Box, items: _Items) -> None:
    """ISO/IEC 14496-12, 8.11.6; entries of version 0 and 1 have no kind."""
    for entry in boxes(data, iinf.start + (8 if data[iinf.start] else 6), iinf.end):
        version = data[entry.start]
        if entry.name != b"infe" or version < 2 or len(items.kinds) >= _MAX_ITEMS:
            continue
        number, kind = struct.unpack_from(">I2x4s" if version > 2 else ">H2x4s", data, entry.start + 4)
        items.kinds[number] = kind
        items.texts[number] = data[entry.start + (14 if version > 2 else 12) : entry.end]


def _read_links(data: bytes, iref: Box, items: _Items) -> None:
    wide = data[iref.start] > 0
    for box in _inner(data, iref):
        number, count = struct.unpack_from(">IH" if wide else ">HH", data, box.start)
        at, width = box.start + (6 if wide else 4), 4 if wide else 2
        count = min(count, (box.end - at) // width, _MAX_ITEMS)
        for target in struct.unpack_from(f">{count}{'I' if wide else 'H'}", data, at):
            items.links.append((box.name, number, target))


def _read_properties(data: bytes, iprp: Box, items: _Items) -> None:
    parts = {box.name: box for box in _inner(data, iprp)}
    store, links = list(_inner(data, parts[b"ipco"])) if b"ipco" in parts else [], parts.get(b"ipma")
    # Those that belong to no item are there all the same.
    items.properties[-1] = store
    if links is None:
        return
    wide_item, wide_index = data[links.start] > 0, data[links.start + 3] & 1
    (entries,) = struct.unpack_from(">I", data, links.start + 4)
    at = links.start + 8
    for _ in range(min(entries, _MAX_ITEMS)):
        number, count = struct.unpack_from(">IB" if wide_item else ">HB", data, at)
        at += 5 if wide_item else 3
        indices = struct.unpack_from(f">{count}{'H' if wide_index else 'B'}", data, at)
        at += count * (2 if wide_index else 1)
        chosen = [index & (0x7FFF if wide_index else 0x7F) for index in indices]
        items.properties[number] = [store[index - 1] for index in chosen if 0 < index <= len(store)]


def _read_places(data: bytes, iloc: Box, items: _Items, idat: Box | None) -> None:
    """ISO/IEC 14496-12, 8.11.3."""
    version, sizes = data[iloc.start], struct.unpack_from(">BB", data, iloc.start + 4)
    offset_size, length_size, base_size = sizes[0] >> 4, sizes[0] & 15, sizes[1] >> 4
    index_size = sizes[1] & 15 if version else 0
    wide = version > 1
    (count,) = struct.unpack_from(">I" if wide else ">H", data, iloc.start + 6)
    at = iloc.start + (10 if wide else 8)
    for _ in range(min(count, _MAX_ITEMS)):
        (number,) = struct.unpack_from(">I" if wide else ">H", data, at)
        at += 4 if wide else 2
        method = data[at + 1] & 15 if version else 0
        at += 4 if version else 2
        base, at = _number(data, at, base_size)
        pieces, at = _number(data, at, 2)
        for _ in range(min(pieces, _MAX_ITEMS)):
            offset, at = _number(data, at + index_size, offset_size)
            length, at = _number(data, at, length_size)
            start = base + offset + (idat.start if method == 1 and idat is not None else 0)
            items.places.setdefault(number, []).append((start, length))
        if at > iloc.end:
            return


def _number(data: bytes, at: int, size: int) -> tuple[int, int]:
    return int.from_bytes(data[at : at + size], "big"), at + size


def _alphas(data: bytes, items: _Items) -> set[int]:
    """Items that are alpha of another."""
    return {
        number
        for number, properties in items.properties.items()
        for box in properties
        if box.name == b"auxC" and any(sign in data[box.start : box.end] for sign in _ALPHA_SIGNS)
    }


def _item_names(items: _Items, alphas: set[int]) -> Iterator[str]:
    """Pictures that are neither the primary one nor made for it, and names of items."""
    pieces = _needed(items, alphas)
    thumbnails = {number for kind, number, _ in items.links if kind == b"thmb"}
    auxiliary = {number for kind, number, _ in items.links if kind == b"auxl"}
    for number, kind in items.kinds.items():
        if kind == b"tmap":
            yield "gainmap"
        elif kind in _PICTURES and number not in pieces:
            told = "heif.thumbnail" if number in thumbnails else "heif.auxiliary"
            yield told if number in thumbnails | auxiliary else "heif.images"
        elif kind not in _PICTURES and kind not in (b"Exif", b"mime"):
            yield "box.other"
        if items.texts[number].partition(b"\0")[0] not in _STOCK_LABELS:
            yield "box.text"


def _needed(items: _Items, alphas: set[int]) -> set[int]:
    """The primary picture, what it is put together from, and their alpha."""
    pending, needed = [items.primary], set[int]()
    while pending:
        number = pending.pop()
        if number in needed:
            continue
        needed.add(number)
        pending += [target for kind, source, target in items.links if kind == b"dimg" and source == number]
        pending += [
            source for kind, source, target in items.links if kind == b"auxl" and target == number and source in alphas
        ]
    return needed


def _property_names(data: bytes, items: _Items) -> Iterator[str]:
    for box in items.properties.get(-1, []):
        payload = data[box.start : box.end]
        if box.name == b"colr":
            yield from ("icc",) if payload[:4] in (b"prof", b"rICC") and len(payload) > 4 else ()
        elif box.name == b"auxC" and any(sign in payload for sign in _GAIN_SIGNS):
            yield "gainmap"
        elif box.name in _LIGHT_LEVELS:
            yield "heif.rendering"
        elif box.name == b"clap":
            yield "heif.hidden"
        elif box.name == b"udes":
            yield "box.text"
        elif box.name not in _PROPERTIES:
            yield "box.other"


def _block_names(data: bytes, items: _Items) -> Iterator[str]:
    """Names in the EXIF and XMP items."""
    told = [number for number, kind in items.kinds.items() if kind in (b"Exif", b"mime")]
    for number in told[:_MAX_BLOCKS]:
        block = b"".join(
            data[at : at + min(size or len(data), _MAX_BLOCK_BYTES)] for at, size in items.places.get(number, [])[:4]
        )
        if items.kinds[number] == b"Exif":
            # Four bytes tell how far the TIFF structure is from there (ISO/IEC 23008-12, A.2.1).
            start = 4 + int.from_bytes(block[:4], "big")
            yield from exif_names(block[start:])
        elif b"rdf+xml" in items.texts[number]:
            yield from xmp_names(block)
        else:
            yield "box.other"


def _film_names(data: bytes, moov: Box) -> Iterator[str]:
    """Tracks that show nothing, dates and texts of a sequence."""
    for box in _inner(data, moov):
        if box.name == b"mvhd" and _is_dated(data, box):
            yield "box.datetime"
        elif box.name == b"trak":
            yield from _track_names(data, box)
        elif box.name not in (b"mvhd", b"mvex"):
            yield "box.other"


def _track_names(data: bytes, trak: Box) -> Iterator[str]:
    for box in _inner(data, trak):
        if box.name == b"tkhd" and _is_dated(data, box):
            yield "box.datetime"
        elif box.name == b"meta":
            yield from _meta_names(data, box)
        elif box.name not in (b"tkhd", b"tref", b"edts", b"mdia"):
            yield "box.other"
        for part in _inner(data, box) if box.name == b"mdia" else ():
            if part.name == b"mdhd" and _is_dated(data, part):
                yield "box.datetime"
            elif part.name == b"hdlr":
                if data[part.start + 8 : part.start + 12] not in _STILL_TRACKS:
                    yield "heif.track"
                if any(data[part.start + 20 : part.end]):
                    yield "box.text"


def _is_dated(data: bytes, header: Box) -> bool:
    """Whether times of creation and change are told (ISO/IEC 14496-12, 8.2.2)."""
    return any(data[header.start + 4 : header.start + (20 if data[header.start] else 12)])
