"""CenterFace's network in eight bits: half the time of 32, for nearly the same boxes (infra/docs/detection.md).

Static post-training quantization in ONNX's QDQ form, which the runtime turns into integer kernels: activations are
uint8 with one scale a tensor, weights int8 with one scale an output channel (Jacob et al., "Quantization and Training
of Neural Networks for Efficient Integer-Arithmetic-Only Inference", CVPR 2018). Weights keep to seven bits: with eight,
processors without VNNI saturate sums of pairs, and a cluster's machines would give different boxes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_OPSET = 13
"""The first whose DequantizeLinear takes a scale a channel."""
_WEIGHT_MOST = 63
_ACTIVATION_MOST = 255
_EXACT = frozenset({"535", "537", "538", "539"})
"""The last features and what the heads make of them: these layers stay in floating point, which boxes are worth."""


def activations(graph: Any) -> Iterator[str]:
    """Names of the tensors between layers that are kept in eight bits: each layer's result, after its ReLU.

    Args:
        graph: An `onnx.GraphProto` of convolutions, ReLUs and sums (`weights.cleaned`).
    """
    rectified = {node.input[0] for node in graph.node if node.op_type == "Relu"}
    yield from (value.name for value in graph.input)
    for node in graph.node:
        name = node.output[0]
        if node.op_type in ("Conv", "Relu", "Add") and name not in rectified and name not in _EXACT:
            yield name


def quantized(data: bytes, ranges: Mapping[str, tuple[float, float]]) -> bytes:
    """The network with integer convolutions.

    Args:
        data: What `weights.cleaned` returned.
        ranges: Least and greatest value of each of `activations`.

    Returns:
        A serialized model with the same outputs, whose input is the picture's bytes.
    """
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load_model_from_string(data)
    graph = model.graph
    model.opset_import[0].version = _OPSET
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    scales = {name: _scale(*ranges[name]) for name in activations(graph)}
    nodes, constants = [], list[Any]()

    def constant(name: str, values: NDArray[Any]) -> str:
        constants.append(numpy_helper.from_array(values, name))
        return name

    def restored(name: str, values: NDArray[Any], scale: NDArray[np.float32]) -> str:
        """A node that gives integers back as numbers, channel by channel."""
        parts = [constant(f"{name}_integers", values), constant(f"{name}_scale", scale)]
        parts.append(constant(f"{name}_zero", np.zeros(scale.shape, values.dtype)))
        nodes.append(helper.make_node("DequantizeLinear", parts, [f"{name}_restored"], axis=0))
        return f"{name}_restored"

    def steps(name: str) -> list[str]:
        """Step and zero point of a tensor."""
        scale, zero = np.array(scales[name][0], np.float32), np.array(scales[name][1], np.uint8)
        return [constant(f"{name}_scale", scale), constant(f"{name}_zero", zero)]

    def rounded(name: str) -> None:
        """A pair of nodes that rounds a tensor to eight bits; `{name}_rounded` is the result."""
        shared = steps(name)
        nodes.append(helper.make_node("QuantizeLinear", [name, *shared], [f"{name}_integers"]))
        nodes.append(helper.make_node("DequantizeLinear", [f"{name}_integers", *shared], [f"{name}_rounded"]))

    after = {node.input[0]: node.output[0] for node in graph.node if node.op_type == "Relu"}
    for value in graph.input:
        # A picture is in eight bits already.
        value.type.tensor_type.elem_type = onnx.TensorProto.UINT8
        nodes.append(helper.make_node("DequantizeLinear", [value.name, *steps(value.name)], [f"{value.name}_rounded"]))
    for node in graph.node:
        inputs = [f"{name}_rounded" if name in scales else name for name in node.input]
        if node.op_type == "Conv" and node.input[0] in scales and after.get(node.output[0], node.output[0]) in scales:
            kernel, bias = (weights[name] for name in node.input[1:3])
            step = np.maximum(np.abs(kernel).reshape(len(kernel), -1).max(axis=1), 1e-8) / np.float32(_WEIGHT_MOST)
            integers = np.rint(kernel / step.reshape(-1, 1, 1, 1)).astype(np.int8)
            bias_step = (step * np.float32(scales[node.input[0]][0])).astype(np.float32)
            inputs[1] = restored(node.input[1], integers, step.astype(np.float32))
            inputs[2] = restored(node.input[2], np.rint(bias / bias_step).astype(np.int32), bias_step)
        again = helper.make_node(node.op_type, inputs, list(node.output), name=node.name)
        again.attribute.extend(node.attribute)
        nodes.append(again)
        if node.output[0] in scales:
            rounded(node.output[0])
    _replace(graph.node, nodes)
    used = {name for node in nodes for name in node.input}
    _replace(graph.initializer, [t for t in (*graph.initializer, *constants) if t.name in used])
    return bytes(model.SerializeToString())


def _scale(least: float, greatest: float) -> tuple[float, int]:
    """Step and zero point of a range; zero itself is always exact."""
    least, greatest = min(0.0, least), max(0.0, greatest)
    step = max(greatest - least, 1e-8) / _ACTIVATION_MOST
    return step, round(-least / step)


def _replace(field: Any, items: Iterable[Any]) -> None:
    items = list(items)
    del field[:]
    field.extend(items)
