"""Directories of a TIFF or BigTIFF file, read from hostile bytes in bounded time (TIFF 6.0, section 2)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonymizer.errors import DecodeError, ImageTooLarge
from anonymizer.image.tiff_fields import lies_within_entry, real_numbers, whole_numbers

MAX_DIRECTORIES = 10_000
_MAX_ENTRIES = 4096
_MAX_ALL_ENTRIES = 2**18
_SUB_IFDS = 330


@dataclass(frozen=True, slots=True)
class Directory:
    """One directory: where the values of its tags are.

    Attributes:
        data: The whole file.
        endian: `<` or `>`.
        entries: Tag to (type, count, offset of the first value); of a tag that is there twice the first.
        following: Offset of the next directory of the chain, 0 = none.
    """

    data: bytes
    endian: str
    entries: dict[int, tuple[int, int, int]]
    following: int

    def numbers(self, tag: int, limit: int) -> NDArray[np.int64]:
        """(N,) the first values of a tag; empty where it is absent.

        Args:
            tag: Its number.
            limit: How many are read at most.

        Raises:
            DecodeError: Values beyond the end of the file, values that are no whole numbers, or negative ones.
        """
        if tag not in self.entries:
            return np.empty(0, np.int64)
        kind, count, at = self.entries[tag]
        values = whole_numbers(self.data, self.endian, kind, min(count, limit), at)
        if values is None or (values < 0).any():
            raise DecodeError
        return values

    def reals(self, tag: int, count: int) -> NDArray[np.float64] | None:
        """(count,) values of a tag, of any type that is a number; None where it is absent or is not as many numbers."""
        kind, stored, at = self.entries.get(tag, (0, 0, 0))
        return real_numbers(self.data, self.endian, kind, count, at) if stored == count else None

    def number(self, tag: int, default: int) -> int:
        """The first value of a tag."""
        values = self.numbers(tag, 1)
        return int(values[0]) if len(values) else default

    def block(self, tag: int, limit: int) -> bytes | None:
        """Bytes of a tag of type BYTE or UNDEFINED; None where there is none that can be read."""
        kind, count, at = self.entries.get(tag, (0, 0, 0))
        if kind not in (1, 7) or not 0 < count <= limit or at + count > len(self.data):
            return None
        return self.data[at : at + count]

    def children(self) -> list[int]:
        """Offsets of its sub-directories (tag SubIFDs); none where they cannot be read."""
        try:
            return [int(offset) for offset in self.numbers(_SUB_IFDS, 64)]
        except DecodeError:
            return []


def is_tiff(data: bytes) -> bool:
    """Whether a file begins like TIFF or BigTIFF."""
    return data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def first_directory(data: bytes) -> int:
    """Offset of the first directory.

    Raises:
        DecodeError: The header is none.
    """
    endian = "<" if data[:2] == b"II" else ">"
    if not is_tiff(data):
        raise DecodeError
    if 43 in data[2:4]:
        size, zero, offset = struct.unpack_from(endian + "HHQ", data, 4)
        if (size, zero) != (8, 0):
            raise DecodeError
        return int(offset)
    return int(struct.unpack_from(endian + "I", data, 4)[0])


def read_directory(data: bytes, offset: int) -> Directory:
    """Reads the directory at an offset.

    Raises:
        DecodeError: It does not lie within the file, is empty, or has more entries than any honest one.
    """
    endian = "<" if data[:2] == b"II" else ">"
    big = 43 in data[2:4]
    head, entry, inline, pointer = ("Q", "HHQ", 8, "Q") if big else ("H", "HHI", 4, "I")
    start = offset + struct.calcsize(endian + head)
    if offset < 8 or start > len(data):
        raise DecodeError
    (count,) = struct.unpack_from(endian + head, data, offset)
    step = struct.calcsize(endian + entry) + inline
    end = start + step * count
    if not 0 < count <= _MAX_ENTRIES or end > len(data):
        raise DecodeError
    entries: dict[int, tuple[int, int, int]] = {}
    for at in range(start, end, step):
        tag, kind, values = struct.unpack_from(endian + entry, data, at)
        place = at + step - inline
        if not lies_within_entry(kind, values, inline):
            (place,) = struct.unpack_from(endian + pointer, data, place)
        entries.setdefault(tag, (kind, values, place))
    # Some writers leave the pointer out where the file ends with its only directory.
    room = end + struct.calcsize(endian + pointer) <= len(data)
    following = struct.unpack_from(endian + pointer, data, end)[0] if room else 0
    return Directory(data, endian, entries, int(following))


def chain(data: bytes) -> Iterator[Directory]:
    """The directories in the order of the chain; one that comes back to an earlier directory ends there.

    Raises:
        DecodeError: A directory cannot be read, or there is none.
        ImageTooLarge: There are more than `MAX_DIRECTORIES`, or they overlap and are read over and over.
    """
    seen, entries = set[int](), 0
    offset = first_directory(data)
    if offset == 0:
        raise DecodeError
    while offset and offset not in seen:
        if len(seen) >= MAX_DIRECTORIES or entries > _MAX_ALL_ENTRIES:
            raise ImageTooLarge
        seen.add(offset)
        directory = read_directory(data, offset)
        entries += len(directory.entries)
        yield directory
        offset = directory.following


def readable_directories(data: bytes, most: int) -> Iterator[Directory]:
    """The directories of the chain and those below them; what cannot be read is passed over.

    Args:
        data: The whole file.
        most: So many are looked at.

    Raises:
        DecodeError: There is no header.
    """
    pending, seen = [first_directory(data)], set[int]()
    while pending and len(seen) < most:
        offset = pending.pop()
        if offset in seen or offset == 0:
            continue
        seen.add(offset)
        try:
            directory = read_directory(data, offset)
        except (DecodeError, struct.error):
            continue
        yield directory
        pending += [directory.following, *directory.children()]
