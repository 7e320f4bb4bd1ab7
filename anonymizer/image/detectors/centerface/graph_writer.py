"""Collect the nodes and constants of a new ONNX graph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class GraphWriter:
    """Collects nodes and constants, in the order in which they are added.

    Attributes:
        nodes: `onnx.NodeProto`s.
        constants: `onnx.TensorProto`s.
    """

    def __init__(self) -> None:
        self.nodes = list[Any]()
        self.constants = list[Any]()

    def constant(self, name: str, values: NDArray[Any]) -> str:
        """Adds a constant tensor and returns its name."""
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def add(self, op_type: str, inputs: Sequence[str], output: str, **attributes: Any) -> None:
        """Adds a node with one output."""
        from onnx import helper

        self.nodes.append(helper.make_node(op_type, inputs, [output], **attributes))

    def copy_node(self, node: Any, inputs: Sequence[str], outputs: Sequence[str], **changed: Any) -> None:
        """Adds a copy of an `onnx.NodeProto`, with its name, but other inputs, outputs and `changed` attributes."""
        from onnx import helper

        copy = helper.make_node(node.op_type, inputs, outputs, name=node.name, **changed)
        copy.attribute.extend(attribute for attribute in node.attribute if attribute.name not in changed)
        self.nodes.append(copy)

    def dequantized(self, name: str, values: NDArray[Any], scale: NDArray[np.float32]) -> str:
        """Adds an integer constant and a DequantizeLinear node with one scale per channel.

        Args:
            name: Prefix of the tensors' names.
            values: (channels, ...) quantized values.
            scale: (channels,) the quantization scales.

        Returns:
            The name of the dequantized tensor.
        """
        parts = [self.constant(f"{name}_integers", values), self.constant(f"{name}_scale", scale)]
        parts.append(self.constant(f"{name}_zero", np.zeros(scale.shape, values.dtype)))
        self.add("DequantizeLinear", parts, f"{name}_restored", axis=0)
        return f"{name}_restored"

    def write_to(self, graph: Any) -> None:
        """Replaces the nodes of an `onnx.GraphProto`, leaving out nodes that no output depends on.

        The graph's own constants stay if a new node uses them.
        """
        nodes, used = _needed(self.nodes, {value.name for value in graph.output})
        _replace(graph.node, nodes)
        _replace(graph.initializer, [t for t in (*graph.initializer, *self.constants) if t.name in used])


def _needed(nodes: list[Any], outputs: set[str]) -> tuple[list[Any], set[str]]:
    """The nodes that the outputs depend on, in order, and the names of all tensors that these nodes use."""
    kept, used = list[Any](), set(outputs)
    for node in reversed(nodes):
        if not used.isdisjoint(node.output):
            kept.append(node)
            used.update(node.input)
    return kept[::-1], used


def _replace(field: Any, items: Iterable[Any]) -> None:
    """Fills a repeated protobuf field, which can only be changed in place."""
    items = list(items)
    del field[:]
    field.extend(items)
