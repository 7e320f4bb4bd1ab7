"""What a user asked to keep: read from the source, written anew into the clean output, taken out again to check it.

A published file is `insert(clean, ...)`. Its check is `strip`, which gives the clean file back only where inserting the
values once more leads to the very same bytes, and then the strict walk over that clean file. So nothing can hide in
what is kept: it is determined, byte for byte, by a year, a position to a tenth of a degree, a resolution and two flags.

GIF, JPEG 2000, AVIF and whatever else is not in `_CONTAINERS` hold nothing that is kept.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from anonymizer.config import Kept
from anonymizer.image.metadata.keep import (
    bmp as keep_bmp,
)
from anonymizer.image.metadata.keep import (
    jpeg as keep_jpeg,
)
from anonymizer.image.metadata.keep import (
    png as keep_png,
)
from anonymizer.image.metadata.keep import (
    tiff as keep_tiff,
)
from anonymizer.image.metadata.keep import (
    webp as keep_webp,
)
from anonymizer.image.metadata.keep.exif import ExifValues, read_exif
from anonymizer.image.metadata.keep.projection import read_projection
from anonymizer.image.metadata.keep.sources import exif_of, resolution_of, xmp_of
from anonymizer.image.metadata.keep.values import NOTHING, KeptValues

__all__ = ["NOTHING", "KeptValues", "insert", "read", "strip"]

_DAMAGED = (struct.error, IndexError, ValueError)


@dataclass(frozen=True, slots=True)
class _Container:
    """How one container holds kept values.

    Attributes:
        put: Clean file and values to file with them, and the values that it really holds.
        taken: The inverse: the file without what `put` may have put in, and the values.
    """

    put: Callable[[bytes, KeptValues], tuple[bytes, KeptValues]]
    taken: Callable[[bytes], tuple[bytes, KeptValues]]


_CONTAINERS: dict[str, _Container] = {
    "jpeg": _Container(keep_jpeg.put, keep_jpeg.taken),
    "png": _Container(keep_png.put, keep_png.taken),
    "webp": _Container(keep_webp.put, keep_webp.taken),
    "tiff": _Container(keep_tiff.put, keep_tiff.taken),
    "bmp": _Container(keep_bmp.put, keep_bmp.taken),
}


def read(data: bytes, format: str, keep: tuple[Kept, ...]) -> KeptValues:  # noqa: A002 - the manifest's word for it
    """Reads what may stay from a source. What is unreadable or implausible counts as absent.

    Values come from EXIF; the resolution, where EXIF has none, from JFIF, PNG's `pHYs` or BMP's header. Of XMP a
    JPEG's projection is read, and nothing of IPTC.

    Args:
        data: The source; hostile. Never raises, in bounded time.
        format: Its container, as `anonymizer.image.codec.sniff` names it.
        keep: What the user asked for.
    """
    if not keep:
        return NOTHING
    try:
        exif = read_exif(exif_of(data, format))
    except _DAMAGED:
        exif = ExifValues()
    try:
        dpi = exif.dpi or resolution_of(data, format)
    except _DAMAGED:
        dpi = None
    if dpi is not None and exif.orientation is not None and exif.orientation >= 5:
        dpi = dpi[::-1]
    upright = exif.orientation in (None, 1)
    return KeptValues(
        orientation="orientation" in keep and exif.orientation is not None,
        icc="icc" in keep,
        capture_year=exif.capture_year if "capture_year" in keep else None,
        position=exif.position if "gps_coarse" in keep else None,
        dpi=dpi if "dpi" in keep else None,
        projection=read_projection(xmp_of(data, format)) if "projection" in keep and upright else None,
    )


def insert(data: bytes, format: str, kept: KeptValues) -> tuple[bytes, tuple[Kept, ...]]:  # noqa: A002 - see `read`
    """Puts values into a file that we wrote.

    Args:
        data: The clean output.
        format: Its container.
        kept: From `read`.

    Returns:
        The file, and the names of what it really holds of `kept`, sorted. A container that cannot hold a value, or a
        file that `strip` would not give back, is left as it is.
    """
    container = _CONTAINERS.get(format)
    if container is None or kept == NOTHING:
        return data, ()
    try:
        result, held = container.put(data, kept)
        if held == NOTHING or container.taken(result) != (data, held):
            return data, ()
    except _DAMAGED:
        return data, ()
    return result, held.names


def strip(data: bytes, format: str) -> tuple[bytes, tuple[Kept, ...]]:  # noqa: A002 - see `read`
    """Takes out what `insert` put in, if it is exactly that; anything else stays where it is.

    Args:
        data: A published file.
        format: Its container.

    Returns:
        The clean file that the strict walk has to pass, and the sorted names of what was taken out.
    """
    container = _CONTAINERS.get(format)
    if container is None:
        return data, ()
    try:
        clean, held = container.taken(data)
        if held == NOTHING or container.put(clean, held) != (data, held):
            return data, ()
    except _DAMAGED:
        return data, ()
    return clean, held.names
