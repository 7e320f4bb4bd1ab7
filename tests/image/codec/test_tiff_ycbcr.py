"""TIFF: YCbCr that is packed as bytes or not at all, held against the formulas of TIFF 6.0, section 21, and libtiff."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from anonymizer.errors import UnsupportedFormat
from anonymizer.image import codec
from tests.image.codec.samples import CONFIG, only_frame
from tests.image.codec.second import by_libtiff
from tests.image.codec.tiff_samples import (
    ASCII,
    BYTE,
    DOUBLE,
    FLOAT,
    LONG,
    LONG8,
    RATIONAL,
    SBYTE,
    SHORT,
    SLONG,
    SLONG8,
    SRATIONAL,
    SSHORT,
    Made,
    of_type,
    page,
    shared,
    tiff_of,
)

COEFFICIENTS, SUBSAMPLING, POSITIONING, REFERENCE = 529, 530, 531, 532
BT_601, BT_709 = (0.299, 0.587, 0.114), (0.2126, 0.7152, 0.0722)
FULL, STUDIO = (0, 255, 128, 255, 128, 255), (16, 235, 128, 240, 128, 240)
READ = [(1, 1), (1, 2), (2, 1), (2, 2), (4, 1), (4, 2), (4, 4)]

ROWS, COLUMNS = np.mgrid[:23, :29]
SCENE = np.dstack((40 + 5 * COLUMNS, 90 + 2 * ROWS + COLUMNS, 160 - 2 * COLUMNS + ROWS)).astype(np.uint8)
"""(23, 29, 3) of YCbCr; neither size is a multiple of anything."""

orders = pytest.mark.parametrize("order", ["<", ">"])
sizes = pytest.mark.parametrize("big", [False, True], ids=["classic", "big"])


def rgb_of(
    ycc: NDArray[Any], coefficients: Sequence[float] = BT_601, reference: Sequence[float] = FULL
) -> NDArray[Any]:
    """The specification's formulas, in floating point and not rounded."""
    black, white = np.array(reference[::2], float), np.array(reference[1::2], float)
    y, cb, cr = np.moveaxis((ycc - black) * (255, 127, 127) / (white - black), -1, 0)
    red, green, blue = coefficients
    r, b = cr * (2 - 2 * red) + y, cb * (2 - 2 * blue) + y
    return np.dstack((r, (y - blue * b - red * r) / green, b)).clip(0, 255)


def _page(segments: list[bytes], packing: int, subsampling: tuple[int, int]) -> Made:
    made = page(SCENE, 6)
    made.segments = [zlib.compress(segment) for segment in segments] if packing == 8 else segments
    made.tags |= {259: (SHORT, (packing,)), SUBSAMPLING: (SHORT, subsampling)}
    return made


def _strips(rows: int, subsampling: tuple[int, int]) -> tuple[list[bytes], NDArray[Any]]:
    parts = [shared(SCENE[first : first + rows], *subsampling) for first in range(0, len(SCENE), rows)]
    return [packed for packed, _ in parts], np.concatenate([seen for _, seen in parts])


def _held(data: bytes, expected: NDArray[Any], tolerance: float = 0.51) -> None:
    """What is read is what the formulas say, and to the last bit what libtiff's own tool says."""
    pixels = only_frame(data).pixels
    assert pixels.shape == expected.shape
    assert np.abs(pixels - expected).max() < tolerance
    second = by_libtiff(data)
    if second is not None:
        np.testing.assert_array_equal(pixels, second)


@pytest.mark.parametrize("packing", [1, 8])
@pytest.mark.parametrize("rows", [23, 8, 6])
@pytest.mark.parametrize("subsampling", READ)
def test_pixels_that_share_their_colour(subsampling: tuple[int, int], rows: int, packing: int) -> None:
    segments, seen = _strips(rows, subsampling)
    made = _page(segments, packing, subsampling)
    made.tags[278] = (LONG, (rows,))
    _held(tiff_of(made), rgb_of(seen))


@pytest.mark.parametrize("positioning", [1, 2])
@pytest.mark.parametrize("packing", [1, 8])
def test_where_the_colour_is_taken_changes_nothing(positioning: int, packing: int) -> None:
    """libtiff gives each pixel of a block the block's colour, whether it is centred or cosited."""
    segments, seen = _strips(23, (2, 2))
    made = _page(segments, packing, (2, 2))
    made.tags[POSITIONING] = (SHORT, (positioning,))
    _held(tiff_of(made), rgb_of(seen))


@pytest.mark.parametrize("packing", [1, 8])
def test_two_by_two_is_what_is_meant_if_nothing_is_said(packing: int) -> None:
    segments, seen = _strips(23, (2, 2))
    made = _page(segments, packing, (2, 2))
    del made.tags[SUBSAMPLING]
    _held(tiff_of(made), rgb_of(seen))


def _tiles(subsampling: tuple[int, int], size: int = 16) -> tuple[list[bytes], NDArray[Any]]:
    padded = np.pad(SCENE, ((0, -23 % size), (0, -29 % size), (0, 0)), mode="edge")
    seen, segments = np.empty_like(padded), []
    for y, x in itertools.product(range(0, padded.shape[0], size), range(0, padded.shape[1], size)):
        packed, seen[y : y + size, x : x + size] = shared(padded[y : y + size, x : x + size], *subsampling)
        segments.append(packed)
    return segments, seen[:23, :29]


@pytest.mark.parametrize("packing", [1, 8])
@pytest.mark.parametrize("subsampling", READ)
def test_tiles(subsampling: tuple[int, int], packing: int) -> None:
    segments, seen = _tiles(subsampling)
    made = _page(segments, packing, subsampling)
    del made.tags[278]
    made.tags |= {322: (LONG, (16,)), 323: (LONG, (16,))}
    _held(tiff_of(made), rgb_of(seen))


@pytest.mark.parametrize("planar", [1, 2])
@pytest.mark.parametrize(("packing", "predictor"), [(1, 1), (8, 1), (8, 2)])
def test_planes_and_differences(packing: int, predictor: int, planar: int) -> None:
    stored = np.concatenate((SCENE[:, :1], np.diff(SCENE, axis=1)), axis=1) if predictor == 2 else SCENE
    planes = [stored[..., plane].tobytes() for plane in range(3)] if planar == 2 else [stored.tobytes()]
    made = _page(planes, packing, (1, 1))
    made.tags |= {284: (SHORT, (planar,)), 317: (SHORT, (predictor,))}
    _held(tiff_of(made), rgb_of(SCENE))


@orders
@sizes
@pytest.mark.parametrize("kind", [RATIONAL, SRATIONAL, FLOAT, DOUBLE])
@pytest.mark.parametrize("packing", [1, 8])
def test_coefficients_of_every_type(packing: int, kind: int, order: str, big: bool) -> None:
    segments, seen = _strips(23, (2, 1))
    made = _page(segments, packing, (2, 1))
    made.tags[COEFFICIENTS] = of_type(kind, *BT_709)
    _held(tiff_of(made, order=order, big=big), rgb_of(seen, BT_709))


WHOLE = [BYTE, SHORT, LONG, SSHORT, SLONG, LONG8, SLONG8]


@orders
@sizes
@pytest.mark.parametrize("kind", [*WHOLE, RATIONAL, SRATIONAL, FLOAT, DOUBLE])
@pytest.mark.parametrize("packing", [1, 8])
def test_black_and_white_of_every_type(packing: int, kind: int, order: str, big: bool) -> None:
    made = _page([SCENE.tobytes()], packing, (1, 1))
    made.tags[REFERENCE] = of_type(kind, *STUDIO)
    # libtiff rounds colours twice here: up to three levels from the formulas.
    _held(tiff_of(made, order=order, big=big), rgb_of(SCENE, reference=STUDIO), tolerance=3.2)


def test_black_and_white_of_signed_bytes() -> None:
    reference = (16, 120, 100, 120, 100, 120)
    made = _page([SCENE.tobytes()], 1, (1, 1))
    made.tags[REFERENCE] = of_type(SBYTE, *reference)
    _held(tiff_of(made), rgb_of(SCENE, reference=reference), tolerance=3.2)


@orders
@sizes
@pytest.mark.parametrize("packing", [1, 8])
def test_two_pixels_worked_out_by_hand(packing: int, order: str, big: bool) -> None:
    """Y 88, Cb 101, Cr 208 is (200, 40, 40) by BT.601, and 70, 201, 107 is (41, 60, 199)."""
    stored = bytes((88, 101, 208, 70, 201, 107))
    made = page(np.zeros((1, 2, 3), np.uint8), 6)
    made.segments = [zlib.compress(stored) if packing == 8 else stored]
    made.tags |= {259: (SHORT, (packing,)), SUBSAMPLING: (SHORT, (1, 1))}
    made.tags |= {COEFFICIENTS: of_type(RATIONAL, *BT_601), REFERENCE: of_type(RATIONAL, *FULL)}
    picture = codec.decode(tiff_of(made, order=order, big=big), CONFIG)
    assert picture.frames[0].pixels.tolist() == [[[200, 40, 40], [41, 60, 199]]]
    assert codec.encode(picture).encoding == "exact"


@pytest.mark.parametrize("said", [(ASCII, b"0.299 0.587\0"), (RATIONAL, (299, 1000))])
def test_coefficients_that_are_none_are_the_usual_ones(said: Any) -> None:
    made = _page([SCENE.tobytes()], 8, (1, 1))
    made.tags[COEFFICIENTS] = said
    _held(tiff_of(made), rgb_of(SCENE))


@pytest.mark.parametrize("packing", [1, 8])
@pytest.mark.parametrize("subsampling", [(1, 4), (2, 4), (3, 1), (0, 0), (8, 8)])
def test_blocks_that_libtiff_does_not_read_are_refused(subsampling: tuple[int, int], packing: int) -> None:
    with pytest.raises(UnsupportedFormat):
        codec.decode(tiff_of(_page([SCENE.tobytes()], packing, subsampling)), CONFIG)


@pytest.mark.parametrize(("tag", "value"), [(284, 2), (317, 2)])
def test_planes_and_differences_of_blocks_are_refused(tag: int, value: int) -> None:
    made = _page([SCENE.tobytes()] * (3 if tag == 284 else 1), 8, (2, 2))
    made.tags[tag] = (SHORT, (value,))
    with pytest.raises(UnsupportedFormat):
        codec.decode(tiff_of(made), CONFIG)
