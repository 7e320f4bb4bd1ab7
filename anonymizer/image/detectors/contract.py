"""What every detector promises, and what all of them do alike before and after looking."""

from __future__ import annotations

import math
from typing import Protocol, TypeAlias

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from anonymizer.config import DetectorConfig
from anonymizer.errors import DetectionFailed
from anonymizer.image import geometry
from anonymizer.records import Pixels

Found: TypeAlias = tuple[geometry.FloatBoxes, NDArray[np.float32]]

#: A smaller picture is enlarged until its longer side has so many pixels: no network here sees faces that are only
#: a few pixels high, and thumbnails are often nothing but a face.
LEAST_SIDE_PX = 128


#: What is not set, for detectors whose scores are plain: measured on photographs of crowds (recall against false
#: alarms). Centerface has presets.
MIN_SCORES = {"yunet": 0.3}
MIN_SCORE = 0.1
SCALE = 0.75
MAX_AREA_PX = 2_560_000

#: A face this high in working pixels is found about as surely as a larger one.
WORK_FACE_PX = 15.0

#: Steps of a pixel and of one in which boxes and scores are given: another processor's last bits do not show.
BOX_STEPS = 8
SCORE_STEPS = 1024

#: Networks round sides up to a multiple of this: a picture one pixel wide costs as much as one of 32.
CANVAS_PX = 32


class Detector(Protocol):
    """Finds faces in one upright picture. Not safe for use by several threads at once.

    Attributes:
        name: Key in `DETECTORS`.
        sha256: Of the weights, in hex; of the name where there are none.
        output_revision: Raised by hand whenever the boxes change, be it by other views of a frame, so that photos are
            done again.
    """

    name: str
    sha256: str
    output_revision: int

    def detect(self, pixels: Pixels) -> Found:
        """Faces, strongest first.

        Args:
            pixels: (H, W) gray or (H, W, 3) RGB, uint8, upright; it is not modified.

        Returns:
            (N, 4) float32 `xyxy` in pixels of the picture, clipped to it and never empty, and (N,) float32 scores in
            (0, 1], none below the configured one. Boxes are whole eighths of a pixel, scores whole 1024ths.

        Raises:
            DetectionFailed: There is no usable answer, which is not the same as no face.
        """
        ...

    def self_test(self) -> None:
        """Looks at a picture whose answer is known; the settings of the run play no part.

        Raises:
            DetectionFailed: The answer is wrong: a broken runtime or wrong weights.
        """
        ...


def as_rgb(pixels: Pixels) -> Pixels:
    """(H, W, 3) contiguous RGB; gray is expanded.

    Raises:
        DetectionFailed: There is no pixel, or the array is no picture.
    """
    _check(pixels)
    contiguous = np.ascontiguousarray(pixels)
    return cv2.cvtColor(contiguous, cv2.COLOR_GRAY2RGB).astype(np.uint8, copy=False) if pixels.ndim == 2 else contiguous


def as_gray(pixels: Pixels) -> Pixels:
    """(H, W) contiguous luma (ITU-R BT.601).

    Raises:
        DetectionFailed: There is no pixel, or the array is no picture.
    """
    _check(pixels)
    contiguous = np.ascontiguousarray(pixels)
    return cv2.cvtColor(contiguous, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False) if pixels.ndim == 3 else contiguous


def least_score(config: DetectorConfig) -> float:
    """The configured least score, or the detector's own default."""
    return MIN_SCORES.get(config.name, MIN_SCORE) if config.min_score is None else config.min_score


def working_size(pixels: Pixels, config: DetectorConfig) -> tuple[int, int]:
    """(width, height) in pixels at which faces are looked for: `scale`, but neither tiny nor above `max_area_px`.

    An area, not a side, is the limit: it is what memory and time depend on, and a long panorama keeps its faces.
    """
    height, width = pixels.shape[:2]
    scale, most = config.scale, config.max_area_px or MAX_AREA_PX
    if scale is None:
        scale = SCALE if config.min_face_px is None else WORK_FACE_PX / config.min_face_px
    share = min(max(scale, LEAST_SIDE_PX / max(width, height)), area_share(width, height, most))
    return max(1, round(width * share)), max(1, round(height * share))


def area_share(width: int, height: int, most_px: int) -> float:
    """The greatest working pixels per pixel at which a picture has no more than `most_px` of them."""
    return min(math.sqrt(most_px / (width * height)), most_px / (max(width, height) * CANVAS_PX))


def result(xyxy: ArrayLike, score: ArrayLike, pixels: Pixels, min_score: float) -> Found:
    """Boxes in the form that `Detector.detect` promises.

    Args:
        xyxy: (N, 4) boxes in pixels of the picture, not clipped.
        score: (N,) scores.
        pixels: The picture.
        min_score: Boxes whose rounded score is below this one are left out.

    Raises:
        DetectionFailed: A number is not finite.
    """
    height, width = pixels.shape[:2]
    scores = np.asarray(score, dtype=np.float32).reshape(-1)
    given = geometry.as_boxes(xyxy)
    if not (np.isfinite(given).all() and np.isfinite(scores).all()):
        raise DetectionFailed("the boxes are not finite")
    boxes, scores = geometry.clip(stepped(given, BOX_STEPS), width, height), stepped(scores, SCORE_STEPS)
    keep = (scores >= min_score) & (scores > 0) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    boxes, scores = boxes[keep], np.minimum(scores[keep], np.float32(1))
    order = np.argsort(-scores, kind="stable")
    return boxes[order], scores[order]


def stepped(values: NDArray[np.float32], steps: int) -> NDArray[np.float32]:
    """Rounded to whole steps of one, a power of two. What is too large to have such stays what it is."""
    return np.asarray(np.rint(values.astype(np.float64) * steps) / steps, dtype=np.float32)


def _check(pixels: Pixels) -> None:
    rgb = pixels.ndim == 3 and pixels.shape[2] == 3
    if pixels.size == 0 or pixels.dtype != np.uint8 or not (rgb or pixels.ndim == 2):
        raise DetectionFailed("neither gray nor RGB")
