"""The detectors under test, made once; and pictures with a face whose place is known."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anonymizer.config import DetectorConfig
from anonymizer.image.detectors import Detector, Weights, known_answer, load_weights, make
from anonymizer.image.detectors.patch import PATCH_RGB
from anonymizer.records import Pixels

MODELS = Path(__file__).parents[3].parent / "shared" / "models"

Make = Callable[..., Detector]


@cache
def _weights(name: str) -> Weights:
    return load_weights(_config(name), lambda url: Path(url).read_bytes())


def _config(name: str, **settings: Any) -> DetectorConfig:
    if name.startswith("yunet"):
        url = MODELS / f"face_detection_{name}.onnx"
        if not url.exists():
            pytest.skip("no YuNet file at hand")
        return DetectorConfig(name="yunet", weights=str(url), **settings)
    return DetectorConfig(name=name, **settings)


@pytest.fixture(params=["centerface", "haar", "patch", "yunet_2023mar", "yunet_2026may"])
def detector_name(request) -> str:
    name: str = request.param
    _config(name)
    return name


@pytest.fixture
def make_detector(detector_name: str) -> Make:
    """Makes the detector under test with other settings."""

    def made(**settings: Any) -> Detector:
        return make(_config(detector_name, **settings), _weights(detector_name))

    return made


@pytest.fixture
def detector(make_detector: Make) -> Detector:
    return make_detector()


def scene(x: int = 150, y: int = 60, width: int = 401, height: int = 283) -> tuple[Pixels, np.ndarray]:
    """A wall with the drawn portrait at (x, y), and the box of its face."""
    canvas = np.full((height, width, 3), (120, 140, 150), np.uint8)
    portrait = known_answer.portrait()
    canvas[y : y + len(portrait), x : x + len(portrait)] = portrait[: height - y, : width - x]
    return canvas, known_answer.FACE_XYXY + np.array([x, y, x, y], np.float32)


@pytest.fixture
def face(detector_name) -> tuple[Pixels, np.ndarray]:
    """An RGB picture with one face, and its box."""
    pixels, box = scene()
    if detector_name == "patch":
        x1, y1, x2, y2 = box[0].astype(int)
        pixels[y1:y2, x1:x2] = PATCH_RGB
    return pixels, box
