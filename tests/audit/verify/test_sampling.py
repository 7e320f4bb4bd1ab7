"""A sample is random, and the same again."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from anonymizer.audit.verify.sampling import sample_keys

KEYS = [f"album/{i:03}.jpg" for i in range(40)]


@pytest.mark.parametrize(("keys", "count", "expected"), [([], 3, []), (["a"], 3, ["a"]), (["b", "a"], 2, ["a", "b"])])
def test_all_are_drawn_if_there_are_no_more(keys, count, expected):
    assert sample_keys(keys, count, "seed") == expected


def test_the_order_of_the_keys_plays_no_part_and_the_seed_does():
    once = sample_keys(KEYS, 10, "seed")
    assert len(once) == 10
    assert once == sorted(once)
    assert sample_keys(reversed(KEYS), 10, "seed") == once
    assert sample_keys(KEYS, 10, "other") != once


def test_each_key_is_as_likely_as_any_other_and_so_is_each_pair():
    draws = [sample_keys(KEYS[:8], 2, str(seed)) for seed in range(5600)]
    single, pairs = Counter(key for pair in draws for key in pair), Counter(map(tuple, draws))
    # Five standard errors of a binomial share.
    assert np.allclose([single[key] for key in KEYS[:8]], 1400, atol=5 * np.sqrt(1400 * 0.75))
    assert len(pairs) == 28
    assert np.allclose(list(pairs.values()), 200, atol=5 * np.sqrt(200))


def test_a_name_that_is_no_unicode_is_drawn_too():
    assert sample_keys(["a", "b\udcff"], 2, "seed") == ["a", "b\udcff"]
