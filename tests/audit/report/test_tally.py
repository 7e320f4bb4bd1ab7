"""Counters that stay small."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer.audit.report.charts import ranges
from anonymizer.audit.report.tally import TIMELINE_BINS, Histogram, Timeline
from anonymizer.audit.report.units import duration_text, percent, rate_text


@pytest.mark.parametrize(
    ("values", "counts"),
    [([], [0, 0, 0]), ([0], [1, 0, 0]), ([1, 4.99, 5, 1e9], [0, 2, 2]), ([-3], [1, 0, 0])],
)
def test_a_range_holds_its_edge_and_the_last_one_is_open(values, counts):
    histogram = Histogram((0, 1, 5))
    histogram.add(np.asarray(values, np.float64))
    assert histogram.counts.tolist() == counts


def test_the_names_of_ranges_are_whole_numbers():
    assert ranges((0, 1, 2, 5, 10)) == ["0", "1", "2–4", "5–9", "10+"]


def test_a_quantile_is_the_upper_edge_of_its_range():
    histogram = Histogram((0, 10, 20, 30))
    assert histogram.quantile(0.5) is None
    histogram.add(np.asarray([5, 5, 5, 25]))
    assert (histogram.quantile(0.5), histogram.quantile(0.99)) == (10, 30)


@given(st.lists(st.lists(st.integers(0, 2**33), max_size=20), max_size=5))
def test_a_timeline_loses_nothing_and_stays_short(batches):
    line = Timeline()
    for batch in batches:
        line.add(np.asarray(batch, np.int64))
    times = [time for batch in batches for time in batch]
    assert line.total == len(times)
    assert len(line.counts) <= TIMELINE_BINS
    assert sum(line.counts) == len(times)
    if times:
        assert line.start_s <= min(times)
        assert max(times) < line.start_s + len(line.counts) * line.width_s


def test_numbers_as_they_are_read():
    assert [percent(share) for share in (0, 0.0001, 0.05, 0.5, 0.9999, 1)] == [
        *("0 %", "< 0.1 %", "5.0 %", "50 %", "> 99.9 %", "100 %"),
    ]
    assert [duration_text(seconds) for seconds in (1, 39, 3.5, 720, 12_240, 181_440)] == [
        *("1 s", "39 s", "3.5 s", "12 min", "3.4 h", "2.1 days"),
    ]
    assert [rate_text(rate) for rate in (1234.5, 37.7, 0.052)] == ["1,234", "37.7", "0.052"]
