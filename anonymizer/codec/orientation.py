"""Turning a picture upright as its EXIF orientation says. Nothing else of EXIF is ever read."""

from __future__ import annotations

import struct

from PIL import Image

_ORIENTATION_TAG = 0x0112
_SHORT, _LONG = 3, 4

_TURNS: dict[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF 2.3, tag 0x0112: what brings the stored rows and columns upright."""


def read_orientation(exif: bytes | None) -> int:
    """The orientation that an EXIF block asks for.

    Args:
        exif: TIFF structure, with or without the `Exif` prefix that JPEG puts before it; None = there is none.

    Returns:
        1 to 8; 1 (as stored) for anything missing or unreadable.
    """
    if exif is None:
        return 1
    tiff = exif[6:] if exif.startswith(b"Exif\0") else exif
    endian = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if endian is None:
        return 1
    try:
        return _from_first_directory(tiff, endian)
    except struct.error:
        return 1


def swaps_axes(orientation: int) -> bool:
    """Whether width and height change places."""
    return orientation >= 5


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """The image as it is meant to be seen; the same object when nothing has to be turned."""
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def _from_first_directory(tiff: bytes, endian: str) -> int:
    (start,) = struct.unpack_from(endian + "I", tiff, 4)
    (count,) = struct.unpack_from(endian + "H", tiff, start)
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from(endian + "HH", tiff, entry)
        if tag == _ORIENTATION_TAG and kind in (_SHORT, _LONG):
            (value,) = struct.unpack_from(endian + ("H" if kind == _SHORT else "I"), tiff, entry + 8)
            return int(value) if 1 <= value <= 8 else 1
    return 1
