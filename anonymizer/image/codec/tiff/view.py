"""What libtiff has to decode: packed bytes that it unpacks, and pages that it decodes as a picture."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from anonymizer.errors import DecodeError, UnsupportedFormat
from anonymizer.image.codec.tiff.bare import Tag, bare_file, floats, longs, opaque, opened, shorts
from anonymizer.image.codec.tiff.old_jpeg import as_libtiff_reads_it, old_jpeg_pieces, old_jpeg_tags
from anonymizer.image.codec.tiff.page import DEFLATE, OLD_JPEG, RAW, WHITE_IS_ZERO, YCBCR, Page
from anonymizer.records import Pixels

_STRIPS, _STRIP_BYTES, _TILES, _TILE_BYTES = 273, 279, 324, 325
_T4_OPTIONS, _T6_OPTIONS, _PREDICTOR, _JPEG_TABLES = 292, 293, 317, 347
_COEFFICIENTS, _SUBSAMPLING, _REFERENCE_BLACK_WHITE = 529, 530, 532

_MAX_TABLE_BYTES = 2**16
_VIEW_BYTES = 2**25

_REVERSED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


def stored_segments(page: Page) -> Iterator[bytes]:
    """The segments as they are stored, most significant bit first; one that is named many times is held once."""
    data = page.directory.data
    held: dict[tuple[int, int], bytes] = {}
    for offset, size in zip(page.offsets.tolist(), page.sizes.tolist(), strict=True):
        if (offset, size) not in held:
            segment = data[offset : offset + size]
            held[offset, size] = segment.translate(_REVERSED) if page.reversed_bits else segment
        yield held[offset, size]


def unpacked_bytes(compression: int, segments: Sequence[bytes], rows: int, row_bytes: int) -> Pixels:
    """(S * rows, row_bytes) what segments of one size hold: to libtiff they are strips of a gray picture.

    Args:
        compression: One of bytes.
        segments: As they are stored.
        rows: Of each.
        row_bytes: Of a row.
    """
    height = rows * len(segments)
    layout = [(256, row_bytes), (257, height), (258, 8), (259, compression), (262, 1), (277, 1), (278, rows)]
    tags = [longs(*pair) for pair in layout] + [longs(_STRIP_BYTES, *map(len, segments))]
    image = opened(bare_file(tags, {_STRIPS: segments}))
    image.load()
    if image.mode != "L" or image.size != (row_bytes, height):
        raise DecodeError
    return np.asarray(image)


def batches(sizes: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """(first, last + 1) of neighbours of one size, few enough to be unpacked together."""
    first = 0
    for at in range(1, len(sizes) + 1):
        if at == len(sizes) or sizes[at] != sizes[first] or (at - first) * sizes[first] >= _VIEW_BYTES:
            yield first, at
            first = at


def whole_page(page: Page) -> Image.Image:
    """A page that libtiff has to decode as a picture: JPEG, fax and YCbCr.

    Raises:
        UnsupportedFormat: Old JPEG of a kind that libtiff does not read.
    """
    if page.compression == OLD_JPEG:
        page = as_libtiff_reads_it(page)
    tags, segments = _layout(page), list(stored_segments(page))
    pieces = old_jpeg_pieces(page) if page.compression == OLD_JPEG else {}
    if page.compression == RAW:
        # Pillow reads what is not packed by itself, and knows no YCbCr whose pixels share their colour.
        segments = [zlib.compress(segment, 0) for segment in segments]
    tags.append(longs(_TILE_BYTES if page.tiled else _STRIP_BYTES, *map(len, segments)))
    image = opened(bare_file(tags, {**pieces, _TILES if page.tiled else _STRIPS: segments}))
    if page.compression == OLD_JPEG:
        _load_old_jpeg(image, page)
    else:
        image.load()
    if image.size != (page.width, page.height):
        raise DecodeError
    return image


def _load_old_jpeg(image: TiffImageFile, page: Page) -> None:
    if page.channels == 1:
        # Pillow takes all old JPEG for YCbCr.
        image._mode, mode = "L", "L;I" if page.photometric == WHITE_IS_ZERO else "L"
        image.tile = [tile._replace(args=(mode, False, image.tag_v2.offset)) for tile in image.tile]
    try:
        image.load()
    except OSError:
        raise UnsupportedFormat from None


def _layout(page: Page) -> list[Tag]:
    """Tags of the directory, the segments' places aside."""
    packed = DEFLATE if page.compression == RAW else page.compression
    layout = [
        (256, page.width), (257, page.height), (259, packed), (262, page.photometric), (277, page.channels),
        (284, 2 if page.planar else 1),
    ]  # fmt: skip
    if page.tiled:
        layout += [(322, page.segment_width), (323, page.segment_height)]
    else:
        layout += [(278, page.segment_height)]
    if page.predictor != 1:
        layout += [(_PREDICTOR, page.predictor)]
    options = [(tag, page.directory.number(tag, 0)) for tag in (_T4_OPTIONS, _T6_OPTIONS)]
    layout += [option for option in options if option[0] in page.directory.entries]
    tags = [*(longs(*pair) for pair in layout), shorts(258, *[page.bits] * page.channels)]
    tables = page.directory.block(_JPEG_TABLES, _MAX_TABLE_BYTES)
    if tables is not None:
        tags.append(opaque(_JPEG_TABLES, tables))
    if page.compression == OLD_JPEG:
        tags += old_jpeg_tags(page)
    return tags + (_color_tags(page) if page.photometric == YCBCR else [])


def _color_tags(page: Page) -> list[Tag]:
    """What YCbCr means, of whatever type its numbers are (TIFF 6.0, sections 20 and 21).

    YCbCrPositioning is not among it: libtiff gives each pixel of a block the block's colour.
    """
    tags = []
    for tag, count in ((_COEFFICIENTS, 3), (_REFERENCE_BLACK_WHITE, 6)):
        values = page.directory.reals(tag, count)
        if values is not None:
            tags.append(floats(tag, values.tolist()))
    if _SUBSAMPLING in page.directory.entries:
        tags.append(shorts(_SUBSAMPLING, *page.subsampling))
    return tags
