from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from anonymizer.image.detectors.centerface.stem import CHANNELS, PAIR, cells, paired_kernel


def _convolved(values: np.ndarray, kernel: np.ndarray, strides: tuple[int, int], pads: tuple[int, ...]) -> np.ndarray:
    """(outputs, h, w) of (H, W, C) values and an (outputs, C, rows, columns) kernel; pads: top, left, below, right."""
    top, left, below, right = pads
    padded = np.pad(values.astype(np.int64), ((top, below), (left, right), (0, 0)))
    windows = sliding_window_view(padded, kernel.shape[2:], axis=(0, 1))[:: strides[0], :: strides[1]]
    return np.asarray(np.einsum("hwcyx,ocyx->ohw", windows, kernel.astype(np.int64)))


def test_pairs_are_the_outputs_of_the_layer():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (32, 64, 3)).astype(np.uint8)
    kernel = rng.integers(-63, 64, (5, 3, 3, 3)).astype(np.int8)
    plain = _convolved(picture, kernel, (2, 2), (1, 1, 1, 1))
    paired = _convolved(cells(picture[None])[0], paired_kernel(kernel), (2, 1), (1, 1, 0, 0))
    assert (plain.shape, paired.shape) == ((5, 16, 32), (PAIR * 5, 16, 16))
    # Channels last, as in the runtime's memory, the two outputs of a pair stand side by side.
    np.testing.assert_array_equal(paired.transpose(1, 2, 0).reshape(16, 32, 5), plain.transpose(1, 2, 0))


def test_cells_are_the_same_memory():
    picture = np.arange(2 * 4 * 8 * 3, dtype=np.uint8).reshape(2, 4, 8, 3)
    found = cells(picture)
    assert found.shape == (2, 4, 2, CHANNELS)
    assert np.shares_memory(found, picture)
    np.testing.assert_array_equal(found[1, 2, 1, 3:6], picture[1, 2, 5])
