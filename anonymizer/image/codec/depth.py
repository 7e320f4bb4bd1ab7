"""Samples of 9 to 16 bit over the whole range of 16, and back: white stays white."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonymizer.errors import DecodeError
from anonymizer.records import Samples

_GREATEST = 65535


def spread(stored: NDArray[Any], depth: int) -> Samples:
    """Samples of 16 bit from stored ones; `narrowed` gives those back exactly.

    Args:
        stored: uint16 of 0 to 2^depth - 1; greater ones count as that.
        depth: 9 to 16.

    Raises:
        DecodeError: Another type or depth.
    """
    if stored.dtype != np.uint16 or not 8 < depth <= 16:
        raise DecodeError
    white = np.uint32(2**depth - 1)
    wide = np.minimum(stored, white).astype(np.uint32) * np.uint32(_GREATEST)
    return np.asarray((wide + white // 2) // white, dtype=np.uint16)


def narrowed(samples: Samples, depth: int) -> Samples:
    """Samples of 16 bit rounded to fewer.

    Args:
        samples: uint16.
        depth: 8 to 16.
    """
    white = np.uint32(2**depth - 1)
    wide = samples.astype(np.uint32) * white
    narrow: Samples = ((wide + np.uint32(_GREATEST // 2)) // np.uint32(_GREATEST)).astype(np.uint16)
    return narrow
