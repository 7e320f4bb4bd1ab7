from __future__ import annotations

import hashlib
from pathlib import Path

import cv2.data
import numpy as np
import pytest
from skimage.data import astronaut

from anonymizer.config import DetectorConfig
from anonymizer.errors import ConfigError, DetectionFailed
from anonymizer.image import geometry
from anonymizer.image.detectors.haar import Haar


def test_astronaut():
    xyxy, score = Haar(DetectorConfig(name="haar")).detect(astronaut())
    # The cascade's box is a square around the middle of the face.
    assert geometry.iou(xyxy[:1], [[175, 65, 272, 162]])[0, 0] > 0.8
    assert 5 / 6 <= score[0] < 1


def test_sha256_is_that_of_the_cascade():
    path = Path(cv2.data.haarcascades) / "haarcascade_frontalface_default.xml"
    assert Haar(DetectorConfig(name="haar")).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_missing_cascade_names_the_remedy(monkeypatch, tmp_path):
    monkeypatch.setattr(cv2.data, "haarcascades", str(tmp_path))
    with pytest.raises(ConfigError, match="opencv-python-headless"):
        Haar(DetectorConfig(name="haar"))


def test_self_test_sees_a_blind_cascade(monkeypatch):
    class Blind:
        def detectMultiScale2(self, *_, **__):  # noqa: N802 - OpenCV's name
            return (), ()

    detector = Haar(DetectorConfig(name="haar"))
    monkeypatch.setattr(detector, "_cascade", Blind())
    with pytest.raises(DetectionFailed):
        detector.self_test()


def test_scale_is_not_for_it():
    pixels = astronaut()
    small, native = (Haar(DetectorConfig(name="haar", scale=scale)).detect(pixels) for scale in (0.1, 1.0))
    np.testing.assert_array_equal(small[0], native[0])
