"""Camera raw: what such a file carries. None is ever written."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from anonymizer.errors import ScrubCheckFailed
from anonymizer.image.metadata.blocks import exif_names
from anonymizer.image.metadata.tiff import source as tiff_source


def inventory(data: bytes) -> Iterator[str]:
    """What a source carries; see `anonymizer.image.metadata.inventory`. Of files that are no TIFF: that it is one."""
    yield "raw"
    if data[:4] in (b"II*\0", b"MM\0*"):
        yield from exif_names(data)
        try:
            yield from tiff_source.inventory(data)
        except struct.error:
            # Data of the sensor lie where makers like.
            yield "unreadable"


def check(_data: bytes, _width: int, _height: int, _frame_count: int) -> None:
    """Nothing passes; see `anonymizer.image.metadata.check`."""
    raise ScrubCheckFailed
