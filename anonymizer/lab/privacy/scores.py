"""How well an attack told people apart: rank-1, area under the curve, and their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonymizer.audit.evidence import exact_interval

#: Draws of a bootstrap.
DRAWS = 1000
Weights = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Likenesses of one fold, in which every person of the fold is in the gallery once.

    Attributes:
        likeness: (Q, G) of probes to gallery.
        probe: (Q,) who each probe is.
        gallery: (G,) who is in the gallery, each once.
    """

    likeness: NDArray[np.float32]
    probe: NDArray[np.intp]
    gallery: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Share:
    """A share or an area, with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def rank_1(folds: Sequence[Scores], seed: int) -> tuple[Share, float]:
    """How often the likest of the gallery is the right one, by each person's first probe; exact binomial interval.

    Persons are independent trials; their further probes are not, and are left out here.

    Args:
        folds: All of them.
        seed: Decides between equal likenesses, so that an attack that knows nothing hits by chance and no oftener.

    Returns:
        The share, and what guessing gives.
    """
    generator = np.random.default_rng(seed)
    hits = trials = 0
    chance = 0.0
    for fold in folds:
        _, first = np.unique(fold.probe, return_index=True)
        for row in first:
            order = generator.permutation(len(fold.gallery))
            best = order[int(np.argmax(fold.likeness[row][order]))]
            hits += int(fold.gallery[best] == fold.probe[row])
        trials += len(first)
        chance += len(first) / len(fold.gallery)
    return Share(hits / trials, *exact_interval(hits, trials)), chance / trials


def auc(genuine: NDArray[np.float32], strangers: NDArray[np.float32]) -> float:
    """Share of all pairs of a genuine and a strange likeness in which the genuine is greater; equals count half.

    The area under the receiver operating characteristic (Hanley & McNeil, Radiology 143, 1982).
    """
    ordered = np.sort(strangers)
    below = np.searchsorted(ordered, genuine, "left") + np.searchsorted(ordered, genuine, "right")
    return float(below.mean() / (2 * len(ordered)))


class Verification:
    """Area under the curve of one attack, under any weights of the people.

    Every person counts alike, however many photos there are of them. A fold has an area of its own, for its attacker
    has a scale of its own; the whole is their mean, each weighted by its people.

    Args:
        folds: All of them.
    """

    def __init__(self, folds: Sequence[Scores]) -> None:
        self._folds = [_Fold(fold) for fold in folds]
        self._sizes = np.array([len(fold.gallery) for fold in folds], dtype=np.float64)

    def area(self) -> float:
        """With every person once."""
        return float(self.areas([np.ones((1, int(size)), np.int64) for size in self._sizes])[0])

    def areas(self, draws: Sequence[Weights]) -> NDArray[np.float64]:
        """(B,) areas.

        Args:
            draws: For each fold (B, G): how often each person of the gallery was drawn.
        """
        each = [fold.areas(weights) for fold, weights in zip(self._folds, draws, strict=True)]
        return np.asarray(np.average(each, axis=0, weights=self._sizes))


class _Fold:
    """Likenesses sorted once, so that other weights cost no other sorting."""

    def __init__(self, scores: Scores) -> None:
        genuine = scores.probe[:, None] == scores.gallery[None]
        # A person's place in the gallery is their number here.
        self._person = np.argmax(genuine, axis=1)
        probes_of = np.bincount(self._person, minlength=len(scores.gallery))
        self._per_probe = 1.0 / probes_of[self._person]
        values = scores.likeness[~genuine]
        rows, columns = np.nonzero(~genuine)
        order = np.argsort(values, kind="stable")
        self._one, self._other = self._person[rows[order]], columns[order]
        self._share = self._per_probe[rows[order]]
        own = scores.likeness[np.arange(len(scores.probe)), self._person]
        self._left = np.searchsorted(values[order], own, "left")
        self._right = np.searchsorted(values[order], own, "right")

    def areas(self, weights: Weights) -> NDArray[np.float64]:
        found = np.empty(len(weights))
        for index, drawn in enumerate(weights):
            strange = drawn[self._one] * drawn[self._other] * self._share
            below = np.concatenate([[0.0], np.cumsum(strange)])
            genuine = drawn[self._person] * self._per_probe
            wins = genuine @ (below[self._left] + below[self._right])
            total = 2 * genuine.sum() * below[-1]
            found[index] = wins / total if total > 0 else 0.5
        return found


def draws_by_person(folds: Sequence[Scores], count: int, seed: int) -> list[Weights]:
    """For each fold (B, G): how often each of its people is drawn, with replacement, as many as there are.

    The same seed and folds give the same draws, so that two attacks on the same people can be held against each other.
    """
    generator = np.random.default_rng(seed)
    sizes = [len(fold.gallery) for fold in folds]
    return [generator.multinomial(size, np.full(size, 1 / size), count) for size in sizes]


def interval(value: float, drawn: NDArray[np.float64]) -> Share:
    """A value with the middle 95 % of what a bootstrap gave (Efron & Tibshirani, 1993, chapter 13)."""
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Share(value, float(low), float(high))
