from __future__ import annotations

import numpy as np

from anonymizer.image.detectors.centerface.crop_rescoring import FULL, TURNS, crops, middle_score, turned
from anonymizer.image.geometry import as_boxes


def test_the_box_stands_in_the_middle_at_its_size():
    picture = np.zeros((400, 600, 3), np.uint8)
    picture[100:180, 300:380] = 255
    for scale in (1, 4):
        large = np.kron(picture, np.ones((scale, scale, 1), np.uint8))
        (crop,) = crops(large, as_boxes([(300 * scale, 100 * scale, 380 * scale, 180 * scale)]))
        rows = np.flatnonzero(crop[:, FULL.side_px // 2, 0] > 127)
        assert abs(len(rows) - FULL.side_px / FULL.context) <= 2
        assert abs(rows.mean() - (FULL.side_px - 1) / 2) <= 1


def test_beyond_the_border_is_black():
    (crop,) = crops(np.full((50, 50, 3), 200, np.uint8), as_boxes([(-10, -10, 10, 10)]))
    assert crop[:40].max() == 0
    assert crop[-1, -1].min() > 150


def test_four_turns_of_each():
    upright = np.random.default_rng(0).integers(0, 255, (2, 8, 8, 3)).astype(np.uint8)
    found = turned(upright)
    assert found.shape == (2 * TURNS, 8, 8, 3)
    for turn in range(TURNS):
        np.testing.assert_array_equal(found[TURNS + turn], np.rot90(upright[1], turn))


def test_only_a_face_of_the_place_and_size_counts():
    heat = np.zeros((3, 40, 40), np.float32)
    size = np.full((3, 40, 40), np.log(40 / FULL.context), np.float32)
    heat[0, 20, 20] = 0.9
    heat[1, 2, 20] = 0.9
    heat[2, 20, 20], size[2] = 0.9, np.log(3)
    np.testing.assert_allclose(middle_score(heat, size), [0.9, 0, 0])
