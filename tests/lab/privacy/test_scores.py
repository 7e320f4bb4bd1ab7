"""Rank-1, area under the curve and their intervals, against counting by hand and against scikit-learn."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from anonymizer.audit.evidence import exact_interval
from anonymizer.lab.privacy import scores
from anonymizer.lab.privacy.scores import Scores, Share, Verification


def fold(likeness: NDArray[np.floating], probe: list[int], gallery: list[int]) -> Scores:
    return Scores(np.asarray(likeness, np.float32), np.array(probe), np.array(gallery))


def random_fold(seed: int, people: int = 8, probes: int = 2, lift: float = 0.0) -> Scores:
    generator = np.random.default_rng(seed)
    probe = np.repeat(np.arange(people), probes)
    likeness = generator.normal(size=(len(probe), people))
    likeness[np.arange(len(probe)), probe] += lift
    return fold(likeness, probe.tolist(), list(range(people)))


@pytest.mark.parametrize(
    ("genuine", "strangers", "area"),
    [
        ([1.0], [0.0], 1.0),
        ([0.0], [1.0], 0.0),
        ([0.5], [0.5], 0.5),
        ([2.0, 0.0], [1.0], 0.5),
        ([3.0, 1.0], [0.0, 1.0, 2.0, 4.0], (3 + 1.5) / 8),
    ],
)
def test_area_counts_pairs_and_half_of_the_equal_ones(genuine, strangers, area):
    assert scores.auc(np.array(genuine, np.float32), np.array(strangers, np.float32)) == pytest.approx(area)


def test_area_is_that_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(0)
    # Few levels, so that there are many equal ones.
    genuine, strangers = generator.integers(2, 9, 50) / 8, generator.integers(0, 7, 300) / 8
    expected = metrics.roc_auc_score(np.repeat([1, 0], [50, 300]), np.concatenate([genuine, strangers]))
    assert scores.auc(genuine.astype(np.float32), strangers.astype(np.float32)) == pytest.approx(expected)


def test_verification_with_one_probe_each_is_the_plain_area():
    one = random_fold(1, probes=1, lift=1.0)
    own = one.probe[:, None] == one.gallery[None]
    assert Verification([one]).area() == pytest.approx(scores.auc(one.likeness[own], one.likeness[~own]))


def test_every_person_counts_alike_however_many_photos_there_are():
    # Person 0 is always told from 1, by nine probes; person 1 never, by one.
    likeness = np.array([[1.0, 0.0]] * 9 + [[2.0, -1.0]])
    area = Verification([fold(likeness, [0] * 9 + [1], [0, 1])]).area()
    # Genuine 1 (half the weight) and -1 (half); strange 0 (half) and 2 (half): 1 beats 0 only.
    assert area == pytest.approx(0.25)


def test_a_drawn_person_counts_as_often_as_drawn():
    """Weights are the same thing as having the rows and columns of a person so many times."""
    one = random_fold(2, people=5, probes=2, lift=0.7)
    weights = np.array([[2, 0, 1, 1, 1], [0, 3, 0, 2, 0]])
    found = Verification([one]).areas([weights])
    for drawn, area in zip(weights, found, strict=True):
        genuine = [(one.likeness[row, one.probe[row]], drawn[one.probe[row]]) for row in range(len(one.probe))]
        strangers = [
            (one.likeness[row, column], drawn[one.probe[row]] * drawn[column])
            for row in range(len(one.probe))
            for column in range(5)
            if column != one.probe[row]
        ]
        wins = sum(a * b * (float(x > y) + 0.5 * float(x == y)) for x, a in genuine for y, b in strangers)
        total = sum(a for _, a in genuine) * sum(b for _, b in strangers)
        assert area == pytest.approx(wins / total)


def test_a_draw_of_a_single_person_tells_nothing():
    assert Verification([random_fold(3, people=3)]).areas([np.array([[3, 0, 0]])]) == pytest.approx([0.5])


def test_folds_have_areas_of_their_own_and_count_by_their_people():
    sure = fold(np.eye(4), [0, 1, 2, 3], [0, 1, 2, 3])
    wrong = fold(-np.eye(2) - 100, [4, 5], [4, 5])
    # Pooled, the second fold's scale would decide.
    assert Verification([sure, wrong]).area() == pytest.approx((4 * 1.0 + 2 * 0.0) / 6)


def test_draws_are_by_person_and_the_same_for_the_same_seed():
    folds = [random_fold(1, people=6), random_fold(2, people=9)]
    first, again = (scores.draws_by_person(folds, 50, 7) for _ in range(2))
    assert [draw.shape for draw in first] == [(50, 6), (50, 9)]
    assert all((draw.sum(axis=1) == draw.shape[1]).all() for draw in first)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], scores.draws_by_person(folds, 50, 8)[0])


def test_the_interval_holds_the_middle_95_percent():
    found = scores.interval(0.5, np.linspace(0, 1, 1001))
    assert [found.value, found.low, found.high] == pytest.approx([0.5, 0.025, 0.975])


def test_intervals_shrink_with_people_and_hold_chance_where_nothing_is_known():
    widths = []
    for people in (10, 40, 160):
        one = random_fold(5, people=people)
        verification = Verification([one])
        drawn = verification.areas(scores.draws_by_person([one], 300, 1))
        found = scores.interval(verification.area(), drawn)
        assert found.low < 0.5 < found.high
        widths.append(found.high - found.low)
    assert all(b < 0.75 * a for a, b in pairwise(widths))


def test_rank_1_takes_the_first_probe_of_each_person():
    likeness = [[0.9, 0.1], [0.1, 0.9], [0.8, 0.2]]  # 0: hit, then a miss that is not looked at; 1: miss.
    share, chance = scores.rank_1([fold(np.array(likeness), [0, 0, 1], [0, 1])], seed=0)
    assert share == Share(0.5, *exact_interval(1, 2))
    assert chance == 0.5


def test_rank_1_finds_people_wherever_they_are_in_the_gallery():
    share, chance = scores.rank_1([fold(np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]), [5, 7], [3, 5, 7])], seed=0)
    assert [share.value, chance] == pytest.approx([1.0, 1 / 3])


def test_whoever_knows_nothing_guesses_by_chance():
    """Equal likenesses must neither name the first of the gallery nor nobody."""
    blank = fold(np.zeros((2000, 4)), list(range(2000)), [0, 1, 2, 3])
    share, chance = scores.rank_1([Scores(blank.likeness, blank.probe % 4, blank.gallery)] * 1, seed=0)
    assert chance == 0.25
    many = [Scores(np.zeros((4, 4), np.float32), np.arange(4), np.arange(4))] * 500
    share, chance = scores.rank_1(many, seed=0)
    assert share.low < chance < share.high
    assert share.value > 0
