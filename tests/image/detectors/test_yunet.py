from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from anonymizer.config import DetectorConfig
from anonymizer.errors import ConfigError, DetectionFailed
from anonymizer.image import geometry
from anonymizer.image.detectors import load_weights, weights
from anonymizer.image.detectors.yunet import YuNet
from tests.image.detectors.conftest import MODELS

FILES: list[Path | None] = [*sorted(MODELS.glob("face_detection_yunet_*.onnx"))] or [None]


@pytest.fixture(params=FILES, ids=lambda path: path.stem if path else "none")
def network(request) -> bytes:
    if request.param is None:
        pytest.skip("no YuNet file at hand")
    data: bytes = request.param.read_bytes()
    return data


def test_astronaut(network):
    xyxy, score = YuNet(DetectorConfig(name="yunet"), network).detect(astronaut())
    assert score[0] > 0.8
    assert geometry.iou(xyxy[:1], [[182, 65, 270, 176]])[0, 0] > 0.7


def test_thin_pictures_give_the_same_answer_every_time(network):
    """On 32 px canvases OpenCV reads memory that nobody wrote; see `_LEAST_CANVAS_PX`."""
    pixels = np.random.default_rng(0).integers(0, 256, (2, 1500, 3), np.uint8)
    answers = set()
    for size in range(1, 9):
        detector = YuNet(DetectorConfig(name="yunet", min_score=0.02), network)
        np.full(size * 400_000, 1e30, np.float32)  # Leaves something in the memory that is used next.
        answers.add(detector.detect(pixels)[0].tobytes())
    assert len(answers) == 1


def test_an_answer_that_is_not_finite_fails(network, monkeypatch):
    class Broken:
        def setInputSize(self, size): ...  # noqa: N802 - OpenCV's names
        def setScoreThreshold(self, score): ...  # noqa: N802
        def detect(self, canvas):
            return 1, np.full((1, 15), np.nan, np.float32)

    detector = YuNet(DetectorConfig(name="yunet"), network)
    monkeypatch.setattr(detector, "_network", Broken())
    with pytest.raises(DetectionFailed):
        detector.detect(np.zeros((40, 40), np.uint8))


def test_an_opencv_error_fails_the_picture_only(network, monkeypatch):
    class Broken:
        def setInputSize(self, size):  # noqa: N802 - OpenCV's name
            raise cv2.error("out of memory")

    detector = YuNet(DetectorConfig(name="yunet"), network)
    monkeypatch.setattr(detector, "_network", Broken())
    with pytest.raises(DetectionFailed):
        detector.detect(np.zeros((40, 40), np.uint8))


def test_without_a_file_the_option_is_named():
    with pytest.raises(ConfigError, match="--weights"):
        load_weights(DetectorConfig(name="yunet"), lambda url: b"")
    with pytest.raises(ConfigError, match="--weights"):
        YuNet(DetectorConfig(name="yunet"), None)


@pytest.mark.parametrize("data", [b"", b"no network"])
def test_a_file_that_is_no_network(data, capfd):
    with pytest.raises(ConfigError, match="--weights"):
        load_weights(DetectorConfig(name="yunet", weights="file"), lambda url: data)


def test_another_network(capfd):
    """CenterFace is a valid network too, but not this one."""
    data = weights.cleaned(weights.centerface(None, lambda url: b""))
    with pytest.raises(ConfigError, match="--weights"):
        load_weights(DetectorConfig(name="yunet", weights="file"), lambda url: data)
