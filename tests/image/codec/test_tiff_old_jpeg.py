"""TIFF: old-style JPEG is read as libtiff reads it, or refused."""

from __future__ import annotations

import struct
from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from anonymizer.errors import UnsupportedFormat
from anonymizer.image import codec, metadata
from tests.image.codec.old_jpeg import (
    BLOCKS,
    GRAY,
    Q_TABLES,
    SCENE,
    STREAM,
    STREAM_BYTES,
    WAYS,
    bare_page,
    color_tables,
    header_and_strip,
    jpeg_of,
    of_stream,
    parts_of,
    stream_in_each_strip,
    stream_in_each_tile,
    stream_in_the_strip,
    strip_in_the_stream,
    strips_said_to_lie_in_the_stream,
    tables_and_strip,
    tiles_in_rows,
    whole_stream,
)
from tests.image.codec.samples import CONFIG, only_frame, saved
from tests.image.codec.second import as_rgb, by_libtiff
from tests.image.codec.tiff_samples import LONG, SHORT, Made, tiff_of

TOLERANCE = 6
"""Levels that JPEG and colours that pixels share cost the scene."""

blocks = pytest.mark.parametrize("name", BLOCKS)

#: libtiff's own tool refuses the first two, and gives something else for the third: here they are read all the same.
_BEYOND_LIBTIFF = (stream_in_each_strip, stream_in_each_tile, strips_said_to_lie_in_the_stream)


@blocks
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__.strip("_"))
def test_every_way_there_was(way: Callable[[str], Made], name: str) -> None:
    data = tiff_of(way(name))
    pixels = only_frame(data).pixels
    assert np.abs(pixels.astype(int) - SCENE).max() <= TOLERANCE
    second = by_libtiff(data) if way not in _BEYOND_LIBTIFF else None
    if second is not None:
        np.testing.assert_array_equal(pixels, second)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True], ids=["classic", "big"])
@pytest.mark.parametrize("way", [way for way in WAYS if way is not strip_in_the_stream], ids=lambda way: way.__name__)
def test_in_every_byte_order_and_size(way: Callable[[str], Made], big: bool, order: str) -> None:
    pixels = only_frame(tiff_of(way("4:2:0"), order=order, big=big)).pixels
    np.testing.assert_array_equal(pixels, only_frame(tiff_of(way("4:2:0"))).pixels)


def test_pages() -> None:
    picture = codec.decode(tiff_of(*(way("4:2:2") for way in WAYS[:1] + WAYS[4:])), CONFIG)
    for frame in picture.frames:
        assert np.abs(frame.pixels.astype(int) - SCENE).max() <= TOLERANCE
    written = codec.encode(picture).data
    metadata.check(written, "tiff", 64, 48, len(WAYS) - 3)


@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("way", ["stream", "tables", "strip"])
def test_gray(way: str, photometric: int) -> None:
    jpeg, made = saved(GRAY, "jpeg", quality=90), bare_page(photometric, 1)
    if way == "stream":
        of_stream(made, jpeg)
    elif way == "tables":
        made.pieces, made.segments = parts_of(jpeg)[1], [parts_of(jpeg)[2]]
    else:
        made.segments = [jpeg]
    data = tiff_of(made)
    pixels, plain = only_frame(data).pixels, np.asarray(Image.open(BytesIO(jpeg)))
    np.testing.assert_array_equal(pixels, plain if photometric else 255 - plain)
    second = by_libtiff(data)
    if second is not None:
        np.testing.assert_array_equal(as_rgb(pixels), second)


@pytest.mark.parametrize("photometric", [None, 2])
def test_what_is_called_rgb_or_nothing_is_ycbcr(photometric: int | None) -> None:
    made = whole_stream("4:4:4")
    del made.tags[262]
    if photometric is not None:
        made.tags[262] = (SHORT, (photometric,))
    data = tiff_of(made)
    assert np.abs(only_frame(data).pixels.astype(int) - SCENE).max() <= TOLERANCE
    second = by_libtiff(data)
    if second is not None:
        np.testing.assert_array_equal(only_frame(data).pixels, second)


@pytest.mark.parametrize("way", [whole_stream, stream_in_the_strip, tables_and_strip, header_and_strip])
def test_planes_that_are_none(way: Callable[[str], Made]) -> None:
    """Writers said planes of what lies in one strip, or is a whole stream."""
    made = way("4:4:4")
    made.tags[284] = (SHORT, (2,))
    pixels = only_frame(tiff_of(made)).pixels
    np.testing.assert_array_equal(pixels, only_frame(tiff_of(way("4:4:4"))).pixels)


def _planes() -> Made:
    """Y, Cb and Cr each coded as gray, with tables that they share: libtiff would give noise."""
    coded = [parts_of(saved(SCENE[..., plane], "jpeg")) for plane in range(3)]
    made = Made({**bare_page(6, 3).tags, 284: (SHORT, (2,))}, [data for _, _, data in coded])
    made.pieces = {tag: tables * 3 for tag, tables in coded[0][1].items()}
    return made


def _of_jpeg(jpeg: bytes, channels: int = 3, photometric: int = 6) -> Made:
    return of_stream(bare_page(photometric, channels), jpeg)


def _tables_of_tiles_in_rows() -> Made:
    made = tiles_in_rows("4:4:4")
    made.pieces = color_tables(made.pieces[STREAM][0] + bytes(2))
    del made.tags[STREAM_BYTES]
    return made


REFUSED: dict[str, Callable[[], Made]] = {
    "RGB in the stream": lambda: _of_jpeg(saved(SCENE, "jpeg", keep_rgb=True), photometric=2),
    "progressive": lambda: _of_jpeg(jpeg_of(SCENE, "4:2:0", progressive=True)),
    "four colours": lambda: _of_jpeg(saved(Image.fromarray(SCENE).convert("CMYK"), "jpeg"), 4, 5),
    "tables of tiles that lie side by side": _tables_of_tiles_in_rows,
    "planes": _planes,
    "no tables": lambda: Made(bare_page(6, 3).tags, [parts_of(jpeg_of(SCENE, "4:4:4"))[2]]),
    "no data": lambda: bare_page(6, 3),
    "a stream cut short": lambda: _of_jpeg(jpeg_of(SCENE, "4:4:4")[:200]),
    "a stream of another size": lambda: _of_jpeg(jpeg_of(SCENE[:16, :16], "4:4:4")),
    "a stream beyond the end": lambda: Made({**bare_page(6, 3).tags, STREAM: (LONG, (10**6,))}),
    "tables beyond the end": lambda: Made({**tables_and_strip("4:4:4").tags, Q_TABLES: (LONG, (10**6,))}, [bytes(99)]),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_libtiff_does_not_read_is_unsupported(kind: str) -> None:
    with pytest.raises(UnsupportedFormat):
        codec.decode(tiff_of(REFUSED[kind]()), CONFIG)


def test_the_tables_are_part_of_the_picture() -> None:
    assert set(metadata.inventory(tiff_of(tables_and_strip("4:4:4")), "tiff")) == set()
    hidden = tiff_of(tables_and_strip("4:4:4")) + struct.pack("<I", 0xFEFEFEFE) * 9
    assert "trailer" in metadata.inventory(hidden, "tiff")
