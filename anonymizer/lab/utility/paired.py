"""Paired differences over repeated splits, and what may be said of their mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev


@dataclass(frozen=True, slots=True)
class Paired:
    """A mean difference, and the half widths of its two intervals; NaN where there is a single difference."""

    mean: float
    half_width: float
    corrected_half_width: float


def paired(differences: Sequence[float], validation_share: float, confidence: float = 0.95) -> Paired:
    """Student's t interval of the mean of paired differences, plain and corrected.

    The plain one (df = n - 1) takes the repetitions for independent. They are not: the splits are of the same photos,
    and their training sides overlap, so it is too narrow where another sample of photos is meant. The corrected one
    puts (1/n + validation/training) in place of 1/n (Nadeau & Bengio, Machine Learning 52, 2003) and is an
    approximation, on the cautious side.

    Args:
        differences: One for each repetition.
        validation_share: Of all photos, that validate in each.
        confidence: Of the two-sided intervals.
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
