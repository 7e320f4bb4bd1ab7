"""How a container wants its picture cut, turned and mirrored (ISO/IEC 14496-12, 12.1.4; 23008-12, 6.5.9 to 6.5.12)."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from fractions import Fraction

import numpy as np

from anonymizer.errors import DecodeError
from anonymizer.records import Samples

CLEAN_APERTURE, TURN, MIRROR = b"clap", b"irot", b"imir"
STEPS = (CLEAN_APERTURE, TURN, MIRROR)

Step = tuple[bytes, bytes]
"""Name of a property and its payload."""


def in_order(steps: Iterable[Step]) -> tuple[Step, ...]:
    """The first of each kind in the order that AVIF prescribes (MIAF, ISO/IEC 23000-22, 7.3.6.7): cut, turn, mirror."""
    first: dict[bytes, bytes] = {}
    for name, payload in steps:
        first.setdefault(name, payload)
    return tuple((name, first[name]) for name in STEPS if name in first)


def shown(samples: Samples, steps: Iterable[Step]) -> Samples:
    """What a viewer shows of decoded samples.

    Args:
        samples: (H, W) or (H, W, C); not changed.
        steps: In the order in which they apply.

    Raises:
        DecodeError: A step is cut short, or nothing is left of the picture.
    """
    for name, payload in steps:
        if len(payload) < (32 if name == CLEAN_APERTURE else 1):
            raise DecodeError
        if name == CLEAN_APERTURE:
            samples = _cut(samples, payload)
        elif name == TURN:
            samples = np.rot90(samples, payload[0] & 3)
        else:
            samples = samples[:, ::-1] if payload[0] & 1 else samples[::-1]
    return np.ascontiguousarray(samples)


def _cut(samples: Samples, payload: bytes) -> Samples:
    numbers = struct.unpack_from(">IIIIiIiI", payload)
    if 0 in numbers[1::2]:
        raise DecodeError
    width, height, across, down = (Fraction(*numbers[at : at + 2]) for at in range(0, 8, 2))
    return samples[_side(samples.shape[0], height, down), _side(samples.shape[1], width, across)]


def _side(length: int, wanted: Fraction, offset: Fraction) -> slice:
    """Pixels of a side that are wholly or partly within an aperture around its middle and an offset."""
    middle = offset + Fraction(length, 2)
    first, last = max(0, math.floor(middle - wanted / 2)), min(length, math.ceil(middle + wanted / 2))
    if first >= last:
        raise DecodeError
    return slice(first, last)
