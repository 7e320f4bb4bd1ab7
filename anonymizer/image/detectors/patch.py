"""Detect solid patches of one colour: a stand-in for tests, with exact boxes and without a network."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np

from anonymizer.config import DetectorConfig
from anonymizer.errors import DetectionFailed
from anonymizer.image.detectors.contract import Found, as_gray, as_rgb, least_score, result
from anonymizer.records import Pixels

#: #ff0080.
PATCH_RGB = (255, 0, 128)

#: The same colour in a gray picture (ITU-R BT.601: 0.299 · 255 + 0.114 · 128).
PATCH_LUMA = 91

#: JPEG changes colours. The tolerance for gray is smaller: JPEG changes gray less, and this gray is common in photos.
_RGB_TOLERANCE = 24
_LUMA_TOLERANCE = 8

_LEAST_SIDE_PX = 4


class Patch:
    """Every connected patch of #ff0080 (in gray pictures: of luma 91) of at least 4 × 4 px is a face of score 1."""

    name = "patch"
    sha256 = hashlib.sha256(name.encode()).hexdigest()
    output_revision = 4

    def __init__(self, config: DetectorConfig, _weights: bytes | None = None) -> None:
        self._config = config

    def detect(self, pixels: Pixels) -> Found:
        return self._detect(pixels, least_score(self._config))

    def self_test(self) -> None:
        canvas = np.zeros((16, 16, 3), np.uint8)
        nothing, _ = self._detect(canvas, 0.0)
        canvas[3:9, 5:12] = PATCH_RGB
        found, _ = self._detect(canvas, 0.0)
        if len(nothing) or found.tolist() != [[5, 3, 12, 9]]:
            raise DetectionFailed("the drawn patch was not found")

    def _detect(self, pixels: Pixels, min_score: float) -> Found:
        if pixels.ndim == 2:
            distance = np.abs(as_gray(pixels).astype(np.int16) - PATCH_LUMA)
            hit = np.asarray(distance <= _LUMA_TOLERANCE)
        else:
            distance = np.abs(as_rgb(pixels).astype(np.int16) - np.array(PATCH_RGB, np.int16))
            hit = np.asarray((distance <= _RGB_TOLERANCE).all(axis=2))
        _, _, stats, _ = cv2.connectedComponentsWithStats(hit.astype(np.uint8), connectivity=8)
        xywh = stats[1:, :4]  # The first component is the background.
        xywh = xywh[(xywh[:, 2:] >= _LEAST_SIDE_PX).all(axis=1)]
        xyxy = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)
        return result(xyxy, np.ones(len(xyxy), np.float32), pixels, min_score)
