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
from anonymizer.image.detectors.graph_writer import GraphWriter

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
_ONE = np.array(1, np.float32)


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

    model = onnx.load_model_from_string(data)
    graph = model.graph
    model.opset_import[0].version = _OPSET
    quantizer = _Quantizer(graph, ranges)
    for value in graph.input:
        # A picture is in eight bits already.
        value.type.tensor_type.elem_type = onnx.TensorProto.UINT8
        quantizer.picture(value.name)
    for node in graph.node:
        quantizer.layer(node)
    quantizer.out.put_into(graph)
    return bytes(model.SerializeToString())


class _Quantizer:
    """Takes the layers of a network one after another and writes each anew, quantized or with exact sums.

    A tensor `NAME` that is kept in eight bits is there in up to four forms: `NAME` is what the layer gives,
    `NAME_integers` the eight bits, `NAME_rounded` the numbers that these stand for, and `NAME_whole` the same counted
    in steps: whole numbers, at most `_ACTIVATION_MOST` from zero.

    Args:
        graph: An `onnx.GraphProto`, not changed.
        ranges: Least and greatest value of each of `activations`.

    Attributes:
        out: The new graph so far.
    """

    def __init__(self, graph: Any, ranges: Mapping[str, tuple[float, float]]) -> None:
        from onnx import numpy_helper

        self.out = GraphWriter()
        self._weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        self._scales = _commensurable(graph, {name: _scale(*ranges[name]) for name in activations(graph)})
        self._layers = {node.output[0]: node for node in graph.node}
        self._rectified_as = {node.input[0]: node.output[0] for node in graph.node if node.op_type == "Relu"}
        self._in_steps = set[str]()
        """Tensors that are counted in steps already where they come out of their layer."""

    def picture(self, name: str) -> None:
        """The network's input, whose bytes are its integers."""
        self.out.add("DequantizeLinear", [name, *self._steps(name)], f"{name}_rounded")

    def layer(self, node: Any) -> None:
        """One node of the old graph."""
        name = node.output[0]
        if node.op_type == "ConvTranspose":
            return  # It is written together with the normalization that follows it.
        if node.op_type == "BatchNormalization":
            self._deconvolution(node)
        elif self._rectified_as.get(name) == _FEATURES:
            self._last_features(node)
        elif name == _FEATURES:
            self._clipped_features(node)
        elif node.op_type == "Conv" and node.input[0] == _FEATURES:
            self._head(node)
        else:
            self._in_integers(node)

    def _deconvolution(self, node: Any) -> None:
        """A deconvolution with its normalization; the result is counted in steps of the tensor that it becomes."""
        before, becomes = self._layers[node.input[0]], self._rectified_as[node.output[0]]
        kernel, bias = _normalized(
            self._weights[before.input[1]], [self._weights[part] for part in node.input[1:5]], node
        )
        own, theirs = (self._scales[tensor][0] for tensor in (before.input[0], becomes))
        exact = whole.layer(kernel * (own / theirs), bias / theirs, 1, _ACTIVATION_MOST)
        self._exactly(before, exact, node.output[0])
        self._in_steps.add(becomes)

    def _last_features(self, node: Any) -> None:
        """The convolution that makes the last features, counted in steps of one `_FEATURE_STEPS`th."""
        kernel, bias = (self._weights[part].astype(np.float64) * _FEATURE_STEPS for part in node.input[1:3])
        exact = whole.layer(kernel * self._scales[node.input[0]][0], bias, 0, _ACTIVATION_MOST)
        self._exactly(node, exact, node.output[0])

    def _clipped_features(self, node: Any) -> None:
        """The last features' ReLU, which keeps them to whole numbers of steps as well."""
        limits = [self.out.constant("features_least", np.array(0, np.float32))]
        limits.append(self.out.constant("features_most", np.array(_FEATURE_MOST, np.float32)))
        self.out.add("Clip", [node.input[0], *limits], "features_within")
        self.out.add("Round", ["features_within"], node.output[0])

    def _head(self, node: Any) -> None:
        """A convolution that makes a map of the last features."""
        kernel, bias = (self._weights[part].astype(np.float64) for part in node.input[1:3])
        self._exactly(node, whole.layer(kernel / _FEATURE_STEPS, bias, 0, _FEATURE_MOST), node.output[0])
        self._round(node.output[0])

    def _in_integers(self, node: Any) -> None:
        """Any other layer: the runtime does it in integers where its inputs and its result are rounded."""
        name = node.output[0]
        inputs = [f"{source}_rounded" if source in self._scales else source for source in node.input]
        in_bits = node.input[0] in self._scales and self._rectified_as.get(name, name) in self._scales
        if node.op_type == "Conv" and in_bits:
            inputs[1:3] = self._integer_weights(node)
        self.out.again(node, inputs, list(node.output))
        self._round(name)

    def _integer_weights(self, node: Any) -> list[str]:
        """A convolution's kernel as int8, one step a channel, and its bias as int32 in the steps of the products."""
        kernel, bias = (self._weights[part] for part in node.input[1:3])
        step = np.maximum(np.abs(kernel).reshape(len(kernel), -1).max(axis=1), 1e-8) / np.float32(_WEIGHT_MOST)
        integers = np.rint(kernel / step.reshape(-1, 1, 1, 1)).astype(np.int8)
        bias_step = (step * np.float32(self._scales[node.input[0]][0])).astype(np.float32)
        return [
            self.out.restored(node.input[1], integers, step.astype(np.float32)),
            self.out.restored(node.input[2], np.rint(bias / bias_step).astype(np.int32), bias_step),
        ]

    def _exactly(self, node: Any, layer: whole.Layer, result: str) -> None:
        """A layer in floating point whose sums of whole numbers are exact."""
        values = dict(zip((f"{result}_kernel", f"{result}_bias"), layer[:2], strict=True))
        given = self._whole(node.input[0])
        if node.op_type == "ConvTranspose":
            # As integers: weights of another kind the runtime would bring to eight bits itself.
            counts = {name: np.rint(part / layer.unit).astype(np.int32) for name, part in values.items()}
            units = {name: np.full(len(part), layer.unit, np.float32) for name, part in counts.items()}
            parts = [self.out.restored(name, part, units[name]) for name, part in counts.items()]
        else:
            parts = [self.out.constant(name, part) for name, part in values.items()]
        self.out.again(node, [given, *parts], [result])

    def _whole(self, name: str) -> str:
        """A tensor as whole numbers: what is kept in eight bits is counted in its steps."""
        if name not in self._scales:
            return name
        one = self.out.constant(f"{name}_whole_one", _ONE)
        self.out.add("DequantizeLinear", [f"{name}_integers", one, self._steps(name)[1]], f"{name}_whole")
        return f"{name}_whole"

    def _round(self, name: str) -> None:
        """A pair of nodes that rounds a tensor to eight bits, where it is kept so; `{name}_rounded` is the result."""
        if name not in self._scales:
            return
        steps = self._steps(name)
        given = [self.out.constant(f"{name}_one", _ONE), steps[1]] if name in self._in_steps else steps
        self.out.add("QuantizeLinear", [name, *given], f"{name}_integers")
        self.out.add("DequantizeLinear", [f"{name}_integers", *steps], f"{name}_rounded")

    def _steps(self, name: str) -> list[str]:
        """Step and zero point of a tensor that is kept in eight bits."""
        scale, zero = np.array(self._scales[name][0], np.float32), np.array(self._scales[name][1], np.uint8)
        return [self.out.constant(f"{name}_scale", scale), self.out.constant(f"{name}_zero", zero)]


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
