"""Define the attackers that try to re-identify redacted faces.

All but `nearest` are trained on redacted photos of other people. scikit-learn is imported on first use, because the
`privacy` extra is optional.
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
#: Number of principal components; more did not improve the attacks on raw photos.
COMPONENTS = 80
#: Number of linear discriminants.
DISCRIMINANTS = 60
#: Shrinkage of the within-class covariance, which is estimated from few photos per person.
SHRINKAGE = 0.2
#: Principal components with less variance than this are rounding noise.
LEAST_VARIANCE = 1e-6
#: The network's hidden units and epochs, and the number of positive training pairs (with twice as many negative ones).
HIDDEN, ROUNDS, PAIRS = 32, 15, 4000
#: Scale of pair features: discriminant vectors have unit length, so their elements are about 1/8.
PAIR_SCALE = 6.0
_SEED = 0


@dataclass(frozen=True, slots=True, eq=False)
class Training:
    """An attacker's training data: photos of people who are not attacked.

    Attributes:
        probe: (T, D) features of the photos, redacted like the probes.
        gallery: (T, D) features of the same photos, processed like the gallery.
        person: (T,) the person in each photo.
        photo: (T,) the number of each photo; copies have the same number.
    """

    probe: Floats
    gallery: Floats
    person: NDArray[np.intp]
    photo: NDArray[np.intp]


Compare = Callable[[Training, Floats, Floats], Floats]
"""Maps training data, (Q, D) probes and (G, D) gallery to (Q, G) similarities."""


@dataclass(frozen=True, slots=True)
class Attacker:
    """One attacker.

    Attributes:
        name: Name in tables.
        eye: Its features, a key of `EYES`.
        compare: See `Compare`.
    """

    name: str
    eye: str
    compare: Compare


def require_sklearn() -> None:
    """Checks early that scikit-learn is installed.

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
    """Cosine similarity after subtracting the mean of the training photos; no other training."""
    return cosine(probe - training.probe.mean(axis=0), gallery - training.gallery.mean(axis=0))


def discriminants(training: Training, probe: Floats, gallery: Floats) -> Floats:
    """Fisherfaces: PCA, then linear discriminant analysis of the people in training (Belhumeur et al., PAMI 19, 1997).

    Probe and gallery photos are each centred by their own mean and used for training together, so that a redacted and a
    raw photo of the same person are mapped close to each other.
    """
    learned = _Fisherfaces(training)
    return cosine(learned.probe(probe), learned.gallery(gallery))


def network(training: Training, probe: Floats, gallery: Floats) -> Floats:
    """A small neural network, trained on pairs of discriminant vectors to tell whether they show the same person."""
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
        # The number of epochs is fixed, converged or not, because more would overfit the people in training.
        warnings.simplefilter("ignore", _sklearn("exceptions").ConvergenceWarning)
        model.fit(_pair_features(taught[0][first], taught[1][second]), same)
    likeness = [model.predict_proba(_pair_features(np.broadcast_to(row, known.shape), known))[:, 1] for row in seen]
    return np.asarray(likeness, dtype=np.float32)


class _Fisherfaces:
    """Whitened principal components of the training photos, then linear discriminants of their people."""

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
        # If all photos are identical, for instance because masks cover everything, there are no components.
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
        """(N, D) discriminants of probe photos."""
        return self._seen(rows - self._means[0])

    def gallery(self, rows: Floats) -> Floats:
        """(N, D) discriminants of gallery photos."""
        return self._seen(rows - self._means[1])


def _pairs(training: Training) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Training pairs: probe rows, gallery rows, and 1 for two photos of the same person, 0 for different people."""
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
    """Symmetric features of a pair: absolute difference and product, scaled to about 1."""
    scale = np.float32(PAIR_SCALE)
    return np.concatenate([scale * np.abs(first - second), scale * scale * first * second], axis=1)


def cosine(probe: Floats, gallery: Floats) -> Floats:
    """(Q, G) cosine similarities of rows; 0 for a row of zeros."""
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
#: Half of the attackers use the face up to the default mask's extent, the others also hair, neck and collar.
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
