"""Layers of a network in floating point whose sums are exact, so that every processor gives the same maps.

A float32 holds whole numbers up to 2**24. A layer whose inputs are whole numbers, whose weights and bias are whole
multiples of one power of two and whose largest possible sum stays below that has nothing to round, in whatever order a
kernel adds and whether or not it fuses multiplication and addition.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_MANTISSA_BITS = 24


class Layer(NamedTuple):
    """Weights and bias, (outputs,), of a layer; multiples of `unit`, as float32."""

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]
    unit: float


def layer(kernel: NDArray[np.float64], bias: NDArray[np.float64], axis: int, most: int) -> Layer:
    """The nearest weights with which no sum is rounded.

    Args:
        kernel: Weights.
        bias: (outputs,).
        axis: Of the kernel, along which the outputs lie.
        most: The inputs are whole numbers, at most so far from zero.
    """
    others = tuple(number for number in range(kernel.ndim) if number != axis)
    # Of a kernel that is only partly laid over the inputs the sum is smaller still.
    worst = float((most * np.abs(kernel).sum(axis=others) + np.abs(bias)).max())
    unit = 2.0 ** (math.frexp(worst)[1] - _MANTISSA_BITS)
    while _largest_sum(kernel, bias, others, most, unit) >= 2**_MANTISSA_BITS:
        unit *= 2
    whole_kernel, whole_bias = (np.asarray(np.rint(values / unit) * unit, np.float32) for values in (kernel, bias))
    return Layer(whole_kernel, whole_bias, unit)


def _largest_sum(
    kernel: NDArray[np.float64], bias: NDArray[np.float64], others: tuple[int, ...], most: int, unit: float
) -> float:
    whole = np.abs(np.rint(kernel / unit)).sum(axis=others)
    return float((most * whole + np.abs(np.rint(bias / unit))).max())
