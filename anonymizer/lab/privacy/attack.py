"""Run an attacker on one variant with cross-validation by person: attacked people are never in training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonymizer.lab.privacy.attackers import Attacker, Training
from anonymizer.lab.privacy.features import Floats
from anonymizer.lab.privacy.scores import Scores

AGAINST_RAW, AGAINST_REDACTED = "raw gallery", "redacted gallery"
SETTINGS = (AGAINST_RAW, AGAINST_REDACTED)


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """The people in the photos and their folds.

    Attributes:
        person: (N,) the person in each photo.
        fold: (P,) the fold in which each person is attacked.
    """

    person: NDArray[np.intp]
    fold: NDArray[np.intp]

    def folds(self) -> list[Fold]:
        """The training and attacked photos of each fold."""
        fold_of_photo = self.fold[self.person]
        return [self._fold(np.flatnonzero(fold_of_photo == index)) for index in range(int(self.fold.max()) + 1)]

    def _fold(self, attacked: NDArray[np.intp]) -> Fold:
        training = np.setdiff1d(np.arange(len(self.person)), attacked)
        _, first = np.unique(self.person[attacked], return_index=True)
        return Fold(training, np.delete(attacked, first), attacked[first])


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """Indices of photos. The first photo of each attacked person is in the gallery, the others are probes."""

    training: NDArray[np.intp]
    probe: NDArray[np.intp]
    gallery: NDArray[np.intp]


def attack(people: People, attacker: Attacker, probe: Floats, gallery: Floats) -> list[Scores]:
    """Runs one attack in all folds.

    Args:
        people: The people and their folds.
        attacker: The attacker, trained anew in every fold.
        probe: (N, K, D) features of K copies of the redacted photos. Copies are separate training samples; attacked
            photos are represented by the mean over their copies.
        gallery: (N, K', D) features of the gallery's photos; the same array object as `probe` if redacted alike.
    """
    return [_scores(people, attacker, probe, gallery, fold) for fold in people.folds()]


def _scores(people: People, attacker: Attacker, probe: Floats, gallery: Floats, fold: Fold) -> Scores:
    copies = probe.shape[1]
    learned = _copies(probe[fold.training], copies)
    known = learned if gallery is probe else _copies(gallery[fold.training], copies)
    training = Training(
        probe=learned,
        gallery=known,
        person=np.repeat(people.person[fold.training], copies),
        photo=np.repeat(fold.training, copies),
    )
    likeness = attacker.compare(training, probe[fold.probe].mean(axis=1), gallery[fold.gallery].mean(axis=1))
    return Scores(likeness, people.person[fold.probe], people.person[fold.gallery])


def _copies(features: Floats, count: int) -> Floats:
    """Flattens (N, K, D) to (N × count, D), photo by photo; a single copy is repeated."""
    if features.shape[1] == 1:
        return np.repeat(features[:, 0], count, axis=0)
    return features.reshape(-1, features.shape[2])
