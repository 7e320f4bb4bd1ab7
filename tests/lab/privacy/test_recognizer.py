"""A recogniser from a file: tiny graphs made here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from anonymizer.errors import UsageError
from anonymizer.lab.privacy import recognizer
from anonymizer.lab.privacy.features import SIDE_PX


def graph(shape: Sequence[int | str | None], *, kind: int = TensorProto.FLOAT, scale: float = 1.0) -> bytes:
    """Flattens what comes in and multiplies it: the embedding is the picture itself."""
    nodes = [
        helper.make_node("Mul", ["face", "scale"], ["scaled"]),
        helper.make_node("Flatten", ["scaled"], ["embedding"]),
    ]
    made = helper.make_graph(
        nodes,
        "recognizer",
        [helper.make_tensor_value_info("face", kind, shape)],
        [helper.make_tensor_value_info("embedding", kind, [None, None])],
        [helper.make_tensor("scale", kind, [], [scale])],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def crops() -> np.ndarray:
    """Two: red in the middle of a green rim, and blue left of red."""
    made = np.zeros((2, SIDE_PX, SIDE_PX, 3), np.uint8)
    made[..., 1] = 255
    rim = round(SIDE_PX * (1 - 1 / 2.4) / 2)
    made[:, rim:-rim, rim:-rim] = (255, 0, 0)
    made[1, :, : SIDE_PX // 2] = (0, 0, 255)
    return made


@pytest.mark.parametrize("batch", [1, "N", None])
def test_faces_are_rgb_from_minus_one_to_one_channels_first(batch):
    found = recognizer.load(graph([batch, 3, 4, 6]))(crops())
    assert found.shape == (2, 72)
    assert np.linalg.norm(found, axis=1) == pytest.approx([1, 1])
    unit = 72**-0.5
    # The green rim is not seen: the box alone is.
    assert found[0] == pytest.approx([unit] * 24 + [-unit] * 48)
    red = np.tile([-unit] * 3 + [unit] * 3, 4)
    assert found[1] == pytest.approx(np.concatenate([red, [-unit] * 24, -red]))


def test_channels_may_come_last():
    found = recognizer.load(graph(["N", 4, 6, 3]))(crops())
    assert found[0] == pytest.approx(np.tile([1, -1, -1], 24) * 72**-0.5)


@pytest.mark.parametrize(
    "shape", [["N", 1, 4, 4], ["N", 4, 4], ["N", 3, "height", "width"], ["N", 4, 4, 1], ["N", 3, 4, None]]
)
def test_another_input_is_refused(shape):
    with pytest.raises(UsageError, match="needs one float32 input"):
        recognizer.load(graph(shape))


def test_another_type_is_refused():
    with pytest.raises(UsageError, match="needs one float32 input"):
        recognizer.load(graph(["N", 3, 4, 4], kind=TensorProto.DOUBLE))


@pytest.mark.parametrize("data", [b"", b"no network", graph([1, 3, 4, 4])[:60]])
def test_a_file_that_is_no_network_is_refused(data):
    with pytest.raises(UsageError, match="no network"):
        recognizer.load(data)


def test_a_batch_that_is_fixed_to_two_is_refused():
    with pytest.raises(UsageError, match="could not be run"):
        recognizer.load(graph([2, 3, 4, 4]))(crops())


def test_an_answer_that_is_not_finite_is_refused():
    with pytest.raises(UsageError, match="not finite"):
        recognizer.load(graph([1, 3, 4, 4], scale=float("inf")))(crops())


def test_it_attacks_as_it_is_and_taught():
    assert [attacker.eye for attacker in recognizer.ATTACKERS] == [recognizer.EYE] * 2
