"""Compute rank-1 rate, area under the ROC curve (AUC) and their confidence intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonymizer.audit.evidence import exact_interval

#: Number of bootstrap samples.
DRAWS = 1000
Weights = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Similarity scores of one fold; every person of the fold is in the gallery once.

    Attributes:
        likeness: (Q, G) similarities of probes to gallery.
        probe: (Q,) the person of each probe.
        gallery: (G,) the person of each gallery entry, distinct.
    """

    likeness: NDArray[np.float32]
    probe: NDArray[np.intp]
    gallery: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Share:
    """A proportion or AUC with the bounds of its 95 % confidence interval."""

    value: float
    low: float
    high: float


def rank_1(folds: Sequence[Scores], seed: int) -> tuple[Share, float]:
    """Rank-1 identification rate with an exact binomial interval.

    Only each person's first probe counts, because further probes of a person are not independent trials.

    Args:
        folds: All folds.
        seed: Breaks ties at random, so that an attack without information hits only by chance.

    Returns:
        The rank-1 rate, and that of random guessing.
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
    """Area under the ROC curve of genuine and impostor scores (Hanley & McNeil, Radiology 143, 1982).

    That is the share of pairs of a genuine and an impostor score in which the genuine one is higher; ties count half.
    """
    ordered = np.sort(strangers)
    below = np.searchsorted(ordered, genuine, "left") + np.searchsorted(ordered, genuine, "right")
    return float(below.mean() / (2 * len(ordered)))


class Verification:
    """AUC of one attack with arbitrary weights of the people, for bootstrapping.

    Every person has the same weight, whatever the number of photos. The AUC is computed per fold, because attackers of
    different folds have different scales, and averaged with the folds' numbers of people as weights.

    Args:
        folds: All folds.
    """

    def __init__(self, folds: Sequence[Scores]) -> None:
        self._folds = [_Fold(fold) for fold in folds]
        self._sizes = np.array([len(fold.gallery) for fold in folds], dtype=np.float64)

    def area(self) -> float:
        """The AUC with every person counted once."""
        return float(self.areas([np.ones((1, int(size)), np.int64) for size in self._sizes])[0])

    def areas(self, draws: Sequence[Weights]) -> NDArray[np.float64]:
        """(B,) AUCs of B bootstrap samples.

        Args:
            draws: For each fold (B, G): how often each person of the gallery was drawn.
        """
        each = [fold.areas(weights) for fold, weights in zip(self._folds, draws, strict=True)]
        return np.asarray(np.average(each, axis=0, weights=self._sizes))


class _Fold:
    """The sorted scores of a fold, so that each bootstrap sample needs no sorting."""

    def __init__(self, scores: Scores) -> None:
        genuine = scores.probe[:, None] == scores.gallery[None]
        # Persons are numbered by their position in the gallery.
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
    """Draws bootstrap samples of people: for each fold (B, G) how often each person is drawn, with replacement.

    The same seed and folds give the same samples, so that attacks on the same people can be compared pairwise.
    """
    generator = np.random.default_rng(seed)
    sizes = [len(fold.gallery) for fold in folds]
    return [generator.multinomial(size, np.full(size, 1 / size), count) for size in sizes]


def interval(value: float, drawn: NDArray[np.float64]) -> Share:
    """A value with its bootstrap percentile interval, 95 % (Efron & Tibshirani, 1993, chapter 13)."""
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Share(value, float(low), float(high))
