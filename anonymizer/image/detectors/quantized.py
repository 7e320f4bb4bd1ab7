"""CenterFace's network in eight bits: half the time of 32, for nearly the same boxes (infra/docs/detection.md).

Static post-training quantization in ONNX's QDQ form, which the runtime turns into integer kernels: activations are
uint8 with one scale a tensor, weights int8 with one scale an output channel (Jacob et al., "Quantization and Training
of Neural Networks for Efficient Integer-Arithmetic-Only Inference", CVPR 2018). Weights keep to seven bits: with eight,
processors without VNNI saturate sums of pairs, and a cluster's machines would give different boxes.

For the same reason the few layers that stay in floating point (the deconvolutions and the heads) have exact sums
(`whole`): every kernel, in whatever order it adds and with or without fused operations, gives the same number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonymizer.image.detectors import whole

_OPSET = 13
"""The first whose DequantizeLinear takes a scale a channel."""
_WEIGHT_MOST = 63
_ACTIVATION_MOST = 255
_RATIO_STEPS = 4096
_FEATURES = "535"
_EXACT = frozenset({_FEATURES, "537", "538", "539"})
"""The last features and what the heads make of them: these layers stay in floating point, which boxes are worth."""
_FEATURE_STEPS, _FEATURE_MOST = 512, 4095
"""Steps of one in which the last features are held, and the most of them (on photographs they reach 4.5)."""


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
    scales = _commensurable(graph, {name: _scale(*ranges[name]) for name in activations(graph)})
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
        given = [constant(f"{name}_one", one), shared[1]] if name in in_steps else shared
        nodes.append(helper.make_node("QuantizeLinear", [name, *given], [f"{name}_integers"]))
        nodes.append(helper.make_node("DequantizeLinear", [f"{name}_integers", *shared], [f"{name}_rounded"]))

    def exactly(node: Any, layer: whole.Layer, result: str) -> None:
        """A layer in floating point that gives exact sums, of whole numbers."""
        source = node.input[0]
        given = source
        if source in scales:
            given = f"{source}_whole"
            counted = [f"{source}_integers", constant(f"{given}_one", one), steps(source)[1]]
            nodes.append(helper.make_node("DequantizeLinear", counted, [given]))
        values = dict(zip((f"{result}_kernel", f"{result}_bias"), layer[:2], strict=True))
        if node.op_type == "ConvTranspose":
            # As integers: weights of another kind the runtime would bring to eight bits itself.
            counts = {name: np.rint(part / layer.unit).astype(np.int32) for name, part in values.items()}
            parts = [restored(name, part, np.full(len(part), layer.unit, np.float32)) for name, part in counts.items()]
        else:
            parts = [constant(name, part) for name, part in values.items()]
        again = helper.make_node(node.op_type, [given, *parts], [result], name=node.name)
        again.attribute.extend(node.attribute)
        nodes.append(again)

    one = np.array(1, np.float32)
    in_steps = set[str]()
    layers = {node.output[0]: node for node in graph.node}
    after = {node.input[0]: node.output[0] for node in graph.node if node.op_type == "Relu"}
    for value in graph.input:
        # A picture is in eight bits already.
        value.type.tensor_type.elem_type = onnx.TensorProto.UINT8
        nodes.append(helper.make_node("DequantizeLinear", [value.name, *steps(value.name)], [f"{value.name}_rounded"]))
    for node in graph.node:
        name = node.output[0]
        if node.op_type == "ConvTranspose":
            continue
        if node.op_type == "BatchNormalization":
            # Of a deconvolution; its result is counted in steps of the tensor that it becomes.
            before, becomes = layers[node.input[0]], after[name]
            kernel, bias = _normalized(weights[before.input[1]], [weights[part] for part in node.input[1:5]], node)
            own, theirs = (scales[tensor][0] for tensor in (before.input[0], becomes))
            exactly(before, whole.layer(kernel * (own / theirs), bias / theirs, 1, _ACTIVATION_MOST), name)
            in_steps.add(becomes)
            continue
        if after.get(name) == _FEATURES:
            kernel, bias = (weights[part].astype(np.float64) * _FEATURE_STEPS for part in node.input[1:3])
            exactly(node, whole.layer(kernel * scales[node.input[0]][0], bias, 0, _ACTIVATION_MOST), name)
            continue
        if name == _FEATURES:
            limits = [constant("features_least", np.array(0, np.float32))]
            limits.append(constant("features_most", np.array(_FEATURE_MOST, np.float32)))
            nodes.append(helper.make_node("Clip", [node.input[0], *limits], ["features_within"]))
            nodes.append(helper.make_node("Round", ["features_within"], [name]))
            continue
        if node.op_type == "Conv" and node.input[0] == _FEATURES:
            kernel, bias = (weights[part].astype(np.float64) for part in node.input[1:3])
            exactly(node, whole.layer(kernel / _FEATURE_STEPS, bias, 0, _FEATURE_MOST), name)
            if name in scales:
                rounded(name)
            continue
        inputs = [f"{source}_rounded" if source in scales else source for source in node.input]
        if node.op_type == "Conv" and node.input[0] in scales and after.get(name, name) in scales:
            kernel, bias = (weights[name] for name in node.input[1:3])
            step = np.maximum(np.abs(kernel).reshape(len(kernel), -1).max(axis=1), 1e-8) / np.float32(_WEIGHT_MOST)
            integers = np.rint(kernel / step.reshape(-1, 1, 1, 1)).astype(np.int8)
            bias_step = (step * np.float32(scales[node.input[0]][0])).astype(np.float32)
            inputs[1] = restored(node.input[1], integers, step.astype(np.float32))
            inputs[2] = restored(node.input[2], np.rint(bias / bias_step).astype(np.int32), bias_step)
        again = helper.make_node(node.op_type, inputs, list(node.output), name=node.name)
        again.attribute.extend(node.attribute)
        nodes.append(again)
        if name in scales:
            rounded(name)
    nodes, used = _needed(nodes, {value.name for value in graph.output})
    _replace(graph.node, nodes)
    _replace(graph.initializer, [t for t in (*graph.initializer, *constants) if t.name in used])
    return bytes(model.SerializeToString())


def _commensurable(graph: Any, scales: Mapping[str, tuple[float, int]]) -> dict[str, tuple[float, int]]:
    """Steps and zero points with the steps of a sum's inputs raised to whole `_RATIO_STEPS` parts of the sum's own.

    The runtime adds integers of different steps in float32. Their ratios being short, only the end is rounded, and not
    differently by kernels that fuse multiplication and addition.
    """
    changed = dict(scales)
    for node in reversed([node for node in graph.node if node.op_type == "Add"]):
        own = np.float32(changed[node.output[0]][0])
        for name in node.input:
            step, zero = changed[name]
            parts = math.ceil(step / float(own) * _RATIO_STEPS)
            while np.float32(own * np.float32(parts / _RATIO_STEPS)) / own != np.float32(parts / _RATIO_STEPS):
                parts += 1
            raised = float(own * np.float32(parts / _RATIO_STEPS))
            changed[name] = raised, round(zero * step / raised)
    return changed


def _needed(nodes: list[Any], outputs: set[str]) -> tuple[list[Any], set[str]]:
    """The nodes that the outputs depend on, in their order, and the names of all tensors that these take."""
    kept, used = list[Any](), set(outputs)
    for node in reversed(nodes):
        if not used.isdisjoint(node.output):
            kept.append(node)
            used.update(node.input)
    return kept[::-1], used


def _normalized(
    kernel: NDArray[np.float32],
    normalization: Iterable[NDArray[np.float32]],
    node: Any,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Kernel and bias of a deconvolution, (inputs, outputs, ...), with the normalization that follows it."""
    factor, offset, mean, variance = normalization
    epsilon = next(attribute.f for attribute in node.attribute if attribute.name == "epsilon")
    times = factor.astype(np.float64) / np.sqrt(variance.astype(np.float64) + epsilon)
    return kernel * times.reshape(1, -1, 1, 1), offset - mean * times


def _scale(least: float, greatest: float) -> tuple[float, int]:
    """Step and zero point of a range; zero itself is always exact."""
    least, greatest = min(0.0, least), max(0.0, greatest)
    step = max(greatest - least, 1e-8) / _ACTIVATION_MOST
    return step, round(-least / step)


def _replace(field: Any, items: Iterable[Any]) -> None:
    items = list(items)
    del field[:]
    field.extend(items)
