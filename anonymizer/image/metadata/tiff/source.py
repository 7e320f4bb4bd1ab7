"""What a TIFF file of somebody else carries: a walk through all directories, in bounded time."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonymizer.image.metadata.blocks import photoshop_names, tag_name, trailer_names, xmp_names
from anonymizer.image.tiff_fields import AC_TABLES, DC_TABLES, Q_TABLES, VALUE_BYTES, table_bytes, whole_numbers

_MAX_DIRECTORIES = 256
_MAX_ENTRIES = 4096
_MAX_SEGMENTS = 2**20
_MAX_BLOCKS = 16
_MAX_BLOCK_BYTES = 2**24
_MAX_PAD_BYTES = 8
# Beyond any file that is read, and small enough to be added up.
_FAR = 2**40

_NEW_SUBFILE_TYPE, _SUBFILE_TYPE, _XMP, _PHOTOSHOP, _SUB_IFDS = 254, 255, 700, 34377, 330
_EXIF_IFD, _GPS_IFD, _INTEROP_IFD = 34665, 34853, 40965
# Offsets and sizes of strips, tiles, and the data of old JPEG.
_DATA = ((273, 279), (324, 325), (513, 514))
_TABLES, _MAX_TABLES = frozenset({Q_TABLES, DC_TABLES, AC_TABLES}), 4

_FOR_THE_PICTURE = frozenset({
    254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325, 332, 334,
    338, 339, 347, *range(512, 522), 529, 530, 531, 532,
})  # fmt: skip
# GeoTIFF 1.1 and GDAL; Photoshop's layers; C2PA.
_NAMES: dict[int, str] = dict.fromkeys((33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113), "tiff.geo") | {
    37724: "tiff.layers",
    52545: "c2pa",
}
_FIRST_PRIVATE = 32768


@dataclass(frozen=True, slots=True)
class _Kind:
    """How numbers and directories stand in a file."""

    endian: str
    big: bool

    @property
    def inline(self) -> int:
        return 8 if self.big else 4


@dataclass(frozen=True, slots=True)
class _Entry:
    """One tag: where its values are."""

    tag: int
    kind: int
    count: int
    at: int

    @property
    def size(self) -> int:
        return VALUE_BYTES.get(self.kind, 1) * self.count


def inventory(data: bytes) -> Iterator[str]:
    """What a source carries; see `anonymizer.image.metadata.inventory`."""
    kind = _Kind("<" if data[:2] == b"II" else ">", 43 in data[2:4])
    (first,) = struct.unpack_from(kind.endian + ("Q" if kind.big else "I"), data, 8 if kind.big else 4)
    spans = [np.array([[0, 16 if kind.big else 8]], np.int64)]
    # (offset, what it was reached by); the chain's directories are pages, others belong to one.
    pending, seen, blocks = [(int(first), "page")], set[int](), set[_Entry]()
    while pending:
        offset, role = pending.pop()
        if offset in seen or offset == 0:
            continue
        if offset > len(data):
            raise ValueError
        seen.add(offset)
        if len(seen) > _MAX_DIRECTORIES or sum(map(len, spans)) > _MAX_SEGMENTS:
            yield "unreadable"
            break
        entries, following, span = _directory(data, kind, offset)
        spans += [np.array([span], np.int64), *_data_spans(data, kind, entries)]
        for entry in entries:
            yield from _names(entry, role)
            if entry.size > kind.inline:
                spans.append(np.array([[min(entry.at, _FAR), min(entry.at + entry.size, 2 * _FAR)]], np.int64))
            pending += [(at, _role(entry.tag)) for at in _children(data, kind, entry)]
        blocks.update(entry for entry in entries if entry.tag in (_XMP, _PHOTOSHOP))
        if _is_preview(data, kind, entries):
            yield "tiff.preview"
        if role == "page":
            pending.append((following, role))
    for entry in list(blocks)[:_MAX_BLOCKS]:
        yield from _block_names(data, entry)
    yield from _unknown_bytes(data, np.concatenate(spans))


def _directory(data: bytes, kind: _Kind, offset: int) -> tuple[list[_Entry], int, tuple[int, int]]:
    """Entries, the next directory of the chain, and the bytes that it takes."""
    head, entry, pointer = ("Q", "HHQ", "Q") if kind.big else ("H", "HHI", "I")
    (count,) = struct.unpack_from(kind.endian + head, data, offset)
    start = offset + struct.calcsize(kind.endian + head)
    step = struct.calcsize(kind.endian + entry) + kind.inline
    if count > _MAX_ENTRIES:
        raise ValueError
    entries = []
    for at in range(start, start + step * count, step):
        tag, values, number = struct.unpack_from(kind.endian + entry, data, at)
        place = at + step - kind.inline
        found = _Entry(tag, values, number, place)
        if found.size > kind.inline:
            (place,) = struct.unpack_from(kind.endian + pointer, data, place)
        entries.append(_Entry(tag, values, number, place))
    end = start + step * count
    room = end + kind.inline <= len(data)
    following = struct.unpack_from(kind.endian + pointer, data, end)[0] if room else 0
    return entries, int(following), (offset, end + kind.inline)


def _role(tag: int) -> str:
    return {_SUB_IFDS: "sub", _GPS_IFD: "gps"}.get(tag, "exif")


def _children(data: bytes, kind: _Kind, entry: _Entry) -> list[int]:
    if entry.tag not in (_SUB_IFDS, _EXIF_IFD, _GPS_IFD, _INTEROP_IFD):
        return []
    return [int(offset) for offset in _numbers(data, kind, entry, _MAX_DIRECTORIES)]


def _names(entry: _Entry, role: str) -> Iterator[str]:
    """Names of one tag."""
    if role == "gps" or (role in ("page", "sub") and entry.tag in _FOR_THE_PICTURE):
        return
    name = tag_name(entry.tag)
    if name is not None:
        yield name
    if entry.tag in (_EXIF_IFD, _INTEROP_IFD) or role == "exif":
        yield "exif"
    elif entry.tag in _NAMES:
        yield _NAMES[entry.tag]
    elif name is None:
        yield "tiff.private" if entry.tag >= _FIRST_PRIVATE else "tiff.note"


def _block_names(data: bytes, entry: _Entry) -> Iterator[str]:
    block = data[entry.at : entry.at + min(entry.size, _MAX_BLOCK_BYTES)]
    yield from xmp_names(block) if entry.tag == _XMP else photoshop_names(block)


def _is_preview(data: bytes, kind: _Kind, entries: list[_Entry]) -> bool:
    """Whether a directory is a reduced copy (bit 0) or a mask (bit 2) of another; the older tag says 2 for a copy."""
    for entry in entries:
        for value in _numbers(data, kind, entry, 1).tolist():
            if (entry.tag == _NEW_SUBFILE_TYPE and value & 5) or (entry.tag == _SUBFILE_TYPE and value == 2):
                return True
    return False


def _data_spans(data: bytes, kind: _Kind, entries: list[_Entry]) -> list[NDArray[np.int64]]:
    """(S, 2) beginning and end of what the directory's picture is stored in."""
    by_tag = {entry.tag: entry for entry in entries}
    spans = []
    for offsets_tag, sizes_tag in _DATA:
        if offsets_tag not in by_tag:
            continue
        offsets = _numbers(data, kind, by_tag[offsets_tag], _MAX_SEGMENTS)
        stated = by_tag.get(sizes_tag)
        sizes = np.zeros(len(offsets), np.int64)
        known = np.empty(0, np.int64) if stated is None else _numbers(data, kind, stated, len(offsets))
        sizes[: len(known)] = known
        # Without a size, which 0 is too, it is not known where the data ends: all that follows counts as the picture.
        sizes[sizes == 0] = len(data)
        spans.append(np.stack((offsets, offsets + sizes), axis=1))
    for tag in _TABLES & by_tag.keys():
        offsets = _numbers(data, kind, by_tag[tag], _MAX_TABLES)
        spans += [np.array([[at, at + table_bytes(data, tag, at)]], np.int64) for at in offsets.tolist()]
    return spans


def _numbers(data: bytes, kind: _Kind, entry: _Entry, limit: int) -> NDArray[np.int64]:
    values = whole_numbers(data, kind.endian, entry.kind, min(entry.count, limit), entry.at)
    return np.empty(0, np.int64) if values is None else np.clip(values, 0, _FAR)


def _unknown_bytes(data: bytes, spans: NDArray[np.int64]) -> Iterator[str]:
    """Names for bytes that no directory speaks of; a few zeros between parts are alignment."""
    spans = spans[np.argsort(spans[:, 0], kind="stable")]
    reached = np.maximum.accumulate(spans[:, 1])
    opened = np.flatnonzero(spans[1:, 0] > reached[:-1])
    for at in opened[:_MAX_SEGMENTS].tolist():
        gap = data[int(reached[at]) : int(spans[at + 1, 0])]
        if len(gap) > _MAX_PAD_BYTES or any(gap):
            yield "gap"
            break
    trailer = data[int(reached[-1]) :]
    if len(trailer) > _MAX_PAD_BYTES or any(trailer):
        yield from trailer_names(trailer)
