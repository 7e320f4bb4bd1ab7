"""Kept values in a TIFF of ours: further tags of the first page, and everything behind them moved up to make room.

Ours: header, directory, its longer values, strips; then the same for each further page (`codec.tiff.write`).
"""

from __future__ import annotations

import struct
from dataclasses import replace

from anonymizer.image.metadata.keep.exif import ExifValues, NewEntry, directory_bytes, new_entries, read_exif
from anonymizer.image.metadata.keep.exif import with_sub_directories as with_subs
from anonymizer.image.metadata.keep.values import KeptValues, from_exif
from anonymizer.image.profiles import PROFILES

_FIRST_AT = 8
_MAX_ENTRIES, _MAX_PAGES = 200, 100_000

_PHOTOMETRIC, _STRIP_OFFSETS, _PROFILE = 262, 273, 34675
_ADDED = frozenset((274, 282, 283, 296, 34665, 34853))
_UNDEFINED = 7
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, _UNDEFINED: 1}

_PROFILE_OF = {1: "gray-srgb", 2: "srgb", 3: "srgb"}
"""By PhotometricInterpretation."""


def put(data: bytes, kept: KeptValues) -> tuple[bytes, KeptValues]:
    """See `anonymizer.image.metadata.keep`. A profile is named where there is one page only."""
    entries, following = _entries(data, _FIRST_AT)
    profile = None
    if kept.icc and not following and all(tag != _PROFILE for tag, *_ in entries):
        profile = _PROFILE_OF.get(_photometric(entries))
    held = replace(kept, icc=profile is not None, projection=None)
    entries += new_entries(held.as_exif())
    if profile is not None:
        content = PROFILES[profile]
        entries.append((_PROFILE, _UNDEFINED, len(content), content))
    return _relaid(data, sorted(entries), following, held.as_exif()), held


def taken(data: bytes) -> tuple[bytes, KeptValues]:
    """See `anonymizer.image.metadata.keep`."""
    entries, following = _entries(data, _FIRST_AT)
    explicit = PROFILES.get(_PROFILE_OF.get(_photometric(entries), ""))
    icc = any(tag == _PROFILE and content == explicit for tag, _, _, content in entries)
    clean = [entry for entry in entries if entry[0] not in _ADDED and not (icc and entry[0] == _PROFILE)]
    return _relaid(data, clean, following, ExifValues()), from_exif(read_exif(data), icc=icc)


def _entries(data: bytes, at: int) -> tuple[list[NewEntry], int]:
    """Entries with their whole values, and the offset of the next directory.

    Raises:
        ValueError: It is none of ours.
    """
    (count,) = struct.unpack_from("<H", data, at)
    if data[:4] != b"II*\0" or count > _MAX_ENTRIES:
        raise ValueError
    found: list[NewEntry] = []
    for row in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind, number, offset = struct.unpack_from("<HHII", data, row)
        size = number * _size_of(kind)
        start = row + 8 if size <= 4 else offset
        if start + size > len(data):
            raise ValueError
        found.append((tag, kind, number, data[start : start + size]))
    return found, struct.unpack_from("<I", data, at + 2 + 12 * count)[0]


def _relaid(data: bytes, entries: list[NewEntry], following: int, values: ExifValues) -> bytes:
    """The file with another first directory, all that points behind it corrected."""
    strips = next((content for tag, _, _, content in entries if tag == _STRIP_OFFSETS), b"")
    tail_at = min(struct.unpack(f"<{len(strips) // 4}I", strips))
    subs_at = _FIRST_AT + len(directory_bytes(entries, _FIRST_AT))
    pointed, subs = with_subs(entries, values, subs_at)
    shift = subs_at + len(subs) - tail_at
    moved = [
        (tag, kind, count, _moved(content, shift) if tag == _STRIP_OFFSETS else content)
        for tag, kind, count, content in pointed
    ]
    directory = directory_bytes(moved, _FIRST_AT, following + shift if following else 0)
    return data[:_FIRST_AT] + directory + subs + _moved_pages(data, following, tail_at, shift)


def _moved_pages(data: bytes, following: int, tail_at: int, shift: int) -> bytes:
    """The file from `tail_at` on, the offsets in the directories of its further pages corrected."""
    if not following:
        return data[tail_at:]
    tail, at = bytearray(data[tail_at:]), following
    for _ in range(_MAX_PAGES):
        if at < tail_at:
            raise ValueError
        (count,) = struct.unpack_from("<H", data, at)
        for row in range(at + 2, at + 2 + 12 * count, 12):
            _move_entry(data, tail, (row, tail_at), shift)
        (after,) = struct.unpack_from("<I", data, at + 2 + 12 * count)
        if not after:
            return bytes(tail)
        struct.pack_into("<I", tail, at + 2 + 12 * count - tail_at, after + shift)
        if after <= at:
            raise ValueError
        at = after
    raise ValueError


def _move_entry(data: bytes, tail: bytearray, place: tuple[int, int], shift: int) -> None:
    """Corrects one entry, at `place[0]` of `data`, in the tail, which starts at `place[1]`."""
    row, tail_at = place
    tag, kind, count, offset = struct.unpack_from("<HHII", data, row)
    size, start = count * _size_of(kind), row + 8
    if size > 4:
        start = offset
        struct.pack_into("<I", tail, row + 8 - tail_at, offset + shift)
    if tag == _STRIP_OFFSETS:
        if start < tail_at or start + size > len(data):
            raise ValueError
        tail[start - tail_at : start - tail_at + size] = _moved(data[start : start + size], shift)


def _moved(offsets: bytes, shift: int) -> bytes:
    numbers = struct.unpack(f"<{len(offsets) // 4}I", offsets)
    return struct.pack(f"<{len(numbers)}I", *(number + shift for number in numbers))


def _size_of(kind: int) -> int:
    if kind not in _BYTES:
        raise ValueError(kind)
    return _BYTES[kind]


def _photometric(entries: list[NewEntry]) -> int:
    return next((int.from_bytes(content, "little") for tag, _, _, content in entries if tag == _PHOTOMETRIC), 0)
