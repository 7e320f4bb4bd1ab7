"""What a file carries besides its picture, and the allow-list check of what we wrote.

Both walk containers with code of their own: a check that trusted the encoder's library would share its mistakes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from anonymizer.errors import ScrubCheckFailed
from anonymizer.image.metadata import bmp, gif, jp2, jpeg, jxl, keep, png, raw, riff, tiff
from anonymizer.image.metadata.isobmff import avif
from anonymizer.image.metadata.isobmff import source as isobmff
from anonymizer.image.metadata.names import NAMES
from anonymizer.image.metadata.tiff import source as tiff_source

__all__ = ["NAMES", "WALKERS", "Walker", "check", "inventory", "keep"]


@dataclass(frozen=True, slots=True)
class Walker:
    """One container: what a hostile source carries, and whether a file is exactly what we write."""

    inventory: Callable[[bytes], Iterable[str]]
    check: Callable[[bytes, int, int, int], None]


WALKERS: dict[str, Walker] = {
    "jpeg": Walker(jpeg.inventory, jpeg.check),
    "png": Walker(png.inventory, png.check),
    "webp": Walker(riff.inventory, riff.check),
    "bmp": Walker(bmp.inventory, bmp.check),
    "gif": Walker(gif.inventory, gif.check),
    "heif": Walker(isobmff.inventory, isobmff.check),
    "avif": Walker(isobmff.inventory, avif.check),
    "jp2": Walker(jp2.inventory, jp2.check),
    "jxl": Walker(jxl.inventory, jxl.check),
    "raw": Walker(raw.inventory, raw.check),
    "tiff": Walker(tiff_source.inventory, tiff.check),
}


def inventory(data: bytes, format: str) -> tuple[str, ...]:  # noqa: A002 - the manifest's word for it
    """Names what a source carried. Reads hostile files: never raises, in bounded time.

    Args:
        data: The source as it was read.
        format: Its container, as `anonymizer.image.codec.sniff` names it; another one has no names.

    Returns:
        Sorted names, all of them in `NAMES`; never a value, nor a tag's text.
    """
    walker = WALKERS.get(format)
    if walker is None:
        return ()
    found: set[str] = set()
    try:
        for name in walker.inventory(data):
            found.add(name)
    except (struct.error, IndexError, ValueError, zlib.error):
        found.add("unreadable")
    return tuple(sorted(found))


def check(
    data: bytes,
    format: str,  # noqa: A002 - the manifest's word for it
    width: int,
    height: int,
    frame_count: int = 1,
    kept: tuple[str, ...] = (),
) -> None:
    """Walks bytes that we wrote against the allow-list of their container.

    Args:
        data: The file that is about to be published.
        format: Its container.
        width: Pixels it has to announce.
        height: Pixels it has to announce; of the first page, where pages differ.
        frame_count: Frames or pages it has to hold.
        kept: Sorted names of what `keep.insert` put in; it has to hold these, and nothing else beside the picture.

    Raises:
        ScrubCheckFailed: Something is there that we never write: another chunk or segment, another field value, a
            byte between or behind the parts, another size.
    """
    walker = WALKERS.get(format)
    if walker is None:
        raise ScrubCheckFailed
    try:
        clean, found = keep.strip(data, format) if kept else (data, ())
        if found != kept:
            raise ScrubCheckFailed
        walker.check(clean, width, height, frame_count)
    except (struct.error, IndexError, ValueError, zlib.error):
        raise ScrubCheckFailed from None
