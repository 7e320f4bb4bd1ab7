"""Compute confidence intervals of shares of faces by a cluster bootstrap over photos."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anonymizer.audit.evidence import exact_interval

RESAMPLES = 4000
CONFIDENCE = 0.95


def clustered(pairs: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """The percentile interval of a share of faces from a bootstrap over photos with a fixed seed.

    Photos are resampled because faces in one photo are not independent. If all faces count, or none, the bootstrap has
    no spread; then the exact interval with photos as trials is used.

    Args:
        pairs: For each photo the number of faces that count and of all faces.

    Returns:
        The lower and upper bound, from 0 to 1.
    """
    counts = np.array([pair for pair in pairs if pair[1]], dtype=np.int64).reshape(-1, 2)
    hits, faces = counts.sum(axis=0)
    if not len(counts):
        return 0.0, 1.0
    if hits in (0, faces):
        return exact_interval(len(counts) if hits else 0, len(counts), CONFIDENCE)
    drawn = np.random.default_rng(0).multinomial(len(counts), np.full(len(counts), 1 / len(counts)), RESAMPLES)
    shares = (drawn @ counts[:, 0]) / np.maximum(1, drawn @ counts[:, 1])
    low, high = np.quantile(shares, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
