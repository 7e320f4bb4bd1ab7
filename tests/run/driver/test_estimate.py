import math

import pytest

from anonymizer.run.driver.estimate import scaled


def test_time_goes_with_bytes():
    hours, apart = scaled([1.0, 2.0, 3.0], [10, 20, 30], 1000, 36_000)
    assert hours == pytest.approx(1.0)
    assert apart == pytest.approx(0.0)
    assert scaled([2.0], [10], 10, 100)[1] == math.inf
    assert scaled([1.0, 9.0], [10, 20], 2, 30) == pytest.approx((10 / 3600, 0.0))
