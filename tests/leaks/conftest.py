"""Fixtures for tests with real photographs: the job with the default detector, and a second, independent detector."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from anonymizer import Anonymizer
from anonymizer.config import DetectorConfig
from anonymizer.image.detectors import make
from anonymizer.records import Pixels


@pytest.fixture(scope="module")
def anonymizer() -> Anonymizer:
    """The job with `solid`, so that a redacted face cannot be mistaken for a visible one."""
    return Anonymizer({"redaction": {"method": "solid"}})


@pytest.fixture(scope="module")
def haar() -> Callable[[Pixels], int]:
    """Counts the faces that OpenCV's Haar cascade finds; it is not the detector that decides what is redacted."""
    detector = make(DetectorConfig(name="haar"), None)
    return lambda pixels: len(detector.detect(np.ascontiguousarray(pixels))[0])
