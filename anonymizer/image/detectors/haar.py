"""OpenCV's Haar cascade: a widely known baseline that finds only larger frontal faces.

Viola, Jones: Rapid Object Detection using a Boosted Cascade of Simple Features (2001).
"""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import cv2
import cv2.data
import numpy as np

from anonymizer.config import DetectorConfig
from anonymizer.errors import ConfigError
from anonymizer.image import geometry
from anonymizer.image.detectors import known_answer
from anonymizer.image.detectors.contract import Found, as_gray, least_score, result, working_size
from anonymizer.records import Pixels

_FILE = "haarcascade_frontalface_default.xml"
_SCALE_FACTOR = 1.1
_MIN_NEIGHBORS = 5


class Haar:
    """OpenCV's frontal face cascade on gray, at native size up to `max_area_px`; `scale` is ignored.

    A cascade has no scores. To rank boxes, a face on which n windows agreed gets the score n / (n + 1); n is at least
    5.
    """

    name = "haar"
    output_revision = 4

    def __init__(self, config: DetectorConfig, _weights: bytes | None = None) -> None:
        path = Path(cv2.data.haarcascades) / _FILE
        try:
            self.sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError:
            raise ConfigError(f"{_FILE} is missing: install opencv-python-headless>=4.13,<5") from None
        self._config = config
        self._cascade = cv2.CascadeClassifier(str(path))

    def detect(self, pixels: Pixels) -> Found:
        return self._detect(pixels, self._config)

    def self_test(self) -> None:
        known_answer.check(lambda pixels: self._detect(pixels, DetectorConfig(name="haar")), least_score=0.8)

    def _detect(self, pixels: Pixels, config: DetectorConfig) -> Found:
        gray = as_gray(pixels)
        width, height = working_size(gray, dataclasses.replace(config, scale=1.0))
        resized = cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA)
        xywh, neighbours = self._cascade.detectMultiScale2(
            resized, scaleFactor=_SCALE_FACTOR, minNeighbors=_MIN_NEIGHBORS
        )
        votes = np.asarray(neighbours, dtype=np.float32).reshape(-1)
        stretch = np.array([gray.shape[1] / width, gray.shape[0] / height] * 2, dtype=np.float32)
        return result(geometry.xywh_to_xyxy(xywh) * stretch, votes / (votes + 1), gray, least_score(config))
