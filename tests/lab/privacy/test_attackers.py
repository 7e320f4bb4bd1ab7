"""Attackers on features made in code: they find what is there, and nothing where nothing is."""

from __future__ import annotations

import numpy as np
import pytest

from anonymizer.lab.privacy import attackers
from anonymizer.lab.privacy.attack import People, attack
from anonymizer.lab.privacy.attackers import Attacker, Training, cosine
from anonymizer.lab.privacy.scores import Scores, Verification

pytest.importorskip("sklearn")
COMPARE = {"nearest": attackers.nearest, "discriminants": attackers.discriminants, "network": attackers.network}
LEARNED = ("discriminants", "network")


def people(count: int = 45, photos: int = 4) -> People:
    return People(np.repeat(np.arange(count), photos), np.arange(count) % 3)


def rows(who: People, *, signal: float, noise: float = 1.0, loud: float = 0.0, seed: int = 0) -> np.ndarray:
    """(N, 1, 40): ten columns tell who it is, thirty tell nothing, as loudly as is asked for."""
    generator = np.random.default_rng(seed)
    own = np.random.default_rng(99).normal(size=(int(who.person.max()) + 1, 10)) * signal
    quiet = own[who.person] + generator.normal(size=(len(who.person), 10)) * noise
    rest = generator.normal(size=(len(who.person), 30)) * (1 + loud)
    return np.concatenate([quiet, rest], axis=1, dtype=np.float32)[:, None]


def area(folds: list[Scores]) -> float:
    return Verification(folds).area()


@pytest.mark.parametrize("name", COMPARE)
def test_whoever_is_there_is_found(name):
    who = people()
    features = rows(who, signal=5.0, noise=0.5)
    assert area(attack(who, Attacker("a", "", COMPARE[name]), features, features)) > 0.9


@pytest.mark.parametrize("name", COMPARE)
def test_nobody_is_found_in_noise(name):
    who = people()
    features = rows(who, signal=0.0)
    assert 0.4 < area(attack(who, Attacker("a", "", COMPARE[name]), features, features)) < 0.6


@pytest.mark.parametrize("name", LEARNED)
def test_what_others_taught_tells_people_apart_where_the_nearest_fails(name):
    """Loud columns that tell nothing drown the rest for who has not learned to leave them out."""
    who = people()
    features = rows(who, signal=1.5, noise=0.5, loud=8.0)
    untaught = area(attack(who, Attacker("a", "", attackers.nearest), features, features))
    taught = area(attack(who, Attacker("a", "", COMPARE[name]), features, features))
    assert taught > untaught + 0.15


@pytest.mark.parametrize("name", LEARNED)
def test_a_redacted_photo_is_known_by_a_raw_one(name):
    """Probe and gallery have different offsets and noise of their own; only who it is they have in common."""
    who = people()
    probe, gallery = rows(who, signal=3.0, noise=0.5, seed=1) + 7, rows(who, signal=3.0, noise=0.5, seed=2) - 3
    assert area(attack(who, Attacker("a", "", COMPARE[name]), probe, gallery)) > 0.85


@pytest.mark.parametrize("name", COMPARE)
def test_photos_that_are_all_alike_tell_nothing(name):
    who = people()
    blank = np.full((len(who.person), 1, 40), 0.5, np.float32)
    folds = attack(who, Attacker("a", "", COMPARE[name]), blank, blank)
    assert all(not fold.likeness.any() for fold in folds)
    assert area(folds) == pytest.approx(0.5)


def test_averaging_copies_takes_their_noise_out():
    who = people()
    many = np.concatenate([rows(who, signal=1.0, noise=2.0, seed=seed) for seed in range(16)], axis=1)
    nearest = Attacker("a", "", attackers.nearest)
    assert area(attack(who, nearest, many, many)) > area(attack(who, nearest, many[:, :1], many[:, :1])) + 0.1


def test_copies_that_are_all_the_same_change_nothing():
    who = people()
    one = rows(who, signal=1.0)
    attacker = Attacker("a", "", attackers.nearest)
    eight = np.repeat(one, 8, axis=1)
    assert area(attack(who, attacker, eight, eight)) == pytest.approx(area(attack(who, attacker, one, one)))


def test_attackers_are_given_other_people_only_and_every_copy():
    who = people(count=12, photos=3)
    features = np.arange(len(who.person) * 2, dtype=np.float32).reshape(-1, 2, 1)
    seen = []

    def compare(training: Training, probe: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        seen.append((training, probe, gallery))
        return np.zeros((len(probe), len(gallery)), np.float32)

    folds = attack(who, Attacker("a", "", compare), features, features[:, :1] + 100)
    for (training, probe, gallery), fold, index in zip(seen, folds, range(3), strict=True):
        outside = np.flatnonzero(who.fold[who.person] != index)
        assert training.probe[:, 0].tolist() == [v for photo in outside for v in (2 * photo, 2 * photo + 1)]
        assert training.gallery[:, 0].tolist() == [100 + 2 * photo for photo in outside for _ in range(2)]
        assert training.photo.tolist() == np.repeat(outside, 2).tolist()
        assert training.person.tolist() == np.repeat(who.person[outside], 2).tolist()
        assert set(fold.probe).isdisjoint(training.person)
        assert (probe[:, 0] % 2 == 0.5).all()  # The mean of both copies.
        assert len(gallery) == 4
        assert len(probe) == 8


def test_pairs_are_of_two_photos_and_hold_strangers():
    person = np.repeat(np.arange(6), 4)
    photo = np.repeat(np.arange(12), 2)  # Two copies of each of two photos.
    blank = np.zeros((24, 1), np.float32)
    first, second, same = attackers._pairs(Training(blank, blank, person, photo))
    assert np.array_equal(person[first] == person[second], same == 1)
    assert (photo[first] != photo[second])[same == 1].all()
    assert (same == 1).sum() == 6 * 4 * 2
    assert (same == 0).sum() > (same == 1).sum()


def test_cosine_of_nothing_is_nothing():
    found = cosine(np.array([[3.0, 0.0], [0.0, 0.0]], np.float32), np.array([[1.0, 0.0], [1.0, 1.0]], np.float32))
    assert found[0] == pytest.approx([1, 0.5**0.5])
    assert found[1].tolist() == [0, 0]


def test_half_of_the_attackers_see_around_the_face():
    assert all(attacker.eye in attackers.EYES for attacker in attackers.ATTACKERS)
    assert len({attacker.name for attacker in attackers.ATTACKERS}) == 8
    assert sum("wide" in attacker.eye for attacker in attackers.ATTACKERS) == 4
