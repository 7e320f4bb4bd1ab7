"""Where the strips and tiles of a page lie, and how many bytes each takes (TIFF 6.0, sections 3, 15, 21 and 22)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from anonymizer.config import CodecConfig
from anonymizer.errors import DecodeError, ImageTooLarge
from anonymizer.image.codec.tiff.page import OLD_JPEG, RAW, YCBCR, Page

_STRIP_OFFSETS, _STRIP_COUNTS, _TILE_OFFSETS, _TILE_COUNTS = 273, 279, 324, 325

MAX_SEGMENTS = 2**20
"""Strips and tiles of a file, all pages together."""


def segment_rows(page: Page) -> NDArray[np.int64]:
    """(S,) rows of each segment, unpacked."""
    down = -(-page.height // page.segment_height)
    rows = np.full(down, page.segment_height, np.int64)
    if page.tiled:
        return np.full(len(page.offsets), page.segment_height, np.int64)
    rows[-1] = page.height - (down - 1) * page.segment_height
    return np.tile(rows, page.planes)


def with_segments(page: Page, config: CodecConfig) -> Page:
    """The page with its segments' places, all of them within the file.

    A size that the file does not say (0, or too few of them) is what lies up to the next segment or the file's end, as
    fax servers write it: packed data says by itself where it ends.

    Raises:
        DecodeError: Segments are missing, lie outside of the file, or over one another.
        ImageTooLarge: There are more of them than an honest file has.
    """
    across, down = -(-page.width // page.segment_width), -(-page.height // page.segment_height)
    count = across * down * page.planes
    padded = across * page.segment_width * down * page.segment_height
    if count > MAX_SEGMENTS or (page.tiled and padded > 4 * max(config.max_pixels, 2**20)):
        raise ImageTooLarge
    tags = (_TILE_OFFSETS, _TILE_COUNTS) if page.tiled else (_STRIP_OFFSETS, _STRIP_COUNTS)
    # Some tilers use the tags of strips for their tiles.
    if page.tiled and _TILE_OFFSETS not in page.directory.entries:
        tags = (_STRIP_OFFSETS, _STRIP_COUNTS)
    offsets, stated = (page.directory.numbers(tag, MAX_SEGMENTS) for tag in tags)
    surplus = len(offsets) > count
    offsets, stated = offsets[:count], stated[:count]
    end = len(page.directory.data)
    sizes = np.zeros(len(offsets), np.int64)
    sizes[: len(stated)] = stated[: len(offsets)]
    sizes = np.where(sizes == 0, _room(offsets, end), sizes)
    page = replace(page, offsets=offsets, sizes=sizes)
    if page.compression == OLD_JPEG:
        return _of_old_jpeg(page)
    if page.compression == RAW:
        # Writers are careless with the sizes of what is not packed; the layout says them better.
        unpacked = _unpacked_sizes(page)
        if surplus and (unpacked > sizes).any():
            # The segments are smaller than the layout says: what lies behind the first ones is no part of them.
            raise DecodeError
        page = replace(page, sizes=unpacked)
    if len(offsets) != count or len(page.sizes) != count or not _within(page, end):
        raise DecodeError
    # Strips may be shared, but those that differ do not overlap; else a small file would be read as a large one.
    if int(np.unique(np.stack((offsets, page.sizes)), axis=1)[1].sum()) > end:
        raise DecodeError
    return page


def _room(offsets: NDArray[np.int64], end: int) -> NDArray[np.int64]:
    """(S,) bytes up to the next segment, or to the file's end; 0 where there is none."""
    ends = np.unique(np.append(offsets, end))
    following = np.searchsorted(ends, offsets, side="right").clip(max=len(ends) - 1)
    room: NDArray[np.int64] = ends[following] - offsets
    return room.clip(min=0)


def _unpacked_sizes(page: Page) -> NDArray[np.int64]:
    """(S,) bytes of segments that are not packed."""
    rows = segment_rows(page)
    if page.photometric != YCBCR or page.planar:
        return rows * page.row_bytes
    # A data unit is a block of luma with one Cb and one Cr; blocks that reach over the edge are whole.
    wide, high = page.subsampling
    unit_bytes = -(-page.segment_width // wide) * (wide * high + 2)
    return -(-rows // high) * unit_bytes


def _of_old_jpeg(page: Page) -> Page:
    """Old JPEG may have its data elsewhere, and meaningless places here: what lies outside of the file is nothing."""
    end = len(page.directory.data)
    inside = (page.offsets > 0) & (page.offsets < end)
    offsets = np.where(inside, page.offsets, 0)
    return replace(page, offsets=offsets, sizes=np.where(inside, np.minimum(page.sizes, end - offsets), 0))


def _within(page: Page, end: int) -> bool:
    offsets, sizes = page.offsets, page.sizes
    return bool((sizes > 0).all() and (sizes <= end).all() and (offsets >= 8).all() and (offsets <= end - sizes).all())
