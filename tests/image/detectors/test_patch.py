from __future__ import annotations

import cv2
import numpy as np
import pytest

from anonymizer.config import DetectorConfig
from anonymizer.image import geometry
from anonymizer.image.detectors.patch import PATCH_LUMA, PATCH_RGB, Patch

DETECTOR = Patch(DetectorConfig(name="patch"))

CASES = [
    ([], []),
    ([(0, 0, 3, 10)], []),
    ([(0, 0, 4, 4)], [(0, 0, 4, 4)]),
    ([(0, 0, 64, 48)], [(0, 0, 64, 48)]),
    ([(60, 40, 64, 48)], [(60, 40, 64, 48)]),
    ([(2, 3, 12, 9), (30, 3, 40, 30)], [(2, 3, 12, 9), (30, 3, 40, 30)]),
    ([(2, 2, 10, 10), (8, 8, 20, 20)], [(2, 2, 20, 20)]),
]


@pytest.mark.parametrize(("drawn", "expected"), CASES)
@pytest.mark.parametrize("gray", [False, True])
def test_exact_boxes(drawn, expected, gray):
    pixels = np.full((48, 64) if gray else (48, 64, 3), 200, np.uint8)
    for x1, y1, x2, y2 in drawn:
        pixels[y1:y2, x1:x2] = PATCH_LUMA if gray else PATCH_RGB
    xyxy, score = DETECTOR.detect(pixels)
    assert sorted(map(tuple, xyxy.tolist())) == expected
    assert score.tolist() == [1.0] * len(expected)


@pytest.mark.parametrize("quality", [60, 75, 95])
@pytest.mark.parametrize("gray", [False, True])
def test_survives_jpeg(quality, gray):
    pixels = np.full((96, 128, 3), 200, np.uint8)
    pixels[21:67, 37:90] = PATCH_RGB
    source = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY if gray else cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", source, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE if gray else cv2.IMREAD_COLOR_RGB)
    assert decoded is not None
    xyxy, _ = DETECTOR.detect(decoded.astype(np.uint8))
    assert len(xyxy) == 1
    assert geometry.iou(xyxy, [[37, 21, 90, 67]])[0, 0] > 0.85


def test_the_luma_is_that_of_the_colour():
    assert cv2.cvtColor(np.array([[PATCH_RGB]], np.uint8), cv2.COLOR_RGB2GRAY)[0, 0] == PATCH_LUMA
