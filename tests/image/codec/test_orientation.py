"""The orientation of an EXIF block: of any type of integer, in either byte order, in each format that has it there."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, features

from anonymizer.image.codec.orientation import read_orientation
from anonymizer.image.metadata.keep.exif import read_exif
from anonymizer.records import Pixels
from tests.image.codec.samples import CORNERS, cornered, only_frame, saved, with_chunk, with_segment
from tests.image.codec.test_contract import STORED
from tests.image.codec.tiff_samples import ASCII, FLOAT, INTEGERS, LONG, RATIONAL, SHORT, Made, Values, of_type, tiff_of

SOURCES: dict[str, Callable[[Pixels, bytes], bytes]] = {
    "jpeg": lambda pixels, block: with_segment(saved(pixels, "jpeg", quality=95), 0xE1, b"Exif\0\0" + block),
    "png": lambda pixels, block: with_chunk(saved(pixels, "png"), b"eXIf", block),
    "webp": lambda pixels, block: saved(pixels, "webp", lossless=True, exif=block),
}


def _block(kind: int, values: Values, order: str = "<") -> bytes:
    return tiff_of(Made({271: (ASCII, b"maker's name\0"), 274: (kind, values), 282: (RATIONAL, (72, 1))}), order=order)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", INTEGERS)
@pytest.mark.parametrize("orientation", STORED)
def test_every_type_of_integer(orientation: int, kind: int, order: str) -> None:
    block = _block(*of_type(kind, orientation), order)
    assert read_orientation(block) == orientation
    assert read_orientation(b"Exif\0\0" + block) == orientation
    assert read_exif(block).orientation == orientation


@pytest.mark.parametrize("kind", INTEGERS)
@pytest.mark.parametrize("format_name", SOURCES)
def test_pictures_are_turned_upright(format_name: str, kind: int) -> None:
    if format_name == "webp" and not features.check("webp"):
        pytest.skip("Pillow was built without WebP")
    for order, orientation in (("<", 6), (">", 8)):
        stored = np.ascontiguousarray(STORED[orientation](cornered()))
        data = SOURCES[format_name](stored, _block(*of_type(kind, orientation), order))
        pixels = only_frame(data).pixels
        found = np.array([pixels[y, x] for y in (4, 27) for x in (4, 59)], int)
        assert pixels.shape == (32, 64, 3)
        assert np.abs(found - np.array(CORNERS)).max() < 40


@pytest.mark.parametrize(
    ("kind", "values"),
    [(ASCII, b"6\0"), (ASCII, b"666666\0"), (FLOAT, (6.0,)), (RATIONAL, (6, 1)), (SHORT, (9,)), (SHORT, (0,)),
     (LONG, (2**32 - 6,)), *((kind, (-6,)) for kind in (6, 8, 9, 17))],
)  # fmt: skip
def test_what_is_no_orientation(kind: int, values: Values) -> None:
    assert read_orientation(_block(kind, values)) == 1
    assert kind == RATIONAL or read_exif(_block(kind, values)).orientation is None


def test_the_first_of_several_values_counts() -> None:
    assert read_orientation(_block(SHORT, (6, 1, 1))) == 6
    assert read_orientation(_block(LONG, (6, 1))) == 6


def test_a_value_beyond_the_end() -> None:
    block = bytearray(_block(LONG, (6, 1)))
    at = block.index(struct.pack("<HHI", 274, LONG, 2))
    struct.pack_into("<I", block, at + 8, 10**6)
    assert read_orientation(bytes(block)) == 1


def test_a_block_cut_short_behind_the_orientation() -> None:
    """Cameras and tools cut EXIF; what was read up to there counts."""
    block = _block(SHORT, (6,))
    at = block.index(struct.pack("<HHI", 274, SHORT, 1))
    assert read_orientation(block[: at + 12]) == 6
    assert read_orientation(block[: at + 6]) == 1


def test_pillow_reads_the_same() -> None:
    for kind in (3, 4, 8, 9):
        exif = Image.Exif()
        exif.load(_block(*of_type(kind, 6)))
        assert exif[0x0112] == read_orientation(_block(*of_type(kind, 6)))
