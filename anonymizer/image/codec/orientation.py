"""Turning a picture upright as its EXIF orientation says. Nothing else of EXIF is ever read."""

from __future__ import annotations

import struct

import numpy as np

from anonymizer.image.tiff_fields import lies_within_entry, whole_numbers
from anonymizer.records import Samples

_ORIENTATION_TAG = 0x0112
_ENTRY_BYTES = 4


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


def turned(samples: Samples, orientation: int) -> Samples:
    """Stored rows and columns as they are meant to be seen (EXIF 2.3, tag 0x0112); a view where nothing is to be done.

    Args:
        samples: (H, W) or (H, W, C).
        orientation: 1 to 8.
    """
    if swaps_axes(orientation):
        samples = samples.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    return np.ascontiguousarray(samples)


def _from_first_directory(tiff: bytes, endian: str) -> int:
    (start,) = struct.unpack_from(endian + "I", tiff, 4)
    (count,) = struct.unpack_from(endian + "H", tiff, start)
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, values = struct.unpack_from(endian + "HHI", tiff, entry)
        if tag == _ORIENTATION_TAG:
            place = entry + 8
            if not lies_within_entry(kind, values, _ENTRY_BYTES):
                (place,) = struct.unpack_from(endian + "I", tiff, place)
            found = whole_numbers(tiff, endian, kind, 1, place)
            if found is not None:
                return int(found[0]) if 1 <= found[0] <= 8 else 1
    return 1
