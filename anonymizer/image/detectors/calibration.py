"""From a network's scores to the probability that a box holds a face. Knows no network: any proposals will do.

Faces keep company: false alarms are lone and large, while true faces with a low score stand among others of their
size. So a box's probability depends on all proposals of its photo.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anonymizer.image import geometry
from anonymizer.image.detectors.coefficients import COMPANY, SECOND_LOOK

Floats = NDArray[np.float64]


class Weights(NamedTuple):
    """Of the two logistic scores; fitted by `infra.proof.detection`."""

    company: tuple[float, ...]
    second_look: tuple[float, ...]


FITTED = Weights(COMPANY, SECOND_LOOK)

#: Proposals below this are no part of it, neither as boxes nor as company.
PROPOSAL_SCORE = 0.05

#: Heights are logarithms of working pixels, taken from here (24 px), where most faces are.
_MIDDLE_LN_PX = 3.2

#: Others from this score on are counted; heights are compared with those of faces from the second one on.
_COUNTED_SCORE = 0.1
_SIZED_SCORE = 0.3

#: Difference in ln height that stands for having no such company.
_NO_COMPANY = 3.0

_EDGE = 1e-4
_SCORE_STEPS = 2**16


def company(
    xyxy: geometry.FloatBoxes, score: NDArray[np.float32], share: NDArray[np.float32], weights: Weights = FITTED
) -> NDArray[np.float32]:
    """Calibrated scores of all proposals of one photo.

    Args:
        xyxy: (N, 4) proposals in pixels of the photo, one for each face, scores of `PROPOSAL_SCORE` and more.
        score: (N,) the network's own scores.
        share: (N,) working pixels per pixel of the photo in the pass that found it.
        weights: Of the features.

    Returns:
        (N,) float32 probabilities, in whole 2**-16: logarithms and sums of products differ between processors after
        the fifteenth digit.
    """
    return _sigmoid(features(xyxy, score, share) @ np.array(weights.company))


def features(xyxy: geometry.FloatBoxes, score: NDArray[np.float32], share: NDArray[np.float32]) -> Floats:
    """(N, 8) float64: one, logit of the score, ln height, its square, their product, and the company: strongest other
    score, ln of one more than the number of others, least difference in ln height.
    """
    count = len(score)
    own = logit(score)
    ln_height = np.log(np.maximum(xyxy[:, 3] - xyxy[:, 1], 1).astype(np.float64))
    size = ln_height + np.log(np.maximum(share, np.finfo(np.float32).tiny)) - _MIDDLE_LN_PX
    strong = score >= _COUNTED_SCORE
    others = np.log1p(strong.sum() - strong)
    return np.stack(
        [
            np.ones(count),
            own,
            size,
            size * size,
            own * size,
            _strongest_other(score),
            others,
            _nearest_size(ln_height, score >= _SIZED_SCORE),
        ],
        axis=1,
    )


def looked_at(look: NDArray[np.float32], score: NDArray[np.float32], weights: Weights = FITTED) -> NDArray[np.float32]:
    """(N,) calibrated scores after a second look.

    Args:
        look: (N,) the network's mean score of the box seen by itself.
        score: (N,) from `company`.
        weights: Of both.
    """
    return _sigmoid(look_features(look, score) @ np.array(weights.second_look))


def look_features(look: NDArray[np.float32], score: NDArray[np.float32]) -> Floats:
    """(N, 3) float64: one and both logits."""
    return np.stack([np.ones(len(look)), logit(look), logit(score)], axis=1)


def logit(probability: NDArray[np.float32]) -> Floats:
    """ln(p / (1 - p)), finite: probabilities are kept 10^-4 from 0 and 1."""
    inner = np.clip(probability.astype(np.float64), _EDGE, 1 - _EDGE)
    return np.asarray(np.log(inner / (1 - inner)), dtype=np.float64)


def _sigmoid(values: Floats) -> NDArray[np.float32]:
    probability = 1 / (1 + np.exp(-np.clip(values, -30, 30)))
    return np.asarray(np.rint(probability * _SCORE_STEPS) / _SCORE_STEPS, dtype=np.float32)


def _strongest_other(score: NDArray[np.float32]) -> Floats:
    if len(score) < 2:
        return np.zeros(len(score))
    order = np.argsort(-score, kind="stable")
    strongest = np.full(len(score), score[order[0]], np.float64)
    strongest[order[0]] = score[order[1]]
    return strongest


def _nearest_size(ln_height: Floats, sized: NDArray[np.bool_]) -> Floats:
    """(N,) least difference to a sized box that is not the box itself."""
    least = np.full(len(ln_height), _NO_COMPANY)
    known = np.sort(ln_height[sized])
    if not len(known):
        return least
    place = np.searchsorted(known, ln_height)
    # A sized box meets itself at `place`; boxes of exactly its height then stand beside it.
    for step in (-1, 0, 1):
        index = place + step
        there = (index >= 0) & (index < len(known)) & ~(sized & (step == 0))
        difference = np.abs(known[np.clip(index, 0, len(known) - 1)] - ln_height)
        least = np.where(there, np.minimum(least, difference), least)
    return least
