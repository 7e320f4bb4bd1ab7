"""Intervals of paired differences."""

from __future__ import annotations

import math

import pytest

from anonymizer.lab.utility.paired import paired


def test_a_single_difference_has_no_interval() -> None:
    found = paired([1.5], 0.2)
    assert found.mean == 1.5
    assert math.isnan(found.half_width)
    assert math.isnan(found.corrected_half_width)


def test_is_student_s_t() -> None:
    # Mean 2, standard deviation 1, three values: t(0.975, 2) = 4.302653.
    found = paired([1.0, 2.0, 3.0], 0.2)
    assert found.mean == 2.0
    assert found.half_width == pytest.approx(4.302653 / math.sqrt(3), rel=1e-5)
    assert found.corrected_half_width == pytest.approx(4.302653 * math.sqrt(1 / 3 + 0.25), rel=1e-5)


def test_alike_differences_are_certain() -> None:
    assert paired([0.5] * 5, 0.2).half_width == 0.0
