"""Which pictures are looked at for a face, and how samples become them."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data

from anonymizer.records import Frame
from anonymizer.views import Points, as_shown, dim_levels, levels_of, negatives, views


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "rocket", "camera", "brick", "coins"])
def test_an_ordinary_picture_is_looked_at_once(name):
    pixels = getattr(data, name)()
    for samples in (pixels, pixels.astype(np.uint16) * 257):
        seen = list(views(Frame(samples)))
        np.testing.assert_array_equal(seen[0], pixels)
        # In the dark of sixteen bits there is more than in that of eight.
        assert len(seen) == 1 or samples.dtype == np.uint16


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("level", [0, 7, 128, 255])
def test_a_surface_is_not_stretched(dtype, level):
    flat = np.full((40, 50, 3), level, dtype)
    flat[::2] += level < 255
    assert len(list(views(Frame(flat)))) == 1
    assert not list(negatives(Frame(flat)))
    nobody = np.zeros((40, 50), dtype)
    assert len(list(views(Frame(flat, nobody)))) == 1


@pytest.mark.parametrize("shape", [(), (3,)], ids=["gray", "rgb"])
@pytest.mark.parametrize("offset", [0, 30_000, 60_000])
def test_stretched_and_back(shape, offset):
    samples = np.random.default_rng(1).integers(offset, offset + 4096, (90, 80, *shape), dtype=np.uint16)
    levels = levels_of(Points.of(samples))
    assert levels is not None
    seen = levels.seen(samples)
    assert seen.dtype == np.uint8
    assert seen.shape == samples.shape
    assert np.percentile(seen, 2) < 12
    assert np.percentile(seen, 98) > 243
    inner = (seen > 0) & (seen < 255)
    assert np.abs(levels.stored(seen).astype(int) - samples)[inner].max() <= 4096 / 255 + 1
    np.testing.assert_array_equal(as_shown(Frame(samples)), seen)
    assert (dim_levels(Points.of(samples)) is None) == (offset > 0)


def test_what_is_hidden_or_invisible_decides_about_nothing():
    samples = np.random.default_rng(1).integers(0, 1024, (90, 80, 3), dtype=np.uint16)
    hidden = np.zeros((90, 80), bool)
    hidden[20:60, 10:70] = True
    bright = np.where(hidden[..., None], np.uint16(50_000), samples)
    expected = dim_levels(Points.of(samples, hidden=hidden))
    for points in (Points.of(bright, hidden=hidden), Points.of(bright, np.where(hidden, 0, 9).astype(np.uint16))):
        found = dim_levels(points)
        assert found is not None
        assert expected is not None
        np.testing.assert_array_equal(found.high, expected.high)
    assert dim_levels(Points.of(samples, hidden=np.ones_like(hidden))) is None


def test_only_what_may_be_film_is_looked_at_as_a_negative():
    photo = data.astronaut()
    assert not list(negatives(Frame(photo)))
    assert not list(negatives(Frame(255 - photo)))
    gray = photo[..., 1]
    (print_of,) = negatives(Frame(255 - gray))
    assert np.corrcoef(print_of.ravel(), gray.ravel())[0, 1] > 0.99
    film = np.rint((255 - photo) * np.array([0.8, 0.5, 0.3])).astype(np.uint8)
    assert len(list(negatives(Frame(film)))) == 1
