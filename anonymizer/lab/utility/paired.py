"""Compute confidence intervals of mean paired differences over repeated splits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev


@dataclass(frozen=True, slots=True)
class Paired:
    """A mean difference and the half widths of its two intervals; NaN if there is only one difference."""

    mean: float
    half_width: float
    corrected_half_width: float


def paired(differences: Sequence[float], validation_share: float, confidence: float = 0.95) -> Paired:
    """Student's t interval of the mean of paired differences, plain and corrected.

    The plain interval (df = n - 1) assumes independent repetitions. They are not independent: the training sets of the
    splits overlap, so the interval is too narrow for conclusions about other samples of photos. The corrected interval
    uses (1/n + validation/training) instead of 1/n (Nadeau & Bengio, Machine Learning 52, 2003); it is a conservative
    approximation.

    Args:
        differences: One per repetition.
        validation_share: Share of the photos in the validation set.
        confidence: Confidence level of the two-sided intervals.
    """
    count = len(differences)
    if count < 2:
        return Paired(mean(differences), math.nan, math.nan)
    from scipy.stats import t

    quantile = float(t.ppf((1 + confidence) / 2, count - 1))
    spread = stdev(differences)
    ratio = validation_share / (1 - validation_share)
    return Paired(
        mean(differences), quantile * spread / math.sqrt(count), quantile * spread * math.sqrt(1 / count + ratio)
    )
