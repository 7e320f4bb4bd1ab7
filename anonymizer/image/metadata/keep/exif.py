"""The few values of an EXIF block that a user may keep: read from a hostile one, written into a new one."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from fractions import Fraction

from anonymizer.image.tiff_fields import lies_within_entry, whole_numbers

_MAX_ENTRIES = 1_000

# TIFF 6.0, section 2.
_ASCII, _SHORT, _LONG, _RATIONAL = 2, 3, 4, 5
_ENTRY_BYTES = 4

# TIFF 6.0, section 8; EXIF 2.32, 4.6.
_ORIENTATION, _X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 0x0112, 0x011A, 0x011B, 0x0128
_EXIF_IFD, _GPS_IFD, _CAPTURED = 0x8769, 0x8825, 0x9003
_LATITUDE_REF, _LATITUDE, _LONGITUDE_REF, _LONGITUDE = 1, 2, 3, 4

_PER_INCH = {2: Fraction(1), 3: Fraction(254, 100)}
"""ResolutionUnit to what makes pixels per inch of it; 1 is no unit."""

# The first photograph that still exists is of 1826 or 1827.
_YEARS = range(1826, 2101)
_YEAR = re.compile(rb"\s*(\d{4})[:/.-]")

MAX_DPI = 65_535
"""What JFIF can hold."""

Entry = tuple[int, int, int]
"""Type, count and offset of the value."""

NewEntry = tuple[int, int, int, bytes]
"""Tag, type, count and value, little-endian."""


@dataclass(frozen=True, slots=True)
class ExifValues:
    """What was found, coarse already.

    Attributes:
        orientation: 1 to 8; None = absent.
        capture_year: Of DateTimeOriginal.
        position: Latitude and longitude in tenths of a degree, north and east positive.
        dpi: Pixels per inch, across and down the stored picture.
    """

    orientation: int | None = None
    capture_year: int | None = None
    position: tuple[int, int] | None = None
    dpi: tuple[int, int] | None = None


def read_exif(tiff: bytes) -> ExifValues:
    """Reads an EXIF block or a TIFF file; what is unreadable or implausible counts as absent.

    Args:
        tiff: From the byte order mark on.
    """
    endian = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if endian is None or len(tiff) < 8:
        return ExifValues()
    main = _directory(tiff, endian, struct.unpack_from(endian + "I", tiff, 4)[0])
    private = _sub_directory(tiff, endian, main.get(_EXIF_IFD))
    turn = _numbers(tiff, endian, main.get(_ORIENTATION), 1)
    return ExifValues(
        orientation=int(turn[0]) if turn is not None and 1 <= turn[0] <= 8 else None,
        capture_year=_year(_text(tiff, private.get(_CAPTURED))),
        position=_position(tiff, endian, _sub_directory(tiff, endian, main.get(_GPS_IFD))),
        dpi=_dpi(tiff, endian, main),
    )


def whole_dpi(across: Fraction | None, down: Fraction | None) -> tuple[int, int] | None:
    """Pixels per inch as whole numbers; None if implausible."""
    if across is None or down is None:
        return None
    dpi = round(across), round(down)
    return dpi if all(1 <= value <= MAX_DPI for value in dpi) else None


def exif_block(values: ExifValues) -> bytes:
    """A new block of these values only, little-endian; empty if there is none. The same values give the same bytes.

    The orientation is written as 1, since pixels are upright. Of a capture only the year is known: the other parts of
    DateTimeOriginal are blank, as EXIF has it for what is unknown (4.6.5), not a first of January that never was.
    """
    new = new_entries(values)
    if not new:
        return b""
    main, subs = with_sub_directories(new, values, 8 + len(directory_bytes(new, 8)))
    return b"II*\0\x08\0\0\0" + directory_bytes(main, 8) + subs


def new_entries(values: ExifValues) -> list[NewEntry]:
    """Entries of the main directory for these values, sorted; pointers to sub-directories are still 0."""
    entries: list[NewEntry] = []
    if values.orientation is not None:
        entries.append((_ORIENTATION, _SHORT, 1, struct.pack("<H", 1)))
    if values.dpi is not None:
        entries.append((_X_RESOLUTION, _RATIONAL, 1, struct.pack("<II", values.dpi[0], 1)))
        entries.append((_Y_RESOLUTION, _RATIONAL, 1, struct.pack("<II", values.dpi[1], 1)))
        entries.append((_RESOLUTION_UNIT, _SHORT, 1, struct.pack("<H", 2)))
    if values.capture_year is not None:
        entries.append((_EXIF_IFD, _LONG, 1, bytes(4)))
    if values.position is not None:
        entries.append((_GPS_IFD, _LONG, 1, bytes(4)))
    return entries


def with_sub_directories(entries: list[NewEntry], values: ExifValues, at: int) -> tuple[list[NewEntry], bytes]:
    """The entries with the pointers set, and the sub-directories that lie at `at`."""
    contents: dict[int, list[NewEntry]] = {}
    if values.capture_year is not None:
        text = b"%04d:  :     :  :  \0" % values.capture_year
        contents[_EXIF_IFD] = [(_CAPTURED, _ASCII, len(text), text)]
    if values.position is not None:
        contents[_GPS_IFD] = _position_entries(values.position)
    pointed, blocks = [], b""
    for entry in entries:
        tag, kind, count, value = entry
        if tag in contents:
            value = struct.pack("<I", at + len(blocks))
            blocks += directory_bytes(contents[tag], at + len(blocks))
        pointed.append((tag, kind, count, value))
    return pointed, blocks


def _position_entries(position: tuple[int, int]) -> list[NewEntry]:
    """A tenth of a degree is six minutes: whole degrees and minutes say it exactly."""
    entries = []
    for ref, tag, letters, tenths in (
        (_LATITUDE_REF, _LATITUDE, b"NS", position[0]),
        (_LONGITUDE_REF, _LONGITUDE, b"EW", position[1]),
    ):
        degrees, rest = divmod(abs(tenths), 10)
        entries.append((ref, _ASCII, 2, letters[tenths < 0 : (tenths < 0) + 1] + b"\0"))
        entries.append((tag, _RATIONAL, 3, struct.pack("<6I", degrees, 1, rest * 6, 1, 0, 1)))
    return entries


def directory_bytes(entries: list[NewEntry], at: int, following: int = 0) -> bytes:
    """A directory that starts at `at`, with its longer values behind it.

    Args:
        entries: Sorted by tag.
        at: Even offset.
        following: Offset of the next directory, 0 = none.
    """
    head = struct.pack("<H", len(entries))
    start, tail = at + 2 + 12 * len(entries) + 4, b""
    for tag, kind, count, value in entries:
        short = len(value) <= 4
        content = value.ljust(4, b"\0") if short else struct.pack("<I", start + len(tail))
        head += struct.pack("<HHI", tag, kind, count) + content
        if not short:
            tail += value + bytes(len(value) % 2)
    return head + struct.pack("<I", following) + tail


def _directory(tiff: bytes, endian: str, at: int) -> dict[int, Entry]:
    """Entries that lie within the block; of equal tags the first counts."""
    found: dict[int, Entry] = {}
    if not 8 <= at <= len(tiff) - 2:
        return found
    (count,) = struct.unpack_from(endian + "H", tiff, at)
    for entry in range(at + 2, min(at + 2 + 12 * min(count, _MAX_ENTRIES), len(tiff) - 11), 12):
        tag, kind, number, offset = struct.unpack_from(endian + "HHII", tiff, entry)
        inline = lies_within_entry(kind, number, _ENTRY_BYTES)
        found.setdefault(tag, (kind, number, entry + 8 if inline else offset))
    return found


def _sub_directory(tiff: bytes, endian: str, entry: Entry | None) -> dict[int, Entry]:
    pointer = _numbers(tiff, endian, entry, 1)
    return {} if pointer is None else _directory(tiff, endian, int(pointer[0]))


def _numbers(tiff: bytes, endian: str, entry: Entry | None, count: int) -> list[Fraction] | None:
    """`count` rational numbers, or whole ones of any type; None if they are not exactly that."""
    if entry is None or entry[1] != count:
        return None
    kind, _, at = entry
    if kind != _RATIONAL:
        whole = whole_numbers(tiff, endian, kind, count, at)
        return None if whole is None else [Fraction(number) for number in whole.tolist()]
    if at + 8 * count > len(tiff):
        return None
    flat = struct.unpack_from(f"{endian}{2 * count}I", tiff, at)
    if 0 in flat[1::2]:
        return None
    return [Fraction(over, under) for over, under in zip(flat[::2], flat[1::2], strict=True)]


def _text(tiff: bytes, entry: Entry | None) -> bytes:
    """The first bytes of a text."""
    return tiff[entry[2] : entry[2] + min(entry[1], 32)] if entry is not None and entry[0] == _ASCII else b""


def _year(text: bytes) -> int | None:
    match = _YEAR.match(text)
    return int(match[1]) if match and int(match[1]) in _YEARS else None


def _position(tiff: bytes, endian: str, gps: dict[int, Entry]) -> tuple[int, int] | None:
    latitude = _tenths(tiff, endian, gps, (_LATITUDE_REF, _LATITUDE), b"NS", 90)
    longitude = _tenths(tiff, endian, gps, (_LONGITUDE_REF, _LONGITUDE), b"EW", 180)
    return None if latitude is None or longitude is None else (latitude, longitude)


def _tenths(
    tiff: bytes, endian: str, gps: dict[int, Entry], tags: tuple[int, int], letters: bytes, limit: int
) -> int | None:
    """An angle in tenths of a degree; None unless hemisphere, degrees, minutes and seconds are all there."""
    side = letters.find(_text(tiff, gps.get(tags[0])).strip(b"\0 ").upper() or b"?")
    parts = _numbers(tiff, endian, gps.get(tags[1]), 3)
    if side < 0 or parts is None or min(parts) < 0:
        return None
    degrees = parts[0] + parts[1] / 60 + parts[2] / 3600
    return round(degrees * 10) * (-1 if side else 1) if degrees <= limit else None


def _dpi(tiff: bytes, endian: str, main: dict[int, Entry]) -> tuple[int, int] | None:
    across = _numbers(tiff, endian, main.get(_X_RESOLUTION), 1)
    down = _numbers(tiff, endian, main.get(_Y_RESOLUTION), 1)
    unit = _numbers(tiff, endian, main.get(_RESOLUTION_UNIT), 1) or [Fraction(2)]
    scale = _PER_INCH.get(int(unit[0]))
    if across is None or down is None or scale is None:
        return None
    return whole_dpi(across[0] * scale, down[0] * scale)
