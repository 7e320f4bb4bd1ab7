"""What a picture takes: bytes of memory per pixel that NumPy, OpenCV and Python ask for, the detector left out."""

from __future__ import annotations

import tracemalloc

import cv2
import numpy as np
import pytest

from anonymizer import Anonymizer

SIDE = 1024
FACES = np.array([[100, top, 130, top + 40] for top in range(0, SIDE, 128)], np.float32)


@pytest.mark.parametrize("channels", [3, 4], ids=["rgb", "rgba"])
def test_png_of_16_bit(channels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of noise, which no file holds in less than its samples. infra/docs/running.md has the figures of a photo."""
    samples = np.random.default_rng(0).integers(1, 2**16, (SIDE, SIDE, channels), dtype=np.uint16)
    file = cv2.imencode(".png", samples)[1].tobytes()
    anonymizer = Anonymizer({"detector": {"name": "patch"}})
    monkeypatch.setattr(anonymizer.detector, "detect", lambda _: (FACES, np.ones(len(FACES), np.float32)))
    tracemalloc.start()
    image = anonymizer(file)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert image.redacted_count == len(FACES)
    own = 2 * channels
    # Two of the picture, two of the new file, and a little.
    assert peak / SIDE**2 < 4 * own + 2
