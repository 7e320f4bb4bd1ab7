"""Calibrate detector scores: compute from a photo's proposals the probability that each box holds a face.

The calibration is a logistic regression that uses the context of a box. False positives tend to be isolated and large,
while true faces with a low score tend to appear next to other faces of similar size. So a box's probability depends on
all proposals of its photo. Nothing here depends on the network that made the proposals.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anonymizer.image import geometry
from anonymizer.image.detectors.centerface.coefficients import CONTEXT, RESCORING

Floats = NDArray[np.float64]


class Weights(NamedTuple):
    """The weights of the two logistic regressions; fitted by `infra.proof.detection`."""

    context: tuple[float, ...]
    rescoring: tuple[float, ...]


FITTED = Weights(CONTEXT, RESCORING)

#: Proposals with a lower score are ignored, both as boxes and as context.
PROPOSAL_SCORE = 0.05

#: Log heights (network input pixels) are centred here: 24 px, the most frequent face height.
_MIDDLE_LN_PX = 3.2

#: Minimum score of the boxes that are counted as others, and of those whose height is compared.
_COUNTED_SCORE = 0.1
_SIZED_SCORE = 0.3

#: Difference in log height to use if there is no box to compare with.
_NO_SIMILAR = 3.0

_EDGE = 1e-4
_SCORE_STEPS = 2**16


def calibrate(
    xyxy: geometry.FloatBoxes, score: NDArray[np.float32], share: NDArray[np.float32], weights: Weights = FITTED
) -> NDArray[np.float32]:
    """Calibrates the scores of all proposals of one photo.

    Args:
        xyxy: (N, 4) proposals in pixels of the photo, after non-maximum suppression, with scores from `PROPOSAL_SCORE`.
        score: (N,) the network's scores.
        share: (N,) scale of the pass that found the box: network input pixels per pixel of the photo.
        weights: The weights of the features.

    Returns:
        (N,) float32 probabilities, rounded to multiples of 2**-16, because logarithms and sums of products differ
        between processors after the fifteenth digit.
    """
    return _sigmoid(features(xyxy, score, share) @ np.array(weights.context))


def features(xyxy: geometry.FloatBoxes, score: NDArray[np.float32], share: NDArray[np.float32]) -> Floats:
    """The features of the calibration.

    Returns:
        (N, 8) float64: 1, logit of the score, log height, its square, the product of logit and log height, the highest
        score among the other boxes, log(1 + number of others), the smallest difference in log height to another box.
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


def rescore(
    look: NDArray[np.float32], score: NDArray[np.float32], weights: Weights = FITTED, margin: float = 0.0
) -> NDArray[np.float32]:
    """(N,) calibrated scores after the boxes were rescored in crops (`crop_rescoring`).

    Args:
        look: (N,) the network's mean score for the box in its crop.
        score: (N,) scores from `calibrate`.
        weights: The weights of the features.
        margin: Added to the logits of `look`, for the highest score that is still to be expected.
    """
    found = rescoring_features(look, score)
    found[:, 1] += margin
    return _sigmoid(found @ np.array(weights.rescoring))


def rescoring_features(look: NDArray[np.float32], score: NDArray[np.float32]) -> Floats:
    """(N, 3) float64: 1 and the logits of both scores."""
    return np.stack([np.ones(len(look)), logit(look), logit(score)], axis=1)


def logit(probability: NDArray[np.float32]) -> Floats:
    """ln(p / (1 - p)); finite, because probabilities are clipped to 10^-4 from 0 and 1."""
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
    """(N,) smallest difference to the height of another box with a sufficient score (`sized`)."""
    least = np.full(len(ln_height), _NO_SIMILAR)
    known = np.sort(ln_height[sized])
    if not len(known):
        return least
    place = np.searchsorted(known, ln_height)
    # A sized box finds itself at `place`; other boxes of exactly its height are its neighbours in the sorted array.
    for step in (-1, 0, 1):
        index = place + step
        there = (index >= 0) & (index < len(known)) & ~(sized & (step == 0))
        difference = np.abs(known[np.clip(index, 0, len(known) - 1)] - ln_height)
        least = np.where(there, np.minimum(least, difference), least)
    return least
