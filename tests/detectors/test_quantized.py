from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from skimage.data import astronaut

from anonymizer import geometry
from anonymizer.config import DetectorConfig
from anonymizer.detectors import load_weights, weights
from anonymizer.detectors.centerface import CenterFace
from anonymizer.detectors.network import run, session
from anonymizer.detectors.quantized import activations, quantized
from anonymizer.detectors.ranges import RANGES


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
    blob = picture.transpose(2, 0, 1)[None]
    for ours, theirs in zip(run(session(rounded), blob), run(session(exact), blob), strict=True):
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
