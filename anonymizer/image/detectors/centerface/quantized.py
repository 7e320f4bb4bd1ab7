"""Quantize CenterFace's network to int8: half the time of float32 for nearly the same boxes (infra/docs/detection.md).

Static post-training quantization in ONNX's QDQ form, which the runtime turns into integer kernels: activations are
uint8 with one scale per tensor, weights int8 with one scale per output channel (Jacob et al., "Quantization and
Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", CVPR 2018). Weights use only seven bits:
with eight, processors without VNNI saturate sums of pairs, and the machines of a cluster would give different boxes.

For the same reason the layers that stay in floating point (the deconvolutions and the heads) have exact sums
(`exact_sums`): every kernel gives the same result, whatever its order of additions and its use of fused operations.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonymizer.image.detectors.centerface import exact_sums, stem
from anonymizer.image.detectors.centerface.graph_writer import GraphWriter

_OPSET = 13
"""The first opset whose DequantizeLinear takes one scale per channel."""
_WEIGHT_MOST = 63
_ACTIVATION_MOST = 255
_RATIO_STEPS = 4096
_FEATURES = "535"
_EXACT = frozenset({_FEATURES, "537", "538", "539"})
"""The last features and the outputs of the heads: these layers stay in floating point, because box quality suffers
otherwise."""
_FEATURE_STEPS, _FEATURE_MOST = 512, 4095
"""The last features are rounded to multiples of 1/512 and clipped to 4095 of them (on photographs they reach 4.5)."""
_ONE = np.array(1, np.float32)


def activations(graph: Any) -> Iterator[str]:
    """Names of the tensors that are quantized to uint8: the output of each layer, after its ReLU.

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
    """Quantizes the network.

    Args:
        data: The result of `weights.cleaned`.
        ranges: Minimum and maximum of each tensor in `activations`.

    Returns:
        A serialized model with the same outputs, whose input is uint8 (`stem.cells`).
    """
    import onnx

    model = onnx.load_model_from_string(data)
    graph = model.graph
    model.opset_import[0].version = _OPSET
    quantizer = _Quantizer(graph, ranges)
    (value,) = graph.input
    stem.set_input(value)
    quantizer.picture(value.name)
    for node in graph.node:
        quantizer.layer(node)
    quantizer.out.write_to(graph)
    return bytes(model.SerializeToString())


class _Quantizer:
    """Rewrites the layers of a network one after another, quantized or with exact sums.

    A quantized tensor `NAME` exists in up to four forms: `NAME` is the layer's output, `NAME_integers` the uint8
    values, `NAME_rounded` the dequantized values, and `NAME_whole` the dequantized values divided by the scale: whole
    numbers of at most `_ACTIVATION_MOST` in magnitude.

    Args:
        graph: An `onnx.GraphProto`, not changed.
        ranges: Minimum and maximum of each tensor in `activations`.

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
        (self._picture,) = (value.name for value in graph.input)
        self._paired = dict[str, int]()
        """Tensors that their layer outputs in pairs -> their number of channels."""
        self._in_steps = set[str]()
        """Tensors that their layer already outputs in units of their scale."""

    def picture(self, name: str) -> None:
        """Adds the network's input, which is already uint8."""
        self.out.add("DequantizeLinear", [stem.add_cells(self.out, name), *self._steps(name)], f"{name}_rounded")

    def layer(self, node: Any) -> None:
        """Rewrites one node of the old graph."""
        name = node.output[0]
        if node.op_type == "ConvTranspose":
            return  # Written together with the batch normalization that follows it.
        if node.op_type == "BatchNormalization":
            self._deconvolution(node)
        elif self._rectified_as.get(name) == _FEATURES:
            self._last_features(node)
        elif name == _FEATURES:
            self._clipped_features(node)
        elif node.op_type == "Conv" and node.input[0] == _FEATURES:
            self._head(node)
        elif node.input[0] == self._picture:
            self._stem(node)
        else:
            self._in_integers(node)

    def _deconvolution(self, node: Any) -> None:
        """Rewrites a deconvolution with its batch normalization; its output is in units of the next tensor's scale."""
        before, becomes = self._layers[node.input[0]], self._rectified_as[node.output[0]]
        kernel, bias = _normalized(
            self._weights[before.input[1]], [self._weights[part] for part in node.input[1:5]], node
        )
        own, theirs = (self._scales[tensor][0] for tensor in (before.input[0], becomes))
        exact = exact_sums.layer(kernel * (own / theirs), bias / theirs, 1, _ACTIVATION_MOST)
        self._exactly(before, exact, node.output[0])
        self._in_steps.add(becomes)

    def _last_features(self, node: Any) -> None:
        """Rewrites the convolution for the last features; its output is in units of 1/`_FEATURE_STEPS`."""
        kernel, bias = (self._weights[part].astype(np.float64) * _FEATURE_STEPS for part in node.input[1:3])
        exact = exact_sums.layer(kernel * self._scales[node.input[0]][0], bias, 0, _ACTIVATION_MOST)
        self._exactly(node, exact, node.output[0])

    def _clipped_features(self, node: Any) -> None:
        """Rewrites the last features' ReLU, which also clips and rounds them to whole units."""
        limits = [self.out.constant("features_least", np.array(0, np.float32))]
        limits.append(self.out.constant("features_most", np.array(_FEATURE_MOST, np.float32)))
        self.out.add("Clip", [node.input[0], *limits], "features_within")
        self.out.add("Round", ["features_within"], node.output[0])

    def _head(self, node: Any) -> None:
        """Rewrites a head's convolution, which makes an output map from the last features."""
        kernel, bias = (self._weights[part].astype(np.float64) for part in node.input[1:3])
        self._exactly(node, exact_sums.layer(kernel / _FEATURE_STEPS, bias, 0, _FEATURE_MOST), node.output[0])
        self._round(node.output[0])

    def _stem(self, node: Any) -> None:
        """Rewrites the first layer, which computes two of its outputs at once."""
        given = [f"{self._picture}_rounded", *self._integer_weights(node, stem.PAIR)]
        self.out.copy_node(node, given, list(node.output), **stem.ATTRIBUTES)
        self._paired[self._rectified_as[node.output[0]]] = len(self._weights[node.input[1]])

    def _in_integers(self, node: Any) -> None:
        """Rewrites any other layer; the runtime uses integer kernels where inputs and output are quantized."""
        name = node.output[0]
        inputs = [f"{source}_rounded" if source in self._scales else source for source in node.input]
        in_bits = node.input[0] in self._scales and self._rectified_as.get(name, name) in self._scales
        if node.op_type == "Conv" and in_bits:
            inputs[1:3] = self._integer_weights(node)
        self.out.copy_node(node, inputs, list(node.output))
        self._round(name)

    def _integer_weights(self, node: Any, pair: int = 1) -> list[str]:
        """Adds a convolution's kernel as int8, one scale per channel, and its bias as int32 in the product's scale."""
        kernel, bias = (self._weights[part] for part in node.input[1:3])
        step = np.maximum(np.abs(kernel).reshape(len(kernel), -1).max(axis=1), 1e-8) / np.float32(_WEIGHT_MOST)
        integers = np.rint(kernel / step.reshape(-1, 1, 1, 1)).astype(np.int8)
        bias_step = (step * np.float32(self._scales[node.input[0]][0])).astype(np.float32)
        whole_bias, step = np.rint(bias / bias_step).astype(np.int32), step.astype(np.float32)
        if pair > 1:
            integers = stem.paired_kernel(integers)
        return [
            self.out.dequantized(node.input[1], integers, np.tile(step, pair)),
            self.out.dequantized(node.input[2], np.tile(whole_bias, pair), np.tile(bias_step, pair)),
        ]

    def _exactly(self, node: Any, layer: exact_sums.Layer, result: str) -> None:
        """Adds a floating-point layer whose sums of whole numbers are exact."""
        values = dict(zip((f"{result}_kernel", f"{result}_bias"), layer[:2], strict=True))
        given = self._whole(node.input[0])
        if node.op_type == "ConvTranspose":
            # As integers, because the runtime would quantize float weights to eight bits itself.
            counts = {name: np.rint(part / layer.unit).astype(np.int32) for name, part in values.items()}
            units = {name: np.full(len(part), layer.unit, np.float32) for name, part in counts.items()}
            parts = [self.out.dequantized(name, part, units[name]) for name, part in counts.items()]
        else:
            parts = [self.out.constant(name, part) for name, part in values.items()]
        self.out.copy_node(node, [given, *parts], [result])

    def _whole(self, name: str) -> str:
        """A tensor as whole numbers; a quantized one in units of its scale."""
        if name not in self._scales:
            return name
        one = self.out.constant(f"{name}_whole_one", _ONE)
        self.out.add("DequantizeLinear", [f"{name}_integers", one, self._steps(name)[1]], f"{name}_whole")
        return f"{name}_whole"

    def _round(self, name: str) -> None:
        """Adds QuantizeLinear and DequantizeLinear for a quantized tensor; the result is `{name}_rounded`."""
        if name not in self._scales:
            return
        steps = self._steps(name)
        given = [self.out.constant(f"{name}_one", _ONE), steps[1]] if name in self._in_steps else steps
        in_pairs = name in self._paired
        self.out.add("QuantizeLinear", [name, *given], f"{name}_pairs" if in_pairs else f"{name}_integers")
        if in_pairs:
            stem.add_unpaired(self.out, f"{name}_pairs", f"{name}_integers", self._paired[name])
        self.out.add("DequantizeLinear", [f"{name}_integers", *steps], f"{name}_rounded")

    def _steps(self, name: str) -> list[str]:
        """Adds scale and zero point of a quantized tensor."""
        scale, zero = np.array(self._scales[name][0], np.float32), np.array(self._scales[name][1], np.uint8)
        return [self.out.constant(f"{name}_scale", scale), self.out.constant(f"{name}_zero", zero)]


def _commensurable(graph: Any, scales: Mapping[str, tuple[float, int]]) -> dict[str, tuple[float, int]]:
    """Makes the scales of a sum's inputs multiples of 1/`_RATIO_STEPS` of the sum's scale.

    The runtime adds integers of different scales in float32. With such ratios only the final result is rounded, so
    kernels with and without fused multiply-add give the same result.
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
    """Folds the batch normalization into a deconvolution: its kernel, (inputs, outputs, ...), and bias."""
    factor, offset, mean, variance = normalization
    epsilon = next(attribute.f for attribute in node.attribute if attribute.name == "epsilon")
    times = factor.astype(np.float64) / np.sqrt(variance.astype(np.float64) + epsilon)
    return kernel * times.reshape(1, -1, 1, 1), offset - mean * times


def _scale(least: float, greatest: float) -> tuple[float, int]:
    """Scale and zero point of a range; zero is represented exactly."""
    least, greatest = min(0.0, least), max(0.0, greatest)
    step = max(greatest - least, 1e-8) / _ACTIVATION_MOST
    return step, round(-least / step)
