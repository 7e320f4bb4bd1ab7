"""Compute the network's first layer in pairs of outputs: the same numbers in two thirds of the time.

The first layer is a convolution over three channels, too few for kernels that are made for many. A row of the picture,
read as cells of four pixels, has a quarter of the columns and twelve channels, without a copy. A kernel over two such
cells, three rows high, sees everything that two neighbouring outputs of the layer depend on, and computes both as two
groups of channels. Its other weights are zero, so the sums of integers are the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonymizer.image.detectors.centerface.graph_writer import GraphWriter
from anonymizer.records import Pixels

CELL_PX = 4
PAIR = 2
CHANNELS = CELL_PX * 3
"""Channels of a cell: of each of its pixels red, green and blue."""

#: The attributes of the convolution over cells that are not those of the layer, which has a 3 × 3 kernel, stride 2 and
#: padding 1. At the right and below it never reaches its padding, because the sides of pictures are even.
ATTRIBUTES = {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 1, 0, 0]}


def cells(pictures: Pixels) -> Pixels:
    """(N, H, W, 3) as (N, H, W / 4, 12); W is a multiple of four."""
    count, height, width, _ = pictures.shape
    return pictures.reshape(count, height, width // CELL_PX, CHANNELS)


def paired_kernel(kernel: NDArray[np.int8]) -> NDArray[np.int8]:
    """The kernel over cells.

    Args:
        kernel: (outputs, 3, 3, 3) weights of the layer: outputs, colours, rows, columns.

    Returns:
        (2 outputs, 12, 3, 2): for the left of two outputs, then for the right one.
    """
    outputs = len(kernel)
    wide = np.zeros((PAIR * outputs, 3, 3, 2 * CELL_PX), kernel.dtype)
    for place in range(PAIR):
        # The first cell is the one before the pair's own; the layer's stride is two pixels.
        left = CELL_PX + 2 * place - 1
        wide[place * outputs : (place + 1) * outputs, :, :, left : left + 3] = kernel
    by_cell = wide.reshape(PAIR * outputs, 3, 3, 2, CELL_PX)
    return np.ascontiguousarray(by_cell.transpose(0, 4, 1, 2, 3).reshape(PAIR * outputs, CHANNELS, 3, 2))


def add_cells(out: GraphWriter, name: str) -> str:
    """Adds the change of axes from `cells` to the order of the graph's layers; returns the result's name."""
    out.add("Transpose", [name], f"{name}_cells", perm=[0, 3, 1, 2])
    return f"{name}_cells"


def add_unpaired(out: GraphWriter, name: str, result: str, outputs: int) -> None:
    """Adds what puts the two outputs of a pair beside each other.

    The runtime keeps channels last in memory, and there no value has to move: it cancels the changes of axes.

    Args:
        out: The graph.
        name: (batch, 2 outputs, height, width / 2).
        result: (batch, outputs, height, width).
        outputs: Channels of the result.
    """
    shape = out.constant(f"{name}_shape", np.array([0, 0, -1, outputs], np.int64))
    out.add("Transpose", [name], f"{name}_last", perm=[0, 2, 3, 1])
    out.add("Reshape", [f"{name}_last", shape], f"{result}_last")
    out.add("Transpose", [f"{result}_last"], result, perm=[0, 3, 1, 2])


def set_input(value: Any) -> None:
    """Makes a graph's input (an `onnx.ValueInfoProto`) one of `cells`."""
    from onnx import TensorProto, helper

    sides: list[str | int | None] = ["batch", "height", "cells", CHANNELS]
    value.CopyFrom(helper.make_tensor_value_info(value.name, TensorProto.UINT8, sides))
