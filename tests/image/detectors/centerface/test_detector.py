from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest
from skimage.data import astronaut, chelsea

from anonymizer.config import DetectorConfig
from anonymizer.errors import ConfigError, DetectionFailed
from anonymizer.image import geometry
from anonymizer.image.detectors import load_weights, weights
from anonymizer.image.detectors.centerface import crop_rescoring
from anonymizer.image.detectors.centerface.detector import CenterFace, decode

#: Brow to chin of the portrait in `skimage.data` (512 × 512 px), drawn by hand.
ASTRONAUT_XYXY = np.array([[182, 65, 270, 176]], np.float32)


def no_reader(url: str) -> bytes:
    raise AssertionError("nothing has to be read")


@pytest.fixture(scope="module")
def network() -> bytes:
    data = load_weights(DetectorConfig(), no_reader)
    assert isinstance(data, bytes)
    return data


@pytest.fixture
def detector(network) -> CenterFace:
    return CenterFace(DetectorConfig(), network)


class FakeSession:
    """Answers with the given maps, or raises."""

    def __init__(self, maps: list[Any] | None = None, error: Exception | None = None) -> None:
        self.maps, self.error = maps, error

    def get_inputs(self):
        return [SimpleNamespace(name="input.1", type="tensor(uint8)")]

    def run(self, names, feeds):
        if self.error is not None:
            raise self.error
        return self.maps


def blank_maps(height: int = 4, width: int = 4) -> list[Any]:
    return [np.zeros((1, channels, height, width), np.float32) for channels in (1, 2, 2)]


TURNS = {
    "upright": (lambda p: p, lambda b: b),
    "mirrored": (lambda p: p[:, ::-1], lambda b: (512 - b[:, [2, 1, 0, 3]]) * [1, 0, 1, 0] + b * [0, 1, 0, 1]),
}


@pytest.mark.parametrize(("turn", "turn_box"), TURNS.values(), ids=list(TURNS))
def test_astronaut(detector, turn, turn_box):
    xyxy, score = detector.detect(turn(astronaut()))
    assert score[0] > 0.8
    assert geometry.iou(xyxy[:1], turn_box(ASTRONAUT_XYXY))[0, 0] > 0.8


@pytest.mark.parametrize(("x1", "y1", "x2", "y2"), [(0, 0, 300, 200), (100, 0, 300, 270), (150, 30, 300, 470)])
def test_sides_are_scaled_apart(detector, x1, y1, x2, y2):
    """The face is found where it is although the network saw a picture of other proportions."""
    xyxy, score = detector.detect(astronaut()[y1:y2, x1:x2])
    assert score[0] > 0.5
    assert geometry.iou(xyxy[:1], ASTRONAUT_XYXY - np.array([x1, y1, x1, y1], np.float32))[0, 0] > 0.7


def test_colours_are_not_swapped(detector):
    """The network was trained on RGB; a swap costs score."""
    _, right = detector.detect(astronaut())
    _, swapped = detector.detect(astronaut()[..., ::-1])
    assert right[0] > swapped[0]


def test_one_box_per_face(detector):
    xyxy, _ = detector.detect(np.concatenate([astronaut(), astronaut()], axis=1))
    shifted = ASTRONAUT_XYXY + np.array([512, 0, 512, 0], np.float32)
    hits = geometry.iou(np.concatenate([ASTRONAUT_XYXY, shifted]), xyxy) > 0.3
    assert hits.sum(axis=1).tolist() == [1, 1]


def test_decode_empty():
    xyxy, score = decode((np.zeros((1, 4, 4), np.float32), *np.zeros((2, 2, 4, 4), np.float32)), 0.1)
    assert xyxy.shape == (0, 4)
    assert score.shape == (0,)


def test_decode_one_cell():
    heatmap, scale, offset = (maps[0] for maps in blank_maps())
    heatmap[0, 1, 2] = 0.7
    scale[:, 1, 2] = np.log([6, 3])  # height, width
    offset[:, 1, 2] = [0.25, -0.5]
    xyxy, score = decode((heatmap, scale, offset), 0.1)
    # Centre x = (2 - 0.5 + 0.5) * 4 = 8, y = (1 + 0.25 + 0.5) * 4 = 7; sides 12 and 24.
    np.testing.assert_allclose(xyxy, [[2, -5, 14, 19]], rtol=1e-5)
    np.testing.assert_allclose(score, [0.7])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_an_answer_that_is_not_finite_fails(detector, monkeypatch, which, bad):
    maps = blank_maps()
    maps[which][0, 0, 0, 0] = bad
    monkeypatch.setattr(detector, "_session", FakeSession(maps))
    with pytest.raises(DetectionFailed):
        detector.detect(np.zeros((16, 16, 3), np.uint8))


def test_an_infinite_box_fails(detector, monkeypatch):
    maps = blank_maps()
    maps[0][0, 0, 1, 1], maps[1][0, 0, 1, 1] = 0.9, 500.0
    monkeypatch.setattr(detector, "_session", FakeSession(maps))
    with pytest.raises(DetectionFailed):
        detector.detect(np.zeros((16, 16, 3), np.uint8))


def test_too_many_proposals_fail_at_once(detector, monkeypatch):
    maps = blank_maps(400, 400)
    maps[0][:] = 0.9
    monkeypatch.setattr(detector, "_session", FakeSession(maps))
    with pytest.raises(DetectionFailed):
        detector.detect(np.zeros((16, 16, 3), np.uint8))


def test_a_runtime_error_fails_the_picture_only(detector, monkeypatch):
    error = onnxruntime.capi.onnxruntime_pybind11_state.RuntimeException("out of memory")
    monkeypatch.setattr(detector, "_session", FakeSession(error=error))
    with pytest.raises(DetectionFailed):
        detector.detect(np.zeros((16, 16, 3), np.uint8))


def test_self_test_sees_a_blind_network(detector, monkeypatch):
    monkeypatch.setattr(detector, "_session", FakeSession(blank_maps()))
    with pytest.raises(DetectionFailed):
        detector.self_test()


def test_self_test_sees_a_network_that_finds_faces_everywhere(detector, monkeypatch):
    real, maps = detector._session, blank_maps(32, 32)
    maps[0][0, 0, 10, 10] = 0.9

    class Dreamer:
        get_inputs = real.get_inputs

        def run(self, names, feeds):
            return real.run(names, feeds) if feeds["input.1"].any() else maps

    monkeypatch.setattr(detector, "_session", Dreamer())
    with pytest.raises(DetectionFailed):
        detector.self_test()


UPSIDE_DOWN = np.ascontiguousarray(astronaut()[::-1, ::-1])


def test_a_cat_is_ruled_out_at_a_glance(detector, monkeypatch):
    monkeypatch.setattr(CenterFace, "crop_scores", lambda *_: pytest.fail("it was looked at in full"))
    glances = []

    def scores(rgb, xyxy, crop):
        glances.append(len(xyxy))
        return np.zeros(len(xyxy), np.float32)

    monkeypatch.setattr(detector, "glance_scores", scores)
    xyxy, _ = detector.detect(np.ascontiguousarray(chelsea()[::-1, ::-1]))
    assert (len(xyxy), glances) == (0, [2])


def test_glances_change_no_score(detector, monkeypatch):
    quick = detector.detect(UPSIDE_DOWN)
    monkeypatch.setattr(crop_rescoring, "GLANCES", ())
    full = detector.detect(UPSIDE_DOWN)
    assert len(quick[1]) > 0
    for ours, theirs in zip(quick, full, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_weaker_proposals_are_looked_at_only_beside_a_strong_one(detector, monkeypatch):
    boxes = np.repeat(ASTRONAUT_XYXY, 6, axis=0)
    before = np.full(6, 0.2, np.float32)
    seen = []

    def scores(rgb, xyxy, crop):
        seen.append(len(xyxy))
        return np.full(len(xyxy), hope, np.float32)

    monkeypatch.setattr(detector, "glance_scores", scores)
    hope = 0.001
    assert not detector._rescored(astronaut(), boxes, before, 0.5).any()
    assert seen == [crop_rescoring.STRONGEST]
    seen.clear()
    hope = 0.9
    assert detector._rescored(astronaut(), boxes, before, 0.5).all()
    assert seen == [3, 3, 3, 3]


def test_the_mirror_image_is_looked_at_only_where_it_counts(detector, monkeypatch):
    asked = []
    real = detector._middle_scores

    def scores(crops):
        asked.append(len(crops))
        return real(crops)

    monkeypatch.setattr(detector, "_middle_scores", scores)
    boxes = np.repeat(ASTRONAUT_XYXY, 2, axis=0)
    both = detector.crop_scores(astronaut(), boxes)
    one = detector.crop_scores(astronaut(), boxes, lambda looks: np.array([True, False]))
    assert asked == [8, 2, 8, 1]
    assert one[0] == both[0]
    assert one[1] < both[1]


def test_a_box_has_the_same_scores_in_any_company(detector):
    boxes = np.concatenate([ASTRONAUT_XYXY, ASTRONAUT_XYXY + 40, ASTRONAUT_XYXY - 30])
    for crop, _ in crop_rescoring.GLANCES:
        alone = [detector.glance_scores(astronaut(), boxes[[i]], crop)[0] for i in range(3)]
        assert detector.glance_scores(astronaut(), boxes, crop).tolist() == alone
    alone = [detector.crop_scores(astronaut(), boxes[[i]])[0] for i in range(3)]
    assert detector.crop_scores(astronaut(), boxes).tolist() == alone


def test_no_weights():
    with pytest.raises(ConfigError):
        CenterFace(DetectorConfig(), None)


def test_cleaning_changes_no_answer():
    """The published graph runs at the size it was exported with: ten pictures of 32 × 32 px."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    published = onnxruntime.InferenceSession(
        weights.centerface(None, no_reader), options, providers=["CPUExecutionProvider"]
    )
    cleaned = onnxruntime.InferenceSession(
        weights.cleaned(weights.centerface(None, no_reader)), options, providers=["CPUExecutionProvider"]
    )
    blob = np.random.default_rng(0).uniform(0, 255, (10, 3, 32, 32)).astype(np.float32)
    expected = published.run(["537", "538", "539"], {"input.1": blob})
    for left, right in zip(expected, cleaned.run(["537", "538", "539"], {"input.1": blob}), strict=True):
        np.testing.assert_allclose(left, right, atol=1e-4)


def test_cleaned_graph_takes_any_size():
    network = weights.cleaned(weights.centerface(None, no_reader))
    session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
    assert [value.name for value in session.get_inputs()] == ["input.1"]
    shapes = [out.shape for out in session.run(None, {"input.1": np.zeros((2, 3, 64, 96), np.float32)})]
    assert shapes == [(2, 1, 16, 24), (2, 2, 16, 24), (2, 2, 16, 24)]
