"""TIFF as we write it: pages of one directory, its values and its strips, each byte accounted for."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonymizer.errors import ScrubCheckFailed
from anonymizer.image.profiles import PROFILES

_HEADER = b"II*\0\x08\0\0\0"
_SHORT, _LONG, _UNDEFINED = 3, 4, 7
_STRIP_BYTES = 2**18
_PALETTE_ENTRIES = 256
_MAX_PIXELS = 2**31

_TYPES: dict[int, int] = {
    256: _LONG, 257: _LONG, 258: _SHORT, 259: _SHORT, 262: _SHORT, 273: _LONG, 277: _SHORT, 278: _LONG,
    279: _LONG, 284: _SHORT, 317: _SHORT, 320: _SHORT, 338: _SHORT, 34675: _UNDEFINED,
}  # fmt: skip
"""Every tag that we write, in the order of the directory, and its type."""

_OPTIONAL = frozenset({317, 320, 338, 34675})
_SIZES = {_SHORT: 2, _LONG: 4, _UNDEFINED: 1}

# (photometric, bits, samples, kinds of alpha that may stand beside them)
_LAYOUTS: frozenset[tuple[int, int, int, int]] = frozenset(
    {(1, 1, 1, 0), (3, 8, 1, 0)}
    | {
        (photometric, bits, colors + (extra > 0), extra)
        for photometric, colors in ((1, 1), (2, 3), (5, 4))
        for bits in (8, 16)
        for extra in (0, 1, 2)
    }
)


@dataclass(frozen=True, slots=True)
class _Page:
    """A directory's values, and the offset of the next one."""

    values: dict[int, bytes]
    following: int

    def number(self, tag: int) -> int:
        """The value of a tag that has one."""
        value = self.values[tag]
        if len(value) != _SIZES[_TYPES[tag]]:
            raise ScrubCheckFailed
        return int.from_bytes(value, "little")

    def numbers(self, tag: int) -> list[int]:
        return [int(value) for value in np.frombuffer(self.values[tag], f"<u{_SIZES[_TYPES[tag]]}")]


def check(data: bytes, width: int, height: int, frame_count: int) -> None:
    """What we write, and the size of the first page; see `anonymizer.image.metadata.check`."""
    if not data.startswith(_HEADER) or frame_count < 1:
        raise ScrubCheckFailed
    at, sizes = len(_HEADER), list[tuple[int, int]]()
    for number in range(1, frame_count + 1):
        page, end = _page(data, at)
        at = _check_page(data, page, end)
        sizes.append((page.number(256), page.number(257)))
        if page.following != (0 if number == frame_count else at):
            raise ScrubCheckFailed
    if at != len(data) or sizes[0] != (width, height):
        raise ScrubCheckFailed


def _page(data: bytes, at: int) -> tuple[_Page, int]:
    """The directory at an offset, its values right behind it, and where these end."""
    (count,) = struct.unpack_from("<H", data, at)
    values_at = at + 2 + 12 * count + 4
    values: dict[int, bytes] = {}
    for entry in range(at + 2, values_at - 4, 12):
        tag, kind, number = struct.unpack_from("<HHI", data, entry)
        if tag in values or _TYPES.get(tag) != kind:
            raise ScrubCheckFailed
        size = number * _SIZES[kind]
        if size <= 4:
            values[tag], padding = data[entry + 8 : entry + 8 + size], data[entry + 8 + size : entry + 12]
        else:
            place = int.from_bytes(data[entry + 8 : entry + 12], "little")
            end = place + size + size % 2
            if place != values_at or end > len(data):
                raise ScrubCheckFailed
            values[tag], padding, values_at = data[place : place + size], data[place + size : end], end
        if any(padding):
            raise ScrubCheckFailed
    # In order and complete: the tags that are optional may be missing, no other one.
    if list(values) != [tag for tag in _TYPES if tag in values or tag not in _OPTIONAL]:
        raise ScrubCheckFailed
    (following,) = struct.unpack_from("<I", data, at + 2 + 12 * count)
    return _Page(values, following), values_at


def _check_page(data: bytes, page: _Page, at: int) -> int:
    """Values and strips of a page whose strips begin at `at`; where the page ends."""
    samples, bits = page.number(277), page.numbers(258)
    extra = page.number(338) if 338 in page.values else 0
    photometric, width, height = page.number(262), page.number(256), page.number(257)
    layout = photometric, bits[0], samples, extra
    if layout not in _LAYOUTS or len(bits) != samples or len(set(bits)) != 1 or (338 in page.values) != (extra > 0):
        raise ScrubCheckFailed
    predicted = bits[0] >= 8 and photometric != 3
    predictor = page.number(317) if 317 in page.values else None
    fixed = page.number(259), page.number(284), predictor
    if fixed != (8, 1, 2 if predicted else None) or not 0 < width * height <= _MAX_PIXELS:
        raise ScrubCheckFailed
    if 34675 in page.values and page.values[34675] not in PROFILES.values():
        raise ScrubCheckFailed
    row_bytes = (width * samples * bits[0] + 7) // 8
    rows = min(max(1, _STRIP_BYTES // row_bytes), height)
    if page.number(278) != rows or (320 in page.values) != (photometric == 3):
        raise ScrubCheckFailed
    used = np.zeros(256, np.bool_)
    end = at
    for strip, end in _strips(data, page, at):  # noqa: B007 - the last end counts
        lines = min(rows, height)
        height -= lines
        _check_strip(strip, lines, row_bytes, width if bits[0] == 1 else 0, used if photometric == 3 else None)
    if height or data[end : end + end % 2] != bytes(end % 2):
        raise ScrubCheckFailed
    if photometric == 3:
        _check_palette(page.values[320], used)
    return end + end % 2


def _strips(data: bytes, page: _Page, at: int) -> Iterator[tuple[bytes, int]]:
    """Each strip and its end: right behind one another."""
    offsets, counts = page.numbers(273), page.numbers(279)
    if len(offsets) != len(counts):
        raise ScrubCheckFailed
    for offset, count in zip(offsets, counts, strict=True):
        if offset != at or at + count > len(data):
            raise ScrubCheckFailed
        yield data[at : at + count], at + count
        at += count


def _check_strip(strip: bytes, rows: int, row_bytes: int, bits: int, used: NDArray[np.bool_] | None) -> None:
    """A complete stream of exactly the rows, with no bit beyond a row's end.

    Args:
        strip: zlib stream.
        rows: That it has to hold.
        row_bytes: Of each.
        bits: That count of a row; 0 = all of its bytes.
        used: (256,) where indices are noted; None = the samples are no indices.
    """
    unpacking = zlib.decompressobj()
    rows_read = unpacking.decompress(strip, rows * row_bytes + 1)
    if rows <= 0 or len(rows_read) != rows * row_bytes or not unpacking.eof or unpacking.unused_data:
        raise ScrubCheckFailed
    if bits % 8:
        ends = np.frombuffer(rows_read, np.uint8)[row_bytes - 1 :: row_bytes]
        if (ends & (0xFF >> bits % 8)).any():
            raise ScrubCheckFailed
    if used is not None:
        used[np.unique(np.frombuffer(rows_read, np.uint8))] = True


def _check_palette(values: bytes, used: NDArray[np.bool_]) -> None:
    """Entries of 8 bit spread over 16; those that no pixel has are black."""
    colors = np.frombuffer(values, "<u2")
    if len(colors) != 3 * _PALETTE_ENTRIES or ((colors >> 8) != (colors & 0xFF)).any():
        raise ScrubCheckFailed
    if colors.reshape(3, _PALETTE_ENTRIES)[:, ~used].any():
        raise ScrubCheckFailed
