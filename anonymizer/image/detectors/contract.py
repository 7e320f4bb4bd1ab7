"""Define the interface of detectors, and the pre- and postprocessing that they share."""

from __future__ import annotations

import math
from typing import Protocol, TypeAlias, runtime_checkable

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from anonymizer.config import DetectorConfig
from anonymizer.errors import DetectionFailed
from anonymizer.image import geometry
from anonymizer.records import Pixels

Found: TypeAlias = tuple[geometry.FloatBoxes, NDArray[np.float32]]

#: Smaller pictures are enlarged until their longer side has this many pixels: the networks do not detect faces of a
#: few pixels, and a thumbnail may show nothing but a face.
LEAST_SIDE_PX = 128


#: Defaults of detectors with uncalibrated scores, chosen from recall and false positives on photographs of crowds.
#: Centerface has presets instead.
MIN_SCORES = {"yunet": 0.3}
MIN_SCORE = 0.1
SCALE = 0.75
MAX_AREA_PX = 2_560_000

#: Faces of at least this height in network input pixels are found about as reliably as larger ones.
WORK_FACE_PX = 15.0

#: Boxes are rounded to 1/8 pixel and scores to 1/1024, so that results do not depend on the processor's last bits.
BOX_STEPS = 8
SCORE_STEPS = 1024

#: The networks' input sides are multiples of this: a picture one pixel wide costs as much as one of 32.
CANVAS_PX = 32


class Detector(Protocol):
    """Finds faces in one upright picture. Not thread-safe.

    Attributes:
        name: The key in `DETECTORS`.
        sha256: SHA-256 of the weights, in hex; of the name if there are none.
        output_revision: Increased by hand whenever the boxes change (also by a change in `image.views`), so that photos
            are processed again.
    """

    name: str
    sha256: str
    output_revision: int

    def detect(self, pixels: Pixels) -> Found:
        """Detects faces.

        Args:
            pixels: (H, W) gray or (H, W, 3) RGB, uint8, upright; it is not modified.

        Returns:
            (N, 4) float32 `xyxy` in pixels of the picture, clipped to it and never empty, and (N,) float32 scores in
            (0, 1], none below the configured threshold, highest first. Boxes are multiples of 1/8 pixel, scores of
            1/1024.

        Raises:
            DetectionFailed: The detector returned no usable result, which is not the same as no face.
        """
        ...

    def self_test(self) -> None:
        """Runs the detector on a picture with a known answer, with default settings.

        Raises:
            DetectionFailed: The answer is wrong, because of a broken runtime or wrong weights.
        """
        ...


@runtime_checkable
class FromReduced(Detector, Protocol):
    """A detector that shrinks large pictures and so needs not be given them at full size."""

    def reduction(self, width: int, height: int) -> int:
        """How many times smaller a picture may be given to `detect` without the network's input becoming coarser.

        Args:
            width: Width of the whole picture in pixels.
            height: Height of the whole picture in pixels.

        Returns:
            1, 2 or 4.
        """
        ...


def reduction(detector: Detector, width: int, height: int) -> int:
    """The same of any detector: 1 unless it says otherwise."""
    return detector.reduction(width, height) if isinstance(detector, FromReduced) else 1


def as_rgb(pixels: Pixels) -> Pixels:
    """(H, W, 3) contiguous RGB; gray is expanded.

    Raises:
        DetectionFailed: The array is empty or not a gray or RGB picture.
    """
    _check(pixels)
    contiguous = np.ascontiguousarray(pixels)
    return cv2.cvtColor(contiguous, cv2.COLOR_GRAY2RGB).astype(np.uint8, copy=False) if pixels.ndim == 2 else contiguous


def as_gray(pixels: Pixels) -> Pixels:
    """(H, W) contiguous luma (ITU-R BT.601).

    Raises:
        DetectionFailed: The array is empty or not a gray or RGB picture.
    """
    _check(pixels)
    contiguous = np.ascontiguousarray(pixels)
    return cv2.cvtColor(contiguous, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False) if pixels.ndim == 3 else contiguous


def least_score(config: DetectorConfig) -> float:
    """The configured score threshold, or the detector's default."""
    return MIN_SCORES.get(config.name, MIN_SCORE) if config.min_score is None else config.min_score


def working_size(pixels: Pixels, config: DetectorConfig) -> tuple[int, int]:
    """(width, height) of the detector's input in pixels: the picture times `scale`, at most `max_area_px` in area.

    The limit is an area, because memory and time depend on it; a limit on the longer side would make the faces of a
    panorama too small.
    """
    height, width = pixels.shape[:2]
    scale, most = config.scale, config.max_area_px or MAX_AREA_PX
    if scale is None:
        scale = SCALE if config.min_face_px is None else WORK_FACE_PX / config.min_face_px
    share = min(max(scale, LEAST_SIDE_PX / max(width, height)), area_share(width, height, most))
    return max(1, round(width * share)), max(1, round(height * share))


def area_share(width: int, height: int, most_px: int) -> float:
    """The largest scale at which the network's input has at most `most_px` pixels."""
    return min(math.sqrt(most_px / (width * height)), most_px / (max(width, height) * CANVAS_PX))


def result(xyxy: ArrayLike, score: ArrayLike, pixels: Pixels, min_score: float) -> Found:
    """Clips, rounds, filters and sorts boxes as `Detector.detect` specifies.

    Args:
        xyxy: (N, 4) boxes in pixels of the picture, not clipped.
        score: (N,) scores.
        pixels: The picture.
        min_score: Boxes with a lower score (after rounding) are dropped.

    Raises:
        DetectionFailed: A number is not finite.
    """
    height, width = pixels.shape[:2]
    scores = np.asarray(score, dtype=np.float32).reshape(-1)
    given = geometry.as_boxes(xyxy)
    if not (np.isfinite(given).all() and np.isfinite(scores).all()):
        raise DetectionFailed("the boxes are not finite")
    boxes, scores = (
        geometry.clip(rounded_to_steps(given, BOX_STEPS), width, height),
        rounded_to_steps(scores, SCORE_STEPS),
    )
    keep = (scores >= min_score) & (scores > 0) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    boxes, scores = boxes[keep], np.minimum(scores[keep], np.float32(1))
    order = np.argsort(-scores, kind="stable")
    return boxes[order], scores[order]


def rounded_to_steps(values: NDArray[np.float32], steps: int) -> NDArray[np.float32]:
    """Rounds to multiples of 1/steps; `steps` is a power of two. Values too large for such a fraction do not change."""
    return np.asarray(np.rint(values.astype(np.float64) * steps) / steps, dtype=np.float32)


def _check(pixels: Pixels) -> None:
    rgb = pixels.ndim == 3 and pixels.shape[2] == 3
    if pixels.size == 0 or pixels.dtype != np.uint8 or not (rgb or pixels.ndim == 2):
        raise DetectionFailed("neither gray nor RGB")
