"""Those who try to tell who a redacted face is. All but the first learn from redacted photos of other people.

scikit-learn is imported when one of them learns: the `privacy` extra is optional.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonymizer.errors import UsageError
from anonymizer.lab.privacy import features
from anonymizer.lab.privacy.features import Floats

INSTALL_HINT = "the attackers need scikit-learn: pip install 'ray-anonymizer[privacy]'"
#: Principal components that are kept; more made the attacks on raw photos no better.
COMPONENTS = 80
#: Discriminants that are kept, of them.
DISCRIMINANTS = 60
#: Share of the plain covariance in that of each person, who has few photos.
SHRINKAGE = 0.2
#: Principal components with less variance than this hold nothing but rounding.
LEAST_VARIANCE = 1e-6
#: The network's hidden units and rounds; and the pairs of one person that it learns from, with twice as many strangers.
HIDDEN, ROUNDS, PAIRS = 32, 15, 4000
#: Discriminants of a photo are of unit length, so that each is about an eighth of this.
PAIR_SCALE = 6.0
_SEED = 0


@dataclass(frozen=True, slots=True, eq=False)
class Training:
    """What an attacker learns from: photos of people who are not attacked.

    Attributes:
        probe: (T, D) features as those of the photos that are attacked.
        gallery: (T, D) features of the same photos as those that they are held against.
        person: (T,) who it is.
        photo: (T,) which photo it is; copies of one have the same number.
    """

    probe: Floats
    gallery: Floats
    person: NDArray[np.intp]
    photo: NDArray[np.intp]


Compare = Callable[[Training, Floats, Floats], Floats]
"""Training, (Q, D) probes, (G, D) gallery to (Q, G) likeness: the greater the liker."""


@dataclass(frozen=True, slots=True)
class Attacker:
    """One attacker.

    Attributes:
        name: In tables.
        eye: What it looks at, a key of `EYES`.
        compare: See `Compare`.
    """

    name: str
    eye: str
    compare: Compare


def require_sklearn() -> None:
    """Fails early and in one line.

    Raises:
        UsageError: It is not installed.
    """
    _sklearn("decomposition")


def _sklearn(module: str) -> Any:
    try:
        return import_module(f"sklearn.{module}")
    except ImportError:
        raise UsageError(INSTALL_HINT) from None


def nearest(training: Training, probe: Floats, gallery: Floats) -> Floats:
    """Cosine of the deviations from the mean of other people's photos. Learns nothing else."""
    return cosine(probe - training.probe.mean(axis=0), gallery - training.gallery.mean(axis=0))


def discriminants(training: Training, probe: Floats, gallery: Floats) -> Floats:
    """Eigenfaces, then Fisher's discriminants of the people in training (Belhumeur et al., PAMI 19, 1997).

    Both kinds of photos are centred by their own mean and learnt from together, so that a redacted photo and a raw
    one of the same person come to lie together.
    """
    learned = _Fisherfaces(training)
    return cosine(learned.probe(probe), learned.gallery(gallery))


def network(training: Training, probe: Floats, gallery: Floats) -> Floats:
    """A small network that learned from pairs of photos whether they show one person; it sees the discriminants."""
    learned = _Fisherfaces(training)
    seen, known = _unit(learned.probe(probe)), _unit(learned.gallery(gallery))
    if not seen.shape[1]:
        return np.zeros((len(probe), len(gallery)), np.float32)
    first, second, same = _pairs(training)
    model = _sklearn("neural_network").MLPClassifier(
        (HIDDEN,), alpha=0.1, learning_rate_init=0.003, max_iter=ROUNDS, n_iter_no_change=ROUNDS, random_state=_SEED
    )
    taught = _unit(learned.probe(training.probe)), _unit(learned.gallery(training.gallery))
    with warnings.catch_warnings():
        # So many rounds are what it gets, converged or not: more of them learn the people in training by heart.
        warnings.simplefilter("ignore", _sklearn("exceptions").ConvergenceWarning)
        model.fit(_pair_features(taught[0][first], taught[1][second]), same)
    likeness = [model.predict_proba(_pair_features(np.broadcast_to(row, known.shape), known))[:, 1] for row in seen]
    return np.asarray(likeness, dtype=np.float32)


class _Fisherfaces:
    """Whitened principal components of all photos in training, then what tells its people apart best."""

    def __init__(self, training: Training) -> None:
        self._means = training.probe.mean(axis=0), training.gallery.mean(axis=0)
        centred = [training.probe - self._means[0]]
        if training.gallery is not training.probe:
            centred.append(training.gallery - self._means[1])
        rows = np.concatenate(centred)
        persons = np.tile(training.person, len(centred))
        self._eigenfaces = _sklearn("decomposition").PCA(
            min(COMPONENTS, *rows.shape), whiten=True, svd_solver="randomized", random_state=_SEED
        )
        self._count = 0
        # Photos that are all alike, as where masks cover everything, have no component.
        if np.ptp(rows, axis=0).max() > 0:
            self._eigenfaces.fit(rows)
            self._count = int((self._eigenfaces.explained_variance_ > LEAST_VARIANCE).sum())
        if self._count:
            self._fisher = _sklearn("discriminant_analysis").LinearDiscriminantAnalysis(
                solver="eigen", shrinkage=SHRINKAGE, n_components=min(DISCRIMINANTS, self._count, len(set(persons)) - 1)
            )
            self._fisher.fit(self._components(rows), persons)

    def _components(self, centred: Floats) -> Floats:
        return np.asarray(self._eigenfaces.transform(centred)[:, : self._count])

    def _seen(self, centred: Floats) -> Floats:
        if not self._count:
            return np.zeros((len(centred), 0), np.float32)
        return np.asarray(self._fisher.transform(self._components(centred)), dtype=np.float32)

    def probe(self, rows: Floats) -> Floats:
        """(N, D) discriminants of photos like those that are attacked."""
        return self._seen(rows - self._means[0])

    def gallery(self, rows: Floats) -> Floats:
        """(N, D) discriminants of photos like those that they are held against."""
        return self._seen(rows - self._means[1])


def _pairs(training: Training) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Rows of probe, rows of gallery, and 1 where they show one person, on two photos; 0 for strangers."""
    generator = np.random.default_rng(_SEED)
    person, photo = training.person, training.photo
    alike = (person[:, None] == person[None]) & (photo[:, None] != photo[None])
    first, second = np.nonzero(alike)
    kept = generator.permutation(len(first))[:PAIRS]
    others = generator.integers(0, len(person), (2, 2 * len(kept)))
    others = others[:, person[others[0]] != person[others[1]]]
    same = np.repeat([1, 0], [len(kept), others.shape[1]])
    return np.concatenate([first[kept], others[0]]), np.concatenate([second[kept], others[1]]), same


def _pair_features(first: Floats, second: Floats) -> Floats:
    """What is alike whichever of the two comes first; scaled so that numbers are about 1."""
    scale = np.float32(PAIR_SCALE)
    return np.concatenate([scale * np.abs(first - second), scale * scale * first * second], axis=1)


def cosine(probe: Floats, gallery: Floats) -> Floats:
    """(Q, G) cosines of rows; 0 for a row of zeros."""
    return np.asarray(_unit(probe) @ _unit(gallery).T, dtype=np.float32)


def _unit(rows: Floats) -> Floats:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.divide(rows, length, out=np.zeros_like(rows), where=length > 0))


EYES = {
    "face, pixels": features.face_pixels,
    "face, gradients": features.face_gradients,
    "wide, pixels": features.wide_pixels,
    "wide, gradients": features.wide_gradients,
}
#: Half of them see the face as far as the default's mask reaches, the others hair, neck and collar as well.
ATTACKERS = tuple(
    Attacker(f"{name}, {view}", f"{view}, {kind}", compare)
    for view in ("face", "wide")
    for name, kind, compare in (
        ("nearest", "pixels", nearest),
        ("eigenfaces", "pixels", discriminants),
        ("gradients", "gradients", discriminants),
        ("network", "gradients", network),
    )
)
