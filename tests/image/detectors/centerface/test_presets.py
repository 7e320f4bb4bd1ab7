from __future__ import annotations

import pytest

from anonymizer.config import DetectorConfig
from anonymizer.image.detectors.centerface.passes import (
    COARSE_FROM_PX,
    COARSE_SIDE_PX,
    OVERLAP_PX,
    TILE_AREA_PX,
    passes,
    reduction,
)
from anonymizer.image.detectors.centerface.presets import PRESETS, Search, search
from anonymizer.image.detectors.contract import LEAST_SIDE_PX, WORK_FACE_PX

EACH = pytest.mark.parametrize("preset", PRESETS)


def test_harder_presets_look_closer_and_believe_less():
    fast, balanced, thorough = (PRESETS[name] for name in ("fast", "balanced", "thorough"))
    assert fast.scale < balanced.scale < thorough.scale
    assert fast.min_score > balanced.min_score > thorough.min_score
    assert fast.lone_score > balanced.lone_score > thorough.lone_score


@EACH
def test_nothing_set_is_the_preset(preset):
    assert search(DetectorConfig(preset=preset)) == PRESETS[preset]


@EACH
def test_what_is_set_stands_over_the_preset(preset):
    found = search(DetectorConfig(preset=preset, min_score=0.4, scale=0.5, max_area_px=9000, second_looks=3))
    assert (found.min_score, found.lone_score, found.scale) == (0.4, 0.4, 0.5)
    assert (found.max_area_px, found.second_looks) == (9000, 3)


@EACH
@pytest.mark.parametrize("size", [(8688, 5792), (1, 60000), (640, 480), (12, 9), (20000, 300)])
@pytest.mark.parametrize("least_px", [None, 24.0])
def test_windows_cover_the_picture_and_the_network_gets_no_more_than_it_can(preset, size, least_px):
    width, height = size
    for part in passes(width, height, search(DetectorConfig(preset=preset, min_face_px=least_px))):
        seen_x, seen_y = 0, 0
        for x1, y1, x2, y2 in part.windows:
            assert 0 <= x1 < x2 <= width
            assert 0 <= y1 < y2 <= height
            assert (x2 - x1) * part.share * (y2 - y1) * part.share <= 1.1 * TILE_AREA_PX
            assert x1 <= max(seen_x, 0) or y1 <= seen_y
            seen_x, seen_y = max(seen_x, x2), max(seen_y, y2)
        assert (seen_x, seen_y) == (width, height)


def test_a_least_face_decides_about_the_size_of_a_large_picture():
    plain = passes(8688, 5792, search(DetectorConfig()))
    close = passes(8688, 5792, search(DetectorConfig(min_face_px=24.0)))
    assert len(plain[0].windows) == 1
    assert close[0].share == pytest.approx(WORK_FACE_PX / 24)
    assert len(close[0].windows) > 3
    first, second = close[0].windows[:2]
    assert (first[2] - second[0]) * close[0].share >= OVERLAP_PX


def test_large_faces_have_a_coarse_look_and_small_pictures_are_enlarged():
    looks = passes(4000, 3000, search(DetectorConfig()))
    assert 4000 * looks[0].share >= COARSE_FROM_PX
    assert looks[-1].share == pytest.approx(COARSE_SIDE_PX / 4000)
    assert passes(32, 16, search(DetectorConfig()))[0].share == pytest.approx(LEAST_SIDE_PX / 32)


def test_a_picture_without_limit_is_seen_at_its_scale():
    assert passes(4000, 3000, Search(0.5, None, None, False, 0.1, 0.1, 0, "int8"))[0].share == 0.5


@pytest.mark.parametrize(
    ("size", "settings", "factor"),
    [
        ((4096, 3072), {}, 2),
        ((3072, 4096), {"preset": "fast"}, 2),
        ((4096, 3072), {"preset": "thorough"}, 1),
        ((4096, 3072), {"min_face_px": 200.0}, 1),
        ((4096, 3072), {"scale": 0.3}, 1),
        ((4096, 3072), {"scale": 1.0}, 2),
        ((4096, 3072), {"max_area_px": 4096}, 4),
        ((3200, 2600), {}, 1),
        ((8688, 5792), {}, 4),
        ((1024, 768), {}, 1),
        ((1, 1), {}, 1),
    ],
)
def test_a_smaller_picture_gives_the_network_the_same_input(size, settings, factor):
    (width, height), how = size, search(DetectorConfig(**settings))
    assert reduction(width, height, how) == factor
    whole, small = passes(width, height, how), passes(-(-width // factor), -(-height // factor), how)
    for one, other in zip(whole, small, strict=True):
        assert len(one.windows) == len(other.windows) == 1 or factor == 1
        assert other.share == pytest.approx(one.share * factor, rel=1e-3)
