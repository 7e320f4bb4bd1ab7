from __future__ import annotations

import cv2
import numpy as np
import pytest

from anonymizer.config import RedactionConfig
from anonymizer.image.geometry import head_mask
from anonymizer.image.redactors.gaussian import Gaussian
from anonymizer.records import Pixels


def scene(size: int) -> Pixels:
    """The same picture at any size."""
    coarse = np.random.default_rng(1).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_NEAREST), dtype=np.uint8)


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
@pytest.mark.parametrize("factor", [2, 5])
def test_strength_scales_with_the_face(share, factor):
    """A picture twice as large gives the same result, twice as large: a fixed radius would not."""
    box = np.array([[48, 36, 132, 144]], np.int32)
    redactor = Gaussian(RedactionConfig(sigma=share))
    small = redactor.redact(scene(192), box)
    large = redactor.redact(scene(192 * factor), box * factor)
    reduced = cv2.resize(large, (192, 192), interpolation=cv2.INTER_AREA).astype(float)
    inside = head_mask(np.array([[52, 40, 128, 140]], np.int32), 192, 192)
    assert np.abs(reduced - small)[inside].max() < 4


@pytest.mark.parametrize("share", [0.1, 0.25])
def test_is_near_a_full_gaussian_blur(share):
    """Working on a reduced copy costs no accuracy that an eye could see."""
    pixels, box = scene(240), np.array([[60, 60, 160, 180]], np.int32)
    exact = cv2.GaussianBlur(pixels, (0, 0), share * 120, borderType=cv2.BORDER_REPLICATE).astype(float)
    mask = head_mask(box, 240, 240)
    redacted = Gaussian(RedactionConfig(sigma=share)).redact(pixels, box).astype(float)
    assert np.abs(redacted - exact)[mask].max() < 5


def test_the_strength_is_that_of_the_longer_side():
    pixels = scene(240)
    weak, strong = (
        Gaussian(RedactionConfig(sigma=share)).redact(pixels, np.array([[60, 60, 100, 180]], np.int32))
        for share in (0.1, 0.4)
    )
    mask = head_mask(np.array([[60, 60, 100, 180]], np.int32), 240, 240)
    assert strong[mask].std(axis=0).sum() < weak[mask].std(axis=0).sum()
