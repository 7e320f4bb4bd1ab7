"""YuNet: OpenCV's small face detection network, with a weights file that the user provides.

Wu, Peng, Yu: YuNet: A Tiny Millisecond-level Face Detector (2023).
"""

from __future__ import annotations

import hashlib
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymizer.config import DetectorConfig
from anonymizer.errors import ConfigError, DetectionFailed
from anonymizer.image import geometry
from anonymizer.image.detectors import known_answer
from anonymizer.image.detectors.contract import SCORE_STEPS, Found, as_rgb, least_score, result, working_size
from anonymizer.records import Pixels

_IOU_LIMIT = 0.3
_MOST_PROPOSALS = 20_000
_SCORE_COLUMN = 14

#: With an input side of 32 px, the next smaller one that `FaceDetectorYN` uses, OpenCV 4.14 reads uninitialized memory
#: and returns random boxes, some of them infinite.
_LEAST_CANVAS_PX = 64


class YuNet:
    """`cv2.FaceDetectorYN` on one CPU thread. Its scores are higher than CenterFace's: 0.3 is a low one."""

    name = "yunet"
    output_revision = 4

    def __init__(self, config: DetectorConfig, weights: bytes | None) -> None:
        if weights is None:
            raise ConfigError("the detector yunet needs its network file: give it with --weights")
        self.sha256 = hashlib.sha256(weights).hexdigest()
        self._config = config
        buffer, nothing = np.frombuffer(weights, dtype=np.uint8), np.empty(0, dtype=np.uint8)
        try:
            self._network = cv2.FaceDetectorYN.create(
                "onnx", buffer, nothing, (32, 32), nms_threshold=_IOU_LIMIT, top_k=_MOST_PROPOSALS
            )
        except cv2.error:
            raise ConfigError("--weights: the file is no network that OpenCV reads") from None

    def detect(self, pixels: Pixels) -> Found:
        return self._detect(pixels, self._config)

    def self_test(self) -> None:
        known_answer.check(lambda pixels: self._detect(pixels, DetectorConfig(name="yunet")), least_score=0.5)

    def _detect(self, pixels: Pixels, config: DetectorConfig) -> Found:
        rgb = as_rgb(pixels)
        width, height = working_size(rgb, config)
        canvas = _canvas(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_LINEAR))
        try:
            self._network.setInputSize((canvas.shape[1], canvas.shape[0]))
            # One step lower: scores that are rounded up to the threshold count too.
            self._network.setScoreThreshold(max(0.0, least_score(config) - 1 / SCORE_STEPS))
            _, faces = self._network.detect(canvas)
        except cv2.error:
            raise DetectionFailed("the network could not be run") from None
        rows = np.empty((0, _SCORE_COLUMN + 1), np.float32) if faces is None else faces
        stretch = np.array([rgb.shape[1] / width, rgb.shape[0] / height] * 2, dtype=np.float32)
        xyxy = geometry.xywh_to_xyxy(rows[:, :4]) * stretch
        return result(xyxy, rows[:, _SCORE_COLUMN], rgb, least_score(config))


def _canvas(rgb: NDArray[Any]) -> NDArray[Any]:
    """BGR, padded with black on the right and below if the picture is too small for the network."""
    below, right = (max(0, _LEAST_CANVAS_PX - side) for side in rgb.shape[:2])
    return cv2.copyMakeBorder(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), 0, below, 0, right, cv2.BORDER_CONSTANT)
