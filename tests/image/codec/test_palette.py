from __future__ import annotations

import numpy as np
import pytest

from anonymizer.image.codec.palette import to_palette
from anonymizer.records import Frame, Pixels
from tests.image.codec.samples import photo


def _colors(count: int, height: int = 40, width: int = 50) -> Pixels:
    """(H, W, 3) with exactly so many colours."""
    number = np.resize(np.arange(count), (height, width))
    return np.dstack((number % 256, number // 256 * 3, number * 7 % 256)).astype(np.uint8)


@pytest.mark.parametrize("count", [1, 2, 16, 17, 255, 256])
def test_colors_come_back(count: int) -> None:
    indexed = to_palette(Frame(_colors(count)))
    assert indexed is not None
    assert indexed.palette.shape == (count, 4)
    np.testing.assert_array_equal(indexed.palette[indexed.indices][..., :3], _colors(count))
    assert (indexed.palette[:, 3] == 255).all()


def test_entries_are_sorted_with_what_is_not_opaque_first() -> None:
    alpha = np.resize(np.array([255, 0, 128], np.uint8), (40, 50))
    indexed = to_palette(Frame(_colors(5), alpha))
    assert indexed is not None
    keys = [(entry[3], *entry[:3]) for entry in indexed.palette.tolist()]
    assert keys == sorted(set(keys))
    assert keys[0] == (0, 0, 0, 0)
    np.testing.assert_array_equal(indexed.palette[indexed.indices][..., 3], alpha)


def test_gray_is_a_color() -> None:
    levels = np.resize(np.arange(256, dtype=np.uint8), (20, 30))
    indexed = to_palette(Frame(levels))
    assert indexed is not None
    np.testing.assert_array_equal(indexed.palette[indexed.indices], np.dstack([levels] * 3 + [levels * 0 + 255]))


@pytest.mark.parametrize(
    "frame",
    [
        Frame(_colors(257)),
        Frame(photo()),
        Frame(_colors(4).astype(np.uint16)),
        Frame(np.zeros((4, 4, 4), np.uint8)),
    ],
    ids=["too many", "photo", "16 bit", "ink"],
)
def test_what_no_palette_holds(frame: Frame) -> None:
    assert to_palette(frame) is None


MASK = np.zeros((40, 50), np.bool_)
MASK[10:30, 10:30] = True


@pytest.mark.parametrize("outside", [1, 100, 255, 256])
def test_outside_the_mask_colors_stay_and_the_fill_gets_what_is_left(outside: int) -> None:
    pixels = _colors(outside)
    pixels[MASK] = np.random.default_rng(8).integers(0, 256, (400, 3))
    indexed = to_palette(Frame(pixels, None, MASK))
    assert indexed is not None
    assert len(indexed.palette) <= 256
    assert len(np.unique(indexed.indices)) == len(indexed.palette)
    shown = indexed.palette[indexed.indices][..., :3]
    np.testing.assert_array_equal(shown[~MASK], pixels[~MASK])
    assert np.abs(shown[MASK].astype(int) - pixels[MASK]).mean() < (60 if outside > 1 else 12)


def test_a_fill_that_fits_stays_as_it_is() -> None:
    pixels = _colors(200)
    pixels[MASK] = np.arange(56)[np.arange(400) % 56, None]
    indexed = to_palette(Frame(pixels, None, MASK))
    assert indexed is not None
    np.testing.assert_array_equal(indexed.palette[indexed.indices][..., :3], pixels)


def test_the_fill_stays_opaque() -> None:
    alpha = np.where(MASK, 255, 9).astype(np.uint8)
    pixels = _colors(256)
    pixels[MASK] = np.random.default_rng(9).integers(0, 256, (400, 3))
    assert to_palette(Frame(pixels, alpha, MASK)) is None
    pixels = _colors(250)
    pixels[MASK] = np.random.default_rng(9).integers(0, 256, (400, 3))
    indexed = to_palette(Frame(pixels, alpha, MASK))
    assert indexed is not None
    np.testing.assert_array_equal(indexed.palette[indexed.indices][..., 3], alpha)


def test_nothing_given_is_changed() -> None:
    pixels, mask = _colors(250), MASK.copy()
    pixels[mask] = np.random.default_rng(9).integers(0, 256, (400, 3))
    before = pixels.copy()
    first, second = to_palette(Frame(pixels, None, mask)), to_palette(Frame(pixels, None, mask))
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(pixels, before)
    np.testing.assert_array_equal(mask, MASK)
    np.testing.assert_array_equal(first.indices, second.indices)
    np.testing.assert_array_equal(first.palette, second.palette)
