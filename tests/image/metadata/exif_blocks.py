"""EXIF blocks and ISO media files as cameras write them, made in code."""

from __future__ import annotations

import struct
from fractions import Fraction

Angle = tuple[float, float, float]


def directory(order: str, at: int, entries: list[tuple[int, int, int, bytes]]) -> bytes:
    """A directory at `at`, long values behind it."""
    head, tail = struct.pack(order + "H", len(entries)), b""
    start = at + 2 + 12 * len(entries) + 4
    for tag, kind, count, value in sorted(entries):
        content = value.ljust(4, b"\0") if len(value) <= 4 else struct.pack(order + "I", start + len(tail))
        head += struct.pack(order + "HHI", tag, kind, count) + content
        tail += value if len(value) > 4 else b""
    return head + bytes(4) + tail


def rational(order: str, *numbers: float) -> bytes:
    pairs = [Fraction(number).limit_denominator(1000).as_integer_ratio() for number in numbers]
    return struct.pack(f"{order}{2 * len(pairs)}I", *(part for pair in pairs for part in pair))


def block(
    order: str = "<",
    *,
    orientation: int = 1,
    year: bytes = b"",
    gps: tuple[Angle, bytes, Angle, bytes] | None = None,
    description: bytes = b"x",
    resolution: tuple[float, float, int] = (300, 150, 2),
) -> bytes:
    """A TIFF structure with the sub-directories in front of the main one, as some cameras have it."""
    exif = directory(order, 8, [(0x9003, 2, len(year), year), (0x927C, 7, 4, b"note")])
    gps_at, entries = 8 + len(exif), []
    if gps is not None:
        entries = [
            (1, 2, 2, gps[1] + b"\0"),
            (2, 5, 3, rational(order, *gps[0])),
            (3, 2, 2, gps[3] + b"\0"),
            (4, 5, 3, rational(order, *gps[2])),
        ]
    position = directory(order, gps_at, entries)
    main_at = gps_at + len(position)
    main = [
        (0x010E, 2, len(description), description),
        (0x0112, 3, 1, struct.pack(order + "H", orientation)),
        (0x011A, 5, 1, rational(order, resolution[0])),
        (0x011B, 5, 1, rational(order, resolution[1])),
        (0x0128, 3, 1, struct.pack(order + "H", resolution[2])),
        (0x8769, 4, 1, struct.pack(order + "I", 8)),
        (0x8825, 4, 1, struct.pack(order + "I", gps_at)),
    ]
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(order + "I", main_at) + exif + position + directory(order, main_at, main)


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def boxed(exif: bytes, version: int) -> bytes:
    """An ISO media file with an `Exif` item: by file offset for version 0 of `iloc`, inside `idat` for 1."""
    payload = struct.pack(">I", 6) + b"Exif\0\0" + exif
    entries = b"".join(
        box(b"infe", struct.pack(">B3xHH4s", 2, number, 0, name) + b"\0")
        for number, name in ((1, b"hvc1"), (2, b"Exif"))
    )
    iinf = box(b"iinf", struct.pack(">4xH", 2) + entries)

    def meta(offset: int) -> bytes:
        method = struct.pack(">H", 1) if version else b""
        items = b"".join(
            struct.pack(">H", number) + method + struct.pack(">HHII", 0, 1, at, size)
            for number, at, size in ((1, 0, 1), (2, offset, len(payload)))
        )
        iloc = box(b"iloc", struct.pack(">B3xBBH", version, 0x44, 0, 2) + items)
        inside = box(b"idat", payload) if version else b""
        return box(b"meta", bytes(4) + iinf + iloc + inside)

    start = box(b"ftyp", b"heic\0\0\0\0mif1heic")
    if version:
        return start + meta(0)
    return start + meta(len(start) + len(meta(0)) + 8) + box(b"mdat", payload)
