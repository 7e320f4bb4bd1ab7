"""The file that a decoder is given of a source: its picture and nothing else, made up in one way.

Decoders are led astray by what lies beside the picture, by the order in which a file tells things, and by properties
that they do not know or do not apply. Sources are therefore put behind a container of our own before they are read:
the primary picture, what it is put together from and its alpha; no metadata, no other picture, no property that cuts
or turns (`turns.shown` applies those), no colours that say nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from anonymizer.errors import DecodeError
from anonymizer.image.codec.isobmff.boxes import MAX_SAMPLES, Box, Track, descend, inner, tracks
from anonymizer.image.codec.isobmff.items import Item, picture_items
from anonymizer.image.codec.isobmff.turns import STEPS, Step

# OpenCV asks its decoder of AVIF about the first 500 bytes, which must not be all that there is to tell: brands fill
# more than those.
_BRANDS = 200
_OPENING_BYTES = 512
_LAYOUTS = (b"grid", b"iovl", b"iden")
_LEAST_PROFILE_BYTES, _NCLX_BYTES = 128, 7


@dataclass(frozen=True, slots=True)
class Lean:
    """A file for a decoder.

    Attributes:
        data: The whole of it.
        steps: What is to be done to the decoded picture, in the order of the source.
        opening: The first bytes that are coded of it.
    """

    data: bytes
    steps: tuple[Step, ...]
    opening: bytes


def still(data: bytes, meta: Box, brand: bytes) -> Lean:
    """The primary picture of a file.

    Args:
        data: The source.
        meta: Its box of items.
        brand: Major brand of the result.

    Raises:
        DecodeError: There is no primary picture, or a part of it lies where no reader looks.
    """
    items = picture_items(data, meta)
    primary = next(iter(items.values()))
    steps = _steps(data, (box for _, box in primary.properties))
    first = len(_items_box(data, items, 0)) + len(_file_type(brand)) + 8
    coded = next((item.extents[0][0] for item in items.values() if item.extents and item.kind not in _LAYOUTS), 0)
    file = _file_type(brand) + _items_box(data, items, first) + _box(b"mdat", data)
    return Lean(file, steps, data[coded : coded + _OPENING_BYTES])


def film(data: bytes, moov: Box) -> Lean:
    """The tracks of a sequence.

    Raises:
        DecodeError: There is none of pictures, or its data lie beyond what can be told.
    """
    head = _file_type(b"avis")
    copy = bytearray(_box(b"moov", data[moov.start : moov.end]))
    base, first = 8 - moov.start, len(head) + len(copy) + 8
    for trak in inner(data, moov):
        for box in _useless(data, trak):
            at = copy.rindex(box.name, 0, box.start + base)
            copy[at : at + 4] = b"skip"
        for box in _offsets(data, trak):
            _move(copy, box.start + base, first, wide=box.name == b"co64")
    shown = next((track for track in tracks(data) if not track.auxiliary), None)
    if shown is None:
        raise DecodeError
    steps, coded = _steps(data, inner(data, shown.entry)), _first_chunk(data, shown)
    return Lean(head + bytes(copy) + _box(b"mdat", data), steps, data[coded : coded + _OPENING_BYTES])


def _steps(data: bytes, properties: Iterable[Box]) -> tuple[Step, ...]:
    return tuple((box.name, data[box.start : box.end]) for box in properties if box.name in STEPS)


def _useless(data: bytes, trak: Box) -> Iterator[Box]:
    yield from (box for box in inner(data, trak) if trak.name == b"trak" and box.name == b"meta")
    seen = set[bytes]()
    yield from (box for box in _entry_boxes(data, trak) if not _is_wanted(data, box, seen))


def _entry_boxes(data: bytes, trak: Box) -> Iterator[Box]:
    entry = descend(data, trak, b"mdia", b"minf", b"stbl", b"stsd", b"av01")
    yield from inner(data, entry) if entry is not None else ()


def _offsets(data: bytes, trak: Box) -> Iterator[Box]:
    table = descend(data, trak, b"mdia", b"minf", b"stbl")
    yield from (box for box in inner(data, table) if box.name in (b"stco", b"co64")) if table is not None else ()


def _first_chunk(data: bytes, track: Track) -> int:
    """Where the first coded picture begins."""
    for box in inner(data, track.table):
        if box.name in (b"stco", b"co64"):
            return int(struct.unpack_from(">Q" if box.name == b"co64" else ">I", data, box.start + 8)[0])
    raise DecodeError


def _move(copy: bytearray, start: int, by: int, *, wide: bool) -> None:
    (count,) = struct.unpack_from(">I", copy, start + 4)
    if count > MAX_SAMPLES:
        raise DecodeError
    layout = f">{count}{'Q' if wide else 'I'}"
    moved = [place + by for place in struct.unpack_from(layout, copy, start + 8)]
    if max(moved, default=0) >= 2 ** (64 if wide else 32):
        raise DecodeError
    struct.pack_into(layout, copy, start + 8, *moved)


def _is_wanted(data: bytes, box: Box, seen: set[bytes]) -> bool:
    """Whether a decoder is told of a property: not what cuts and turns, nor colours that say nothing or again."""
    if box.name in STEPS:
        return False
    if box.name != b"colr":
        return True
    kind, size = data[box.start : min(box.start + 4, box.end)], box.end - box.start - 4
    known = {b"nclx": _NCLX_BYTES, b"prof": _LEAST_PROFILE_BYTES, b"rICC": _LEAST_PROFILE_BYTES}
    family = b"nclx" if kind == b"nclx" else b"prof"
    if kind not in known or size < known[kind] or family in seen:
        return False
    seen.add(family)
    return True


def _items_box(data: bytes, items: dict[int, Item], first: int) -> bytes:
    """The box `meta`, for a source that begins at `first`; items are numbered anew, from 1."""
    numbers = {number: new for new, number in enumerate(items, 1)}
    count = struct.pack(">H", len(items))
    entries = [_full(b"infe", 2, i.flags, struct.pack(">HH4sx", n, 0, i.kind)) for n, i in enumerate(items.values(), 1)]
    places = [_place(number, item, first) for number, item in enumerate(items.values(), 1)]
    return _full(
        b"meta",
        0,
        0,
        _full(b"hdlr", 0, 0, bytes(4), b"pict", bytes(13)),
        _full(b"pitm", 0, 0, struct.pack(">H", 1)),
        _full(b"iloc", 1, 0, b"\x88\0", count, *places),
        _full(b"iinf", 0, 0, count, *entries),
        _full(b"iref", 0, 0, *_references(items, numbers)),
        _properties(data, items),
    )


def _place(number: int, item: Item, first: int) -> bytes:
    if item.extents is None or any(start + size >= 2**62 for start, size in item.extents):
        raise DecodeError
    pieces = [struct.pack(">QQ", first + start, size) for start, size in item.extents]
    return struct.pack(">HHHH", number, 0, 0, len(pieces)) + b"".join(pieces)


def _references(items: dict[int, Item], numbers: dict[int, int]) -> Iterator[bytes]:
    """`dimg`, `auxl` and `prem` among the items, each kind of an item once, in the order of the source."""
    for number, item in items.items():
        for kind in (b"dimg", b"auxl", b"prem"):
            targets = [numbers[target] for name, target in item.links if name == kind and target in numbers]
            if targets:
                yield _box(kind, struct.pack(f">HH{len(targets)}H", numbers[number], len(targets), *targets))


def _properties(data: bytes, items: dict[int, Item]) -> bytes:
    """The box `iprp`.

    What cuts and turns a part of a picture stays: only the whole is shown by `turns.shown`. An alpha of
    which the source tells no size, as old writers of AVIF leave it, has that of its picture: libavif refuses it else.
    """
    store: dict[Box, int] = {}
    links = []
    for number, item in enumerate(items.values(), 1):
        is_part = number > 1 and all(box.name != b"auxC" for _, box in item.properties)
        seen = set[bytes]()
        wanted = [
            (essential, box)
            for essential, box in (*item.properties, *_missing_size(items, item))
            if _is_wanted(data, box, seen) or (is_part and box.name in STEPS)
        ]
        indices = [store.setdefault(box, len(store) + 1) | (0x8000 if essential else 0) for essential, box in wanted]
        links.append(struct.pack(f">HB{len(indices)}H", number, len(indices), *indices))
    bodies = [_box(box.name, data[box.start : box.end]) for box in store]
    return _box(b"iprp", _box(b"ipco", *bodies), _full(b"ipma", 0, 1, struct.pack(">I", len(links)), *links))


def _missing_size(items: dict[int, Item], item: Item) -> list[tuple[bool, Box]]:
    """The size of the picture whose alpha an item is, where that is told of the picture alone."""
    whole = next((items[target] for kind, target in item.links if kind == b"auxl" and target in items), item)
    own, wanted = ([told for told in of.properties if told[1].name == b"ispe"] for of in (item, whole))
    return [] if own else wanted[:1]


def _file_type(brand: bytes) -> bytes:
    return _box(b"ftyp", brand, bytes(4), brand * _BRANDS)


def _box(name: bytes, *parts: bytes) -> bytes:
    return struct.pack(">I4s", 8 + sum(map(len, parts)), name) + b"".join(parts)


def _full(name: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    return _box(name, struct.pack(">I", version << 24 | flags), *parts)
