"""What the presets promise, on pictures made of one astronaut and of things that are no people."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage import data

from anonymizer.config import DetectorConfig
from anonymizer.image.detectors import load_weights, make

#: The astronaut's head, of 512 x 512.
FACE = (160, 60, 290, 220)


@pytest.fixture(scope="module")
def network():
    return load_weights(DetectorConfig(), lambda path: pytest.fail(path))


@pytest.fixture(scope="module")
def balanced(network):
    return make(DetectorConfig(), network)


def _head(height):
    """(height, w, 3): head and shoulders, the face about half as high."""
    part = data.astronaut()[:300, 90:360]
    return cv2.resize(part, (round(270 * height / 300), height), interpolation=cv2.INTER_AREA)


def _street(seed, height=480, width=640):
    """An empty street: sky, walls with windows, a road, grain; no two alike."""
    rng = np.random.default_rng(seed)
    picture = np.full((height, width, 3), rng.integers(150, 230, 3), np.uint8)
    for left in range(0, width, 80):
        top = int(rng.integers(60, 200))
        picture[top:, left : left + 78] = rng.integers(60, 200, 3)
        for y in range(top + 15, height - 120, 45):
            for x in range(left + 10, left + 65, 28):
                picture[y : y + 24, x : x + 16] = rng.integers(20, 90, 3)
    picture[height - 90 :] = rng.integers(60, 110)
    grain = rng.normal(0, 5, picture.shape)
    return cv2.GaussianBlur(np.clip(picture + grain, 0, 255).astype(np.uint8), (3, 3), 0)


def _holds(boxes, x, y):
    return any(x1 <= x <= x2 and y1 <= y <= y2 for x1, y1, x2, y2 in boxes)


@pytest.mark.parametrize("turns", range(4))
def test_a_face_in_every_quarter_turn(balanced, turns):
    picture = np.ascontiguousarray(np.rot90(data.astronaut(), turns))
    place = np.zeros((512, 512), bool)
    place[130:150, 215:235] = True
    y, x = (int(v.mean()) for v in np.nonzero(np.rot90(place, turns)))
    boxes, score = balanced.detect(picture)
    assert _holds(boxes, x, y)
    assert score[0] > 0.5


@pytest.mark.parametrize("seed", range(10))
def test_a_lone_small_face_in_an_empty_street(balanced, seed):
    picture = _street(seed)
    head = _head(64)
    y, x = 300, 60 + 50 * seed
    picture[y : y + head.shape[0], x : x + head.shape[1]] = head
    boxes, _ = balanced.detect(picture)
    assert _holds(boxes, x + head.shape[1] / 2, y + 30)


@pytest.mark.parametrize("seed", range(10))
def test_an_empty_street_and_a_brick_wall_show_nobody(balanced, seed):
    rng = np.random.default_rng(seed)
    y, x = rng.integers(0, 150, 2)
    tint = rng.uniform(0.6, 1.0, 3)
    for wall in (data.brick(), data.gravel(), data.grass()):
        part = (wall[y : y + 360, x : x + 360, None] * tint).astype(np.uint8)
        assert len(balanced.detect(part)[0]) == 0
    assert len(balanced.detect(_street(seed))[0]) == 0


def test_a_cat_and_a_cup_are_nobody(balanced):
    for picture in (data.chelsea(), data.coffee(), data.rocket()):
        assert len(balanced.detect(picture)[0]) == 0


def test_a_face_that_fills_the_frame(balanced):
    x1, y1, x2, y2 = FACE
    large = cv2.resize(data.astronaut()[y1:y2, x1:x2], (2600, 3200), interpolation=cv2.INTER_CUBIC)
    boxes, _ = balanced.detect(large)
    assert _holds(boxes, 1300, 1700)
    assert max(boxes[:, 3] - boxes[:, 1]) > 1200


def test_a_least_face_in_a_large_photo(network):
    """24 pixels of 24 megapixels: seen in tiles, where one look at the whole does not."""
    picture = cv2.resize(_street(1, 400, 600), (6000, 4000), interpolation=cv2.INTER_CUBIC)
    head = _head(56)
    for number, (x, y) in enumerate([(1000, 900), (3010, 2000), (5400, 3700)]):
        picture[y : y + head.shape[0], x : x + head.shape[1]] = head[:, :: 1 if number % 2 else -1]
    close = make(DetectorConfig(min_face_px=24.0), network)
    boxes, _ = close.detect(picture)
    for x, y in [(1000, 900), (3010, 2000), (5400, 3700)]:
        assert _holds(boxes, x + head.shape[1] / 2, y + 27)
