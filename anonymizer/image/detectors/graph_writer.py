"""Nodes and constants of an ONNX graph while it is written."""

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
        """Adds a node of one output."""
        from onnx import helper

        self.nodes.append(helper.make_node(op_type, inputs, [output], **attributes))

    def again(self, node: Any, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        """Adds a copy of an `onnx.NodeProto`, with its name and attributes, between other tensors."""
        from onnx import helper

        copy = helper.make_node(node.op_type, inputs, outputs, name=node.name)
        copy.attribute.extend(node.attribute)
        self.nodes.append(copy)

    def restored(self, name: str, values: NDArray[Any], scale: NDArray[np.float32]) -> str:
        """Adds integers and a node that gives them back as numbers, channel by channel.

        Args:
            name: What the names of its tensors begin with.
            values: (channels, ...) integers.
            scale: (channels,) the number that one stands for.

        Returns:
            The name of the numbers' tensor.
        """
        parts = [self.constant(f"{name}_integers", values), self.constant(f"{name}_scale", scale)]
        parts.append(self.constant(f"{name}_zero", np.zeros(scale.shape, values.dtype)))
        self.add("DequantizeLinear", parts, f"{name}_restored", axis=0)
        return f"{name}_restored"

    def put_into(self, graph: Any) -> None:
        """Puts the nodes in place of an `onnx.GraphProto`'s own, without those that none of its outputs depends on.

        Constants that the graph had and that the new nodes still use stay.
        """
        nodes, used = _needed(self.nodes, {value.name for value in graph.output})
        _replace(graph.node, nodes)
        _replace(graph.initializer, [t for t in (*graph.initializer, *self.constants) if t.name in used])


def _needed(nodes: list[Any], outputs: set[str]) -> tuple[list[Any], set[str]]:
    """The nodes that the outputs depend on, in their order, and the names of all tensors that these take."""
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
