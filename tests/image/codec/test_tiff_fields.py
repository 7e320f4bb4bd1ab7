"""TIFF: a number means the same whatever type says it, in either byte order, classic or big, in every colour."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from anonymizer.errors import DecodeError
from anonymizer.image import codec
from anonymizer.image.tiff_fields import VALUE_BYTES, lies_within_entry, real_numbers, whole_numbers
from tests.image.codec.samples import CONFIG, cornered, only_frame
from tests.image.codec.second import as_rgb, by_libtiff, by_tifffile
from tests.image.codec.test_contract import STORED
from tests.image.codec.tiff_samples import (
    ASCII,
    DOUBLE,
    FLOAT,
    INTEGERS,
    LONG8,
    RATIONAL,
    SHORT,
    SLONG,
    SRATIONAL,
    Made,
    of_type,
    packed_bits,
    page,
    tiff_of,
)

orders = pytest.mark.parametrize("order", ["<", ">"])
sizes = pytest.mark.parametrize("big", [False, True], ids=["classic", "big"])

SMALL = np.arange(90, dtype=np.uint8).reshape(5, 6, 3)


@orders
@sizes
@pytest.mark.parametrize("kind", INTEGERS)
def test_every_type_of_integer_in_every_tag(kind: int, order: str, big: bool) -> None:
    made = page(SMALL, 2)
    numbers = {256: 6, 257: 5, 259: 1, 262: 2, 273: 16 if big else 8, 277: 3, 278: 5, 279: 90, 284: 1}
    made.tags |= {tag: of_type(kind, value) for tag, value in numbers.items()}
    made.tags[258] = of_type(kind, 8, 8, 8)
    np.testing.assert_array_equal(only_frame(tiff_of(made, order=order, big=big)).pixels, SMALL)


@pytest.mark.parametrize("kind", [ASCII, RATIONAL, SRATIONAL, FLOAT, DOUBLE])
def test_what_is_no_integer_is_no_size(kind: int) -> None:
    made = page(SMALL, 2)
    made.tags[256] = (kind, b"6\0\0\0\0\0\0\0") if kind == ASCII else of_type(kind, 6)
    with pytest.raises(DecodeError):
        codec.decode(tiff_of(made), CONFIG)


def test_a_negative_size_is_damage() -> None:
    made = page(SMALL, 2)
    made.tags[278] = (SLONG, (-5,))
    with pytest.raises(DecodeError):
        codec.decode(tiff_of(made), CONFIG)


@orders
@sizes
@pytest.mark.parametrize("kind", INTEGERS)
@pytest.mark.parametrize("orientation", STORED)
def test_orientations_of_every_type(kind: int, orientation: int, order: str, big: bool) -> None:
    made = page(np.ascontiguousarray(STORED[orientation](cornered())), 2)
    made.tags[274] = of_type(kind, orientation)
    np.testing.assert_array_equal(only_frame(tiff_of(made, order=order, big=big)).pixels, cornered())


@pytest.mark.parametrize("said", [(ASCII, b"6\0"), (FLOAT, (6.0,)), (SLONG, (-6,)), (SHORT, (9,)), (SHORT, (0,))])
def test_an_orientation_that_is_none_turns_nothing(said: Any) -> None:
    made = page(SMALL, 2)
    made.tags[274] = said
    np.testing.assert_array_equal(only_frame(tiff_of(made)).pixels, SMALL)


GRAY = (np.arange(30, dtype=np.uint8) * 8).reshape(5, 6)
DEEP = (np.arange(30, dtype=np.uint16) * 2111 + 7).reshape(5, 6)
BITS = (np.arange(30) % 3 == 0).reshape(5, 6)
COLORS = np.arange(768, dtype=np.uint16)[::-1].reshape(3, 256) * np.uint16(85)
MAP = {320: (SHORT, tuple(COLORS.reshape(-1).tolist()))}


def _of_16_bit(samples: NDArray[Any], photometric: int) -> Callable[[str], Made]:
    return lambda order: page(samples.astype(order + "u2"), photometric, bits=16)


def _of_bits(photometric: int) -> Callable[[str], Made]:
    rows = packed_bits(BITS.astype(np.uint8), 1)
    return lambda _: Made(page(BITS, photometric, bits=1).tags, [rows.tobytes()])


# Name → (page, what it is by the specification); YCbCr has tests of its own.
PHOTOMETRICS: dict[str, tuple[Callable[[str], Made], NDArray[Any]]] = {
    "white is zero, 1 bit": (_of_bits(0), np.where(BITS, 0, 255)),
    "white is zero, 8 bit": (lambda _: page(GRAY, 0), 255 - GRAY),
    "white is zero, 16 bit": (_of_16_bit(DEEP, 0), 65535 - DEEP),
    "black is zero, 1 bit": (_of_bits(1), np.where(BITS, 255, 0)),
    "black is zero, 8 bit": (lambda _: page(GRAY, 1), GRAY),
    "black is zero, 16 bit": (_of_16_bit(DEEP, 1), DEEP),
    "RGB, 8 bit": (lambda _: page(SMALL, 2), SMALL),
    "RGB, 16 bit": (_of_16_bit(np.dstack([DEEP, DEEP[::-1], DEEP // 3]), 2), np.dstack([DEEP, DEEP[::-1], DEEP // 3])),
    "palette": (lambda _: page(GRAY, 3, tags=MAP), (COLORS >> 8).T.astype(np.uint8)[GRAY]),
    "CMYK": (lambda _: page(np.dstack([SMALL, GRAY]), 5), np.dstack([SMALL, GRAY])),
}


@orders
@sizes
@pytest.mark.parametrize("kind", PHOTOMETRICS)
def test_every_photometric_interpretation(kind: str, order: str, big: bool) -> None:
    make, expected = PHOTOMETRICS[kind]
    data = tiff_of(make(order), order=order, big=big)
    pixels = only_frame(data).pixels
    np.testing.assert_array_equal(pixels, expected)
    second = by_libtiff(data) if pixels.dtype == np.uint8 and kind != "CMYK" else None
    if second is not None:
        np.testing.assert_array_equal(as_rgb(pixels), second)
    if kind.startswith(("black", "RGB", "CMYK")):
        samples = by_tifffile(data)
        np.testing.assert_array_equal(pixels, samples * 255 if samples.dtype == np.bool_ else samples)


def test_the_types_and_their_sizes() -> None:
    """TIFF 6.0, section 2, and BigTIFF."""
    expected = [1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4]
    assert dict(zip(range(1, 14), expected, strict=True)) | {16: 8, 17: 8, 18: 8} == VALUE_BYTES
    within = [kind for kind in VALUE_BYTES if lies_within_entry(kind, 1, 4)]
    assert within == [1, 2, 3, 4, 6, 7, 8, 9, FLOAT, 13]
    assert lies_within_entry(SHORT, 2, 4)
    assert not lies_within_entry(SHORT, 3, 4)
    assert lies_within_entry(DOUBLE, 1, 8)


def test_numbers_that_there_are_not() -> None:
    assert whole_numbers(b"\xff" * 8, "<", LONG8, 1, 0) is None
    assert whole_numbers(bytes(7), "<", LONG8, 1, 0) is None
    assert whole_numbers(bytes(8), "<", FLOAT, 1, 0) is None
    assert real_numbers(bytes(7), "<", RATIONAL, 1, 0) is None
    assert real_numbers(bytes(8), "<", ASCII, 1, 0) is None
    np.testing.assert_array_equal(real_numbers(b"\1\0\0\0\0\0\0\0", "<", RATIONAL, 1, 0), [0])
    np.testing.assert_array_equal(real_numbers(b"\xff\xff\xff\xff\0\0\0\2", ">", SRATIONAL, 1, 0), [-0.5])


@pytest.mark.parametrize("tag", [529, 530, 531, 532, 292, 519])
def test_numbers_that_nobody_needs_are_not_looked_at(tag: int) -> None:
    made = page(SMALL, 2)
    made.tags[tag] = (ASCII, b"nothing of the kind\0")
    np.testing.assert_array_equal(only_frame(tiff_of(made)).pixels, SMALL)
