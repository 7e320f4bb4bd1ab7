from collections import Counter

import pytest

from anonymizer.run.record import counts_of, times_resumed, unchanged_count
from anonymizer.run.summary import Summary


def test_what_is_written_is_read():
    counts = counts_of(Summary(listed=9, unchanged=4, statuses=Counter(anonymized=5)))
    assert (counts["listed"], counts["statuses"], unchanged_count(counts)) == (9, {"anonymized": 5}, 4)


@pytest.mark.parametrize(
    ("record", "times"), [({}, 0), ({"resumed": 2}, 2), ({"taken_up": 3}, 3), ({"resumed": 0, "taken_up": 3}, 0)]
)
def test_a_record_says_how_often_the_run_was_resumed_whichever_version_wrote_it(record, times):
    assert times_resumed(record) == times


@pytest.mark.parametrize(("counts", "unchanged"), [({}, 0), ({"unchanged": 4}, 4), ({"carried": 5}, 5)])
def test_counts_say_how_many_objects_are_unchanged_whichever_version_wrote_them(counts, unchanged):
    assert unchanged_count(counts) == unchanged
