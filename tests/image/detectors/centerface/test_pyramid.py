"""Looks at a picture that was halved before."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer.image.detectors.centerface.pyramid import ImagePyramid

SIDES = st.integers(1, 70)


@pytest.mark.parametrize(("share", "factor"), [(1.0, 1), (0.75, 1), (0.51, 1), (0.5, 2), (0.26, 2), (0.25, 4)])
def test_linear_interpolation_is_never_asked_for_less_than_half(share, factor):
    part, found = ImagePyramid(np.zeros((64, 96, 3), np.uint8)).part((0, 0, 96, 64), share)
    assert found == factor
    assert part.shape == (64 // factor, 96 // factor, 3)


def test_halves_are_means():
    picture = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
    part, _ = ImagePyramid(picture).part((2, 4, 6, 8), 0.5)
    expected = picture[4:8, 2:6].reshape(2, 2, 2, 2, 3).mean(axis=(1, 3))
    assert np.abs(part - expected).max() <= 0.5


def test_the_picture_itself_is_not_copied_or_changed():
    picture = np.random.default_rng(1).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    before = picture.copy()
    halves = ImagePyramid(picture)
    assert np.shares_memory(halves.part((3, 5, 30, 31), 0.9)[0], picture)
    halves.part((0, 0, 40, 40), 0.1)
    np.testing.assert_array_equal(picture, before)


@given(SIDES, SIDES, st.floats(0.01, 1.0))
def test_no_side_is_lost(width, height, share):
    part, factor = ImagePyramid(np.zeros((height, width, 3), np.uint8)).part((0, 0, width, height), share)
    for side, length in zip(part.shape, (height, width), strict=False):
        assert side >= 1
        assert length - factor < side * factor <= length
