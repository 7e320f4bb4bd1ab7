"""Round a layer's weights so that its floating-point sums are exact and every processor gives the same result.

A float32 represents whole numbers up to 2**24 exactly. If a layer's inputs are whole numbers, its weights and bias are
multiples of one power of two and its largest possible sum stays below 2**24 of these, no sum is rounded, whatever the
kernel's order of additions and its use of fused multiply-add.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_MANTISSA_BITS = 24


class Layer(NamedTuple):
    """Weights and bias, (outputs,), of a layer: float32 multiples of `unit`."""

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]
    unit: float


def layer(kernel: NDArray[np.float64], bias: NDArray[np.float64], axis: int, most: int) -> Layer:
    """Rounds weights and bias to the finest unit with which no sum is rounded.

    Args:
        kernel: Weights.
        bias: (outputs,).
        axis: The kernel's axis of outputs.
        most: Largest magnitude of the inputs, which are whole numbers.
    """
    others = tuple(number for number in range(kernel.ndim) if number != axis)
    # At the border, where only a part of the kernel overlaps the inputs, sums are smaller.
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
