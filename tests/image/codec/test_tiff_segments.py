"""TIFF: strips whose size the file does not say, packings whose bits have an order, and what pages cost together."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from anonymizer.config import CodecConfig
from anonymizer.errors import DecodeError, ImageTooLarge
from anonymizer.image import codec, metadata
from tests.image.codec.samples import CONFIG, only_frame, photo, saved
from tests.image.codec.second import as_rgb, by_libtiff
from tests.image.codec.tiff_samples import LONG, SHORT, Made, packed_bits, page, tiff_of

HEIGHT, WIDTH = 100, 200


def _fax() -> Image.Image:
    image = Image.new("1", (WIDTH, HEIGHT), 1)
    ImageDraw.Draw(image).text((20, 40), "FAX", fill=0)
    return image


def _taken_apart(data: bytes) -> Made:
    """The first page of a file that Pillow wrote: its tags as numbers, its strips as they are stored."""
    with Image.open(BytesIO(data)) as image:
        tags = dict(image.tag_v2)  # type: ignore[attr-defined]
    places = zip(tags.pop(273), tags.pop(279), strict=True)
    strips = [data[offset : offset + size] for offset, size in places]
    wanted = (256, 257, 258, 259, 262, 277, 278, 284, 292, 293, 317, 347)
    kept: dict[int, Any] = {}
    for tag in wanted:
        value = tags.get(tag)
        if isinstance(value, bytes):
            kept[tag] = (7, value)
        elif value is not None:
            kept[tag] = (LONG, tuple(value) if isinstance(value, tuple) else (value,))
    return Made(kept, strips)


PACKINGS: dict[str, tuple[Image.Image, str]] = {
    "fax G4": (_fax(), "group4"),
    "fax G3": (_fax(), "group3"),
    "fax RLE": (_fax(), "tiff_ccitt"),
    "LZW": (Image.fromarray(photo()), "tiff_lzw"),
    "deflate": (Image.fromarray(photo()), "tiff_adobe_deflate"),
    "PackBits": (Image.fromarray(photo()), "packbits"),
    "JPEG": (Image.fromarray(photo()), "jpeg"),
    "raw": (Image.fromarray(photo()), "raw"),
}


def _several_strips(image: Image.Image, packing: str) -> Made:
    """Pillow takes one strip for all of a fax: its strips come from files of their own, of a few rows each."""
    whole = np.asarray(image)
    parts = [
        _taken_apart(saved(Image.fromarray(whole[y : y + 16]), "tiff", compression=packing)) for y in range(0, 48, 16)
    ]
    made = replace(parts[0], segments=[strip for part in parts for strip in part.segments])
    made.tags |= {257: (LONG, (48,)), 278: (LONG, (16,))}
    return made


def _read(made: Made, order: str = "<") -> NDArray[Any]:
    return only_frame(tiff_of(made, order=order)).pixels


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", PACKINGS)
def test_a_strip_of_no_size(kind: str, order: str) -> None:
    """Fax servers write 0 for it, or leave it out: the strip is what lies up to the end, or to the next strip."""
    image, packing = PACKINGS[kind]
    made = _taken_apart(saved(image, "tiff", compression=packing))
    if len(made.segments) > 1:
        made = _several_strips(image, packing)
    expected = _read(made)
    if kind.startswith("fax"):
        np.testing.assert_array_equal(expected, np.asarray(image) * 255)
    without = len(made.segments)
    for sizes in ((0,) * without, (), (*map(len, made.segments[:-1]), 0), (0, *map(len, made.segments[1:]))):
        # An empty tag stands for one that is missing: `tiff_of` fills in what is not there.
        data = tiff_of(replace(made, tags=made.tags | {279: (LONG, sizes)}), order=order)
        np.testing.assert_array_equal(only_frame(data).pixels, expected)
        assert not {"gap", "trailer"} & set(metadata.inventory(data, "tiff"))
        second = by_libtiff(data) if sizes == (0,) and order == "<" else None
        if second is not None:
            np.testing.assert_array_equal(as_rgb(expected), second)


@pytest.mark.parametrize("kind", PACKINGS)
def test_strips_of_no_size_in_pages(kind: str) -> None:
    image, packing = PACKINGS[kind]
    made = _several_strips(image.crop((0, 0, 64, 48)), packing)
    expected = _read(made)
    made.tags[279] = (LONG, (0, 0, 0))
    picture = codec.decode(tiff_of(made, made, made), CONFIG)
    assert len(picture.frames) == 3
    for frame in picture.frames:
        np.testing.assert_array_equal(frame.pixels, expected)


def test_tiles_of_no_size() -> None:
    tile = np.arange(256, dtype=np.uint8).reshape(16, 16)
    made = page(np.hstack([tile, tile.T]), 1)
    packed = _taken_apart(saved(Image.fromarray(tile), "tiff", compression="packbits")).segments
    packed += _taken_apart(saved(Image.fromarray(tile.T), "tiff", compression="packbits")).segments
    del made.tags[278]
    made.tags |= {259: (SHORT, (32773,)), 322: (LONG, (16,)), 323: (LONG, (16,)), 325: (LONG, (0, 0))}
    made.segments = packed
    np.testing.assert_array_equal(_read(made), np.hstack([tile, tile.T]))


@pytest.mark.parametrize("offset", [0, 4, 10**6])
def test_a_strip_that_is_nowhere_is_damage_still(offset: int) -> None:
    made = _taken_apart(saved(_fax(), "tiff", compression="group4"))
    made.tags |= {273: (LONG, (offset,)), 279: (LONG, (0,))}
    with pytest.raises(DecodeError):
        codec.decode(tiff_of(made), CONFIG)


def test_a_stream_of_no_size_that_is_cut_short() -> None:
    made = _several_strips(*PACKINGS["deflate"])
    made.tags[279] = (LONG, (0, 0, 0))
    made.segments[2] = made.segments[2][:40]
    with pytest.raises(DecodeError):
        codec.decode(tiff_of(made), CONFIG)


@pytest.mark.parametrize("fill_order", [1, 2])
@pytest.mark.parametrize("kind", ["JPEG", "fax G4", "deflate"])
def test_jpeg_has_an_order_of_bits_of_its_own(kind: str, fill_order: int) -> None:
    image, packing = PACKINGS[kind]
    made = _taken_apart(saved(image, "tiff", compression=packing))
    expected = _read(made)
    made.tags[266] = (SHORT, (fill_order,))
    if fill_order == 2 and kind != "JPEG":
        turned = [np.unpackbits(np.frombuffer(strip, np.uint8)) for strip in made.segments]
        made.segments = [np.packbits(bits, bitorder="little").tobytes() for bits in turned]
    data = tiff_of(made)
    np.testing.assert_array_equal(only_frame(data).pixels, expected)
    second = by_libtiff(data)
    if second is not None:
        np.testing.assert_array_equal(as_rgb(expected), second)


def test_jpeg_of_gray_whose_zero_is_white() -> None:
    jpeg = saved(photo()[..., 0], "jpeg", quality=95)
    made = Made({**page(photo()[..., 0], 0).tags, 259: (SHORT, (7,))}, [jpeg])
    data = tiff_of(made)
    pixels = only_frame(data).pixels
    np.testing.assert_array_equal(pixels, 255 - np.asarray(Image.open(BytesIO(jpeg))))
    second = by_libtiff(data)
    if second is not None:
        np.testing.assert_array_equal(as_rgb(pixels), second)


def _bilevel(height: int, width: int) -> Made:
    rows = packed_bits(np.zeros((height, width), np.uint8), 1)
    return Made(page(np.zeros((height, width)), 1, bits=1).tags, [rows.tobytes()])


# Bytes of a decoded pixel, up to the three of RGB, say what a page counts.
COSTS: dict[str, tuple[Made, int]] = {
    "one bit": (_bilevel(8, 8), 1),
    "gray": (page(photo(8, 8)[..., 0], 1), 1),
    "gray of 16 bit": (page(np.zeros((8, 8), np.uint16), 1, bits=16), 2),
    "gray and alpha": (page(photo(8, 8)[..., :2], 1), 2),
    "palette": (page(photo(8, 8)[..., 0], 3, tags={320: (SHORT, (0,) * 768)}), 3),
    "RGB": (page(photo(8, 8), 2), 3),
    "RGB of 16 bit": (page(np.zeros((8, 8, 3), np.uint16), 2, bits=16), 3),
    "CMYK": (page(np.zeros((8, 8, 4), np.uint8), 5), 3),
}


@pytest.mark.parametrize("kind", COSTS)
def test_pages_count_by_the_bytes_that_they_take(kind: str) -> None:
    made, cost = COSTS[kind]
    data = tiff_of(*[made] * 30)
    assert len(codec.decode(data, CodecConfig(max_pixels=30 * 64 * cost // 3)).frames) == 30
    with pytest.raises(ImageTooLarge):
        codec.decode(data, CodecConfig(max_pixels=30 * 64 * cost // 3 - 1))


def test_no_page_has_more_pixels_than_the_limit() -> None:
    """Whatever it holds: looking at a page takes memory for each of its pixels."""
    data = tiff_of(_bilevel(8, 8))
    codec.decode(data, CodecConfig(max_pixels=64))
    with pytest.raises(ImageTooLarge):
        codec.decode(data, CodecConfig(max_pixels=63))


@pytest.mark.parametrize("planar", [False, True])
def test_more_and_smaller_strips_than_the_layout_says_are_damage(planar: bool) -> None:
    """Rows per strip that overflow make one strip of many: what lies between them would be shown as pixels."""
    rows = photo(16, 16)
    planes = [rows[..., c] for c in range(3)] if planar else [rows]
    made = page(rows, 2, tags={278: (LONG, (4,)), 284: (SHORT, (2 if planar else 1,))})
    made.segments = [plane[y : y + 4].tobytes() for plane in planes for y in range(0, 16, 4)]
    np.testing.assert_array_equal(_read(made), rows)
    made.tags[278] = (LONG, (2**32 - 1,))
    with pytest.raises(DecodeError):
        codec.decode(tiff_of(made), CONFIG)
