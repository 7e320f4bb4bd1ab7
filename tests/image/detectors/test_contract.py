"""What every detector promises; each of them runs all of this."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer.config import DetectorConfig
from anonymizer.errors import DetectionFailed
from anonymizer.image import geometry
from anonymizer.image.detectors import DETECTORS, Found
from anonymizer.image.detectors.contract import as_gray, as_rgb, result, working_size
from anonymizer.records import Pixels


def assert_form(found: Found, pixels: Pixels) -> None:
    xyxy, score = found
    height, width = pixels.shape[:2]
    assert xyxy.dtype == np.float32
    assert score.dtype == np.float32
    assert xyxy.shape == (len(score), 4)
    assert score.shape == (len(score),)
    assert (xyxy[:, :2] >= 0).all()
    assert (xyxy[:, 2:] <= [width, height]).all()
    assert (xyxy[:, 2:] > xyxy[:, :2]).all()
    assert ((score > 0) & (score <= 1)).all()
    assert (np.diff(score) <= 0).all()


def assert_same(left: Found, right: Found) -> None:
    np.testing.assert_array_equal(left[0], right[0])
    np.testing.assert_array_equal(left[1], right[1])


@pytest.mark.parametrize("value", [0, 255])
@pytest.mark.parametrize("shape", [(160, 160), (160, 160, 3)])
def test_nothing_in_nothing(detector, shape, value):
    xyxy, score = found = detector.detect(np.full(shape, value, np.uint8))
    assert xyxy.shape == (0, 4)
    assert score.shape == (0,)
    assert_form(found, np.zeros(shape, np.uint8))


SHAPES = [
    (1, 1),
    (1, 1, 3),
    (2, 3, 3),
    (5, 4),
    (31, 33, 3),
    (33, 31),
    (3, 2000, 3),
    (2000, 3),
    (1, 60_000),
    (60_000, 1, 3),
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_any_size(detector, shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    found = detector.detect(pixels)
    assert_form(found, pixels)
    assert_same(found, detector.detect(pixels))


def test_finds_the_face(detector, face):
    pixels, box = face
    found = detector.detect(pixels)
    assert_form(found, pixels)
    assert geometry.iou(found[0][:1], box)[0, 0] > 0.5


def test_finds_the_face_in_gray(detector, face):
    pixels, box = face
    gray = as_gray(pixels)
    found = detector.detect(gray)
    assert_form(found, gray)
    assert geometry.iou(found[0][:1], box)[0, 0] > 0.5


def test_finds_the_mirrored_face(detector, face):
    pixels, box = face
    mirrored = box.copy()
    mirrored[:, [0, 2]] = pixels.shape[1] - box[:, [2, 0]]
    assert geometry.iou(detector.detect(pixels[:, ::-1])[0][:1], mirrored)[0, 0] > 0.5


def test_finds_the_face_in_a_large_picture(make_detector, face):
    pixels, box = face
    large = cv2.resize(pixels, None, fx=4, fy=4, interpolation=cv2.INTER_NEAREST)
    found = make_detector(max_area_px=360_000).detect(large)
    assert_form(found, large)
    assert geometry.iou(found[0][:1], box * 4)[0, 0] > 0.5


@pytest.mark.parametrize("cut", ["left", "top", "right", "bottom"])
def test_stays_inside_when_the_border_cuts_the_face(detector, face, cut):
    pixels, box = face
    x1, y1, x2, y2 = box[0].astype(int)
    windows = {
        "left": np.s_[:, x1 + 15 :],
        "top": np.s_[y1 + 15 :],
        "right": np.s_[:, : x2 - 15],
        "bottom": np.s_[: y2 - 15],
    }
    window = pixels[windows[cut]]
    assert_form(detector.detect(window), window)


def test_same_answer_every_time(make_detector, face):
    pixels, _ = face
    detector = make_detector()
    first = detector.detect(pixels)
    detector.detect(np.zeros((50, 300), np.uint8))
    assert_same(first, detector.detect(pixels))
    assert_same(first, make_detector().detect(pixels))


def test_leaves_the_picture_alone(detector, face):
    pixels, _ = face
    before = pixels.copy()
    pixels.flags.writeable = False
    detector.detect(pixels)
    np.testing.assert_array_equal(pixels, before)


VIEWS = {
    "every second": lambda p: p[::2, ::2],
    "upside down": lambda p: p[::-1],
    "turned": lambda p: p.swapaxes(0, 1),
    "window": lambda p: p[3:200, 5:300],
    "fortran": np.asfortranarray,
    "one channel": lambda p: p[..., 1],
    "channels swapped": lambda p: p[..., ::-1],
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=list(VIEWS))
def test_memory_layout_does_not_matter(detector, face, view):
    pixels = view(face[0])
    assert_same(detector.detect(pixels), detector.detect(np.array(pixels, order="C")))


BAD = [(0, 0), (0, 5), (5, 0, 3), (4, 4, 4), (4, 4, 1), (4,), (1, 4, 4, 3)]


@pytest.mark.parametrize("shape", BAD, ids=str)
def test_refuses_what_is_no_picture(detector, shape):
    with pytest.raises(DetectionFailed):
        detector.detect(np.zeros(shape, np.uint8))


def test_refuses_other_numbers_than_bytes(detector):
    with pytest.raises(DetectionFailed):
        detector.detect(np.zeros((40, 40, 3), np.float32))


def test_least_score_is_kept(make_detector, face):
    pixels, _ = face
    _, score = make_detector(min_score=0.0).detect(pixels)
    strongest = float(score[0])
    assert len(make_detector(min_score=strongest).detect(pixels)[1]) == 1
    if strongest < 1:
        assert len(make_detector(min_score=1.0).detect(pixels)[1]) == 0


@pytest.mark.parametrize("settings", [{}, {"min_score": 1.0}, {"scale": 0.05, "max_area_px": 4096}], ids=str)
def test_self_test_depends_on_no_setting(make_detector, settings):
    make_detector(**settings).self_test()


def test_says_what_it_is(detector):
    assert detector.name in DETECTORS
    assert len(bytes.fromhex(detector.sha256)) == 32
    assert detector.output_revision >= 1


SIZES = [
    # pixels (width, height), scale, max_area_px, expected
    ((1, 1), 0.75, 2_560_000, (128, 128)),
    ((100, 50), 0.75, 2_560_000, (128, 64)),
    ((128, 128), 0.75, 2_560_000, (128, 128)),
    ((400, 200), 0.75, 2_560_000, (300, 150)),
    ((400, 200), 1.5, 2_560_000, (600, 300)),
    ((4000, 4000), 0.75, 2_560_000, (1600, 1600)),
    ((20_000, 1000), 0.75, 2_560_000, (7155, 358)),
    ((1, 60_000), 0.75, 2_560_000, (1, 45_000)),
    ((1, 1_000_000), 0.75, 2_560_000, (1, 80_000)),
    ((40, 40), 0.75, 4096, (64, 64)),
]


@pytest.mark.parametrize(("size", "scale", "most", "expected"), SIZES)
def test_working_size(size, scale, most, expected):
    config = DetectorConfig(scale=scale, max_area_px=most)
    assert working_size(np.zeros(size[::-1], np.uint8), config) == expected


@given(st.integers(1, 70_000), st.integers(1, 70_000), st.floats(0.05, 2.0), st.integers(4096, 4_000_000))
def test_working_size_is_bounded(width, height, scale, most):
    pixels = np.broadcast_to(np.uint8(0), (height, width))
    found = working_size(pixels, DetectorConfig(scale=scale, max_area_px=most))
    assert min(found) >= 1
    # Rounding may add half a pixel to each side.
    assert max(found) * max(min(found), 32) <= most + max(found)


def test_result_cuts_drops_and_sorts():
    boxes = [[-5, -5, 4, 4], [20, 20, 30, 30], [2, 2, 9, 9], [3, 3, 3, 8], [1, 1, 5, 5]]
    xyxy, score = result(boxes, [0.5, 0.9, 1.0000001, 0.8, 0.05], np.zeros((8, 6), np.uint8), 0.1)
    assert xyxy.tolist() == [[2, 2, 6, 8], [0, 0, 4, 4]]
    assert score.tolist() == [1.0, 0.5]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_result_refuses_what_is_not_finite(bad):
    with pytest.raises(DetectionFailed):
        result([[0, 0, bad, 1]], [0.5], np.zeros((8, 6), np.uint8), 0.1)
    with pytest.raises(DetectionFailed):
        result([[0, 0, 1, 1]], [bad], np.zeros((8, 6), np.uint8), 0.1)


def test_as_rgb_expands_gray():
    rgb = as_rgb(np.array([[1, 2]], np.uint8))
    assert rgb.tolist() == [[[1, 1, 1], [2, 2, 2]]]
