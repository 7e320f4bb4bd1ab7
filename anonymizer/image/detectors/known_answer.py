"""Test a detector on a drawn face at a known place before its worker publishes anything.

A wrong numeric library, damaged weights or a broken build of the runtime raise no error: the detector finds nothing,
and photos would be published with visible faces.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from anonymizer.errors import DetectionFailed
from anonymizer.image import geometry
from anonymizer.image.detectors.contract import Found
from anonymizer.records import Pixels

#: Side of the drawn picture. All detectors score the face high at this size (CenterFace 0.85, YuNet 0.9).
SIDE_PX = 160

#: The box of the drawn face from forehead to chin, `xyxy`.
FACE_XYXY = np.array([[50, 38, 110, 116]], dtype=np.float32)

_LEAST_IOU = 0.5
_SHIFT = 3  # OpenCV draws in eighths of a pixel.

_WALL = (120, 140, 150)
_COAT = (60, 70, 110)
_HAIR = (60, 40, 30)
_SKIN = (224, 172, 138)
_SHADE = (190, 146, 117)
_NOSTRIL = (134, 103, 82)
_WHITE = (245, 245, 245)
_IRIS = (50, 35, 25)
_LIPS = (170, 80, 80)
_MOUTH = (110, 40, 40)


def portrait() -> Pixels:
    """(160, 160, 3) RGB: a cartoon of a head and shoulders."""
    canvas = np.full((SIDE_PX, SIDE_PX, 3), _WALL, np.uint8)
    _oval(canvas, (80, 160), (60, 45), _COAT)
    cv2.rectangle(canvas, (69, 102), (91, 130), _SHADE, -1)
    _oval(canvas, (80, 70), (36, 46), _HAIR)
    _oval(canvas, (80, 77.5), (30, 39), _SKIN)
    for x in (67.0, 93.0):
        _oval(canvas, (x, 70), (8, 5.5), _SHADE)
        _oval(canvas, (x, 70.5), (6, 3), _WHITE)
        _oval(canvas, (x, 70.5), (3, 3), _IRIS)
        _oval(canvas, (x, 61.5), (8.5, 2), _HAIR)
    _oval(canvas, (77, 79), (1.5, 8), _SHADE)
    _oval(canvas, (80, 88.5), (6.5, 2), _NOSTRIL)
    _oval(canvas, (80, 100), (12, 4), _LIPS)
    cv2.line(canvas, (69, 100), (91, 100), _MOUTH, 1, cv2.LINE_AA)
    return cv2.GaussianBlur(canvas, (0, 0), 1.0).astype(np.uint8, copy=False)


def check(detect: Callable[[Pixels], Found], least_score: float) -> None:
    """Checks that a detector finds the drawn face and finds nothing in a black picture.

    Args:
        detect: A detector with its default settings.
        least_score: Minimum score of the drawn face with a working detector.

    Raises:
        DetectionFailed: The highest-scoring box is missing, too low in score or misplaced, or a face was found in the
            black picture.
    """
    xyxy, score = detect(portrait())
    if len(score) == 0 or score[0] < least_score or geometry.iou(xyxy[:1], FACE_XYXY)[0, 0] < _LEAST_IOU:
        raise DetectionFailed("the drawn face was not found")
    if len(detect(np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8))[1]):
        raise DetectionFailed("a face was found in a black picture")


def _oval(
    canvas: Pixels, centre: tuple[float, float], half_axes: tuple[float, float], colour: tuple[int, int, int]
) -> None:
    """Draws a filled ellipse on the canvas. All lengths in pixels."""
    cx, cy, rx, ry = (round(v * 2**_SHIFT) for v in (*centre, *half_axes))
    cv2.ellipse(canvas, (cx, cy), (rx, ry), 0, 0, 360, colour, -1, cv2.LINE_AA, _SHIFT)
