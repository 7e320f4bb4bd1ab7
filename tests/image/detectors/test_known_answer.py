from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from anonymizer.errors import DetectionFailed
from anonymizer.image.detectors import Found, known_answer
from anonymizer.records import Pixels

NOTHING = (np.zeros((0, 4), np.float32), np.zeros(0, np.float32))
THERE = (known_answer.FACE_XYXY, np.array([0.9], np.float32))
ELSEWHERE = (known_answer.FACE_XYXY + 60, np.array([0.9], np.float32))
WEAK = (known_answer.FACE_XYXY, np.array([0.4], np.float32))


def answers(portrait: Found, black: Found) -> Callable[[Pixels], Found]:
    return lambda pixels: portrait if pixels.any() else black


@pytest.mark.parametrize(
    ("portrait", "black"), [(NOTHING, NOTHING), (ELSEWHERE, NOTHING), (WEAK, NOTHING), (THERE, WEAK)]
)
def test_wrong_answers(portrait, black):
    with pytest.raises(DetectionFailed):
        known_answer.check(answers(portrait, black), 0.5)


def test_right_answer():
    known_answer.check(answers(THERE, NOTHING), 0.5)


def test_the_portrait_is_always_the_same():
    first, second = known_answer.portrait(), known_answer.portrait()
    assert first.shape == (160, 160, 3)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, second)
