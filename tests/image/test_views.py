"""Which pictures are looked at for a face, and how samples become them."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data

from anonymizer.image.views import Points, dim_levels, levels_of, negatives, to_display, views
from anonymizer.records import Frame


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "rocket", "camera", "coins"])
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
    seen = levels.apply(samples)
    assert seen.dtype == np.uint8
    assert seen.shape == samples.shape
    assert np.percentile(seen, 2) < 12
    assert np.percentile(seen, 98) > 243
    inner = (seen > 0) & (seen < 255)
    assert np.abs(levels.invert(seen).astype(int) - samples)[inner].max() <= 4096 / 255 + 1
    np.testing.assert_array_equal(to_display(Frame(samples)), seen)
    assert (dim_levels(Points.of(samples)) is None) == (offset > 0)


FEW = {
    "ten bits": lambda photo: (32_768 + np.rint(photo / 255 * 1023)).astype(np.uint16),
    "fog": lambda photo: (180 + np.rint(photo / 255 * 15)).astype(np.uint8),
}


def _bordered(samples, kind, where):
    result, white = samples.copy(), np.iinfo(samples.dtype).max
    thick = round(0.03 * len(samples)) if where != "a wide frame" else round(0.12 * len(samples))
    if where == "anywhere":
        rows, columns = len(samples) // 12, len(samples) * 3 // 4
        result[rows : rows + thick], result[:, columns : columns + thick] = 0, white
    elif where == "strips":
        result[:thick], result[-thick:] = 0, white
    else:
        whole = np.full_like(samples, white if kind == "white" else 0)
        whole[thick:-thick, thick:-thick] = samples[thick:-thick, thick:-thick]
        result = whole
    return result


@pytest.mark.parametrize("few", FEW)
@pytest.mark.parametrize("shape", ["gray", "rgb"])
@pytest.mark.parametrize(
    ("kind", "where"),
    [("both", "strips"), ("white", "a frame"), ("black", "a frame"), ("white", "a wide frame"), ("both", "anywhere")],
)
def test_strips_and_frames_do_not_hide_what_is_in_few_levels(few, shape, kind, where):
    photo = data.astronaut() if shape == "rgb" else data.astronaut()[..., 1]
    samples = _bordered(FEW[few](photo), kind, where)
    face = (slice(70, 180), slice(180, 280))
    seen = list(views(Frame(samples)))[1:]
    shown = to_display(Frame(samples))
    assert max(np.ptp(view[face]) for view in seen) > 150
    for view in (*seen, shown):
        assert np.corrcoef(view[face].ravel(), photo[face].ravel())[0, 1] > 0.95
    assert np.ptp(shown[face]) > (150 if where != "anywhere" else 100)
    # A negative of such a one is looked at as its print.
    if shape == "gray":
        (print_of,) = negatives(Frame(samples))
        assert np.ptp(print_of[face]) > 100


@pytest.mark.parametrize("where", ["strips", "a frame", "a wide frame"])
def test_an_ordinary_picture_in_a_frame_is_looked_at_once(where):
    for photo in (data.astronaut(), data.coffee(), data.camera()):
        assert len(list(views(Frame(_bordered(photo, "white", where))))) == 1


def test_paper_with_a_drawing_is_not_stretched():
    paper = np.full((200, 200), 200, np.uint8)
    paper[::2] += 1
    paper[90:110] = 0
    assert len(list(views(Frame(paper)))) == 1


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
