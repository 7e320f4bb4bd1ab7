from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from skimage.data import astronaut

from anonymizer.config import DetectorConfig
from anonymizer.image import geometry
from anonymizer.image.detectors import load_weights, weights
from anonymizer.image.detectors.centerface.detector import CenterFace
from anonymizer.image.detectors.centerface.network import HEAT_STEPS, SCALE_STEPS, run, session
from anonymizer.image.detectors.centerface.quantized import _scale, activations, quantized
from anonymizer.image.detectors.centerface.ranges import RANGES


def read(path: str) -> bytes:
    return Path(path).read_bytes()


@pytest.fixture(scope="module")
def exact() -> bytes:
    return weights.cleaned(weights.centerface(None, read))


@pytest.fixture(scope="module")
def rounded(exact) -> bytes:
    return quantized(exact, RANGES)


def test_every_activation_has_its_range(exact):
    assert set(activations(onnx.load_model_from_string(exact).graph)) == set(RANGES)


def test_one_network_gives_one_file(exact, rounded):
    assert quantized(exact, RANGES) == rounded
    assert quantized(exact, {**RANGES, "input.1": (0.0, 256.0)}) != rounded


def test_a_quarter_of_the_size(exact, rounded):
    assert len(rounded) < len(exact) / 3


def test_weights_keep_to_seven_bits(rounded):
    arrays = [onnx.numpy_helper.to_array(tensor) for tensor in onnx.load_model_from_string(rounded).graph.initializer]
    integers = [array for array in arrays if array.dtype == np.int8 and array.ndim == 4]
    assert len(integers) > 40
    assert max(np.abs(array).max() for array in integers) == 63


@pytest.mark.parametrize("size", [(32, 32), (64, 96), (160, 32)])
def test_maps_of_any_size_are_close_to_those_of_the_exact_network(exact, rounded, size):
    picture = np.ascontiguousarray(astronaut()[40 : 40 + size[0], 160 : 160 + size[1]])
    pictures = picture[None]
    for ours, theirs in zip(run(session(rounded), pictures), run(session(exact), pictures), strict=True):
        assert ours.shape == theirs.shape
        assert np.abs(ours - theirs).mean() < 0.1 * np.abs(theirs).mean() + 0.01


def test_the_same_face_at_nearly_the_same_place(exact, rounded):
    (ours, our_score), (theirs, their_score) = (
        CenterFace(DetectorConfig(), network).detect(astronaut()) for network in (rounded, exact)
    )
    best, other = int(our_score.argmax()), int(their_score.argmax())
    assert geometry.iou(ours[[best]], theirs[[other]])[0, 0] > 0.9
    assert our_score[best] == pytest.approx(their_score[other], abs=0.05)


@pytest.mark.parametrize(
    ("config", "gpu", "is_rounded"),
    [
        (DetectorConfig(preset="fast"), False, True),
        (DetectorConfig(preset="balanced"), False, True),
        (DetectorConfig(preset="balanced"), True, False),
        (DetectorConfig(preset="balanced", precision="int8"), True, True),
        (DetectorConfig(preset="balanced", precision="float32"), False, False),
        (DetectorConfig(preset="thorough"), False, False),
        (DetectorConfig(preset="thorough", precision="int8"), False, True),
    ],
)
def test_which_precision(exact, rounded, config, gpu, is_rounded):
    assert load_weights(config, read, gpu=gpu) == (rounded if is_rounded else exact)


def test_no_sum_in_floating_point_is_rounded(rounded):
    """Inputs, weights and bias are whole multiples of powers of two, and no sum of them has more than 24 bits."""
    graph = onnx.load_model_from_string(rounded).graph
    tensors = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and all(name in tensors for name in node.input):
            values, scale = (tensors[name].astype(np.float64) for name in node.input[:2])
            tensors[node.output[0]] = values * scale.reshape(-1, *[1] * (values.ndim - 1))
    plain = [node for node in graph.node if "Conv" in node.op_type and not node.input[0].endswith("_rounded")]
    assert [node.op_type for node in plain] == ["ConvTranspose"] * 3 + ["Conv"] * 4
    for node in plain:
        kernel, bias = (tensors[name].astype(np.float64) for name in node.input[1:])
        unit = 2.0 ** min(_exponent(kernel), _exponent(bias))
        axes = (0, 2, 3) if node.op_type == "ConvTranspose" else (1, 2, 3)
        most = 4095 if node.input[0] == "535" else 255
        assert (most * np.abs(kernel).sum(axis=axes) + np.abs(bias)).max() < 2**24 * unit


def test_additions_of_integers_are_exact_before_they_are_rounded(rounded):
    """The steps of both inputs are whole 4096ths of the sum's: products and sums fit a float32, fused or not."""
    graph = onnx.load_model_from_string(rounded).graph
    tensors = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    additions = [node for node in graph.node if node.op_type == "Add"]
    assert len(additions) == 13
    for node in additions:
        own = tensors[f"{node.output[0]}_scale"]
        ratios = np.array([tensors[name.replace("_rounded", "_scale")] / own for name in node.input])
        assert (ratios * 4096 % 1 == 0).all()
        assert 2 * 255 * ratios.max() < 2**11


def _exponent(values: np.ndarray) -> int:
    """Of the largest power of two that all values are whole multiples of."""
    exponent = 8
    while (values / 2.0**exponent % 1).any():
        exponent -= 1
    return exponent


def test_a_last_bit_never_decides_how_a_score_or_a_side_is_rounded():
    """There are 256 scores and a few thousand sides; none lies half way between two steps."""
    step, zero = _scale(*RANGES["536"])
    scores = 1 / (1 + np.exp(-(np.arange(256) - zero) * step))
    scores = scores[scores > 0.01]
    assert (_from_middle(scores * HEAT_STEPS) > 16 * np.spacing(np.float32(1)) * HEAT_STEPS).all()
    sides = np.exp(np.arange(-4 * SCALE_STEPS, 8 * SCALE_STEPS) / SCALE_STEPS) * 256
    assert (_from_middle(sides) > 1e-14 * sides).all()


def _from_middle(values: np.ndarray) -> np.ndarray:
    return np.abs(values % 1 - 0.5)
