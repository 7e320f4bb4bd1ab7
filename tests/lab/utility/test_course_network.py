"""The page's network: its layers, and that a seed repeats it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from anonymizer.errors import UsageError
from anonymizer.lab.utility import course_network
from anonymizer.lab.utility.course_network import Labelled, TrainingSet


@pytest.fixture
def keras(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    pytest.importorskip("torch", reason="the `utility` extra is not installed")
    return pytest.importorskip("keras", reason="the `utility` extra is not installed")


@pytest.fixture
def bright_and_dark() -> TrainingSet:
    """Forty noisy photos, bright or dark: any network that learns at all tells them apart."""
    random = np.random.RandomState(0)
    labels = np.arange(40, dtype=np.int64) % 2
    pixels = random.randint(0, 100, (40, 64, 64, 3)) + 150 * labels[:, None, None, None]
    photos = pixels.astype(np.uint8)
    measured = Labelled(photos[:8], labels[:8])
    return TrainingSet(
        Labelled(photos[8:], labels[8:]), {"raw": measured, "dark": Labelled(photos[:8:2], labels[:8:2])}, 2
    )


@pytest.mark.parametrize("missing", ["keras", "torch"])
def test_without_keras_or_its_backend_there_is_one_line(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    def absent(_: str) -> Any:
        raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)

    monkeypatch.setattr(course_network, "import_module", absent)
    with pytest.raises(UsageError) as caught:
        course_network.require_keras()
    assert str(caught.value) == course_network.INSTALL_HINT
    assert "pip install 'ray-anonymizer[utility]'" in course_network.INSTALL_HINT


@pytest.mark.parametrize("class_count", [2, 5])
def test_is_the_page_s_network(keras: Any, class_count: int) -> None:
    network = course_network.build(class_count, 42)
    shapes = [(type(layer).__name__, layer.output.shape[1:]) for layer in network.layers]
    assert shapes == [
        ("Conv2D", (16, 62, 62)),
        ("MaxPooling2D", (16, 31, 31)),
        ("Conv2D", (32, 29, 29)),
        ("MaxPooling2D", (32, 14, 14)),
        ("Flatten", (6272,)),
        ("Dense", (64,)),
        ("Dense", (class_count,)),
    ]
    activations = [layer.activation.__name__ for layer in network.layers if hasattr(layer, "activation")]
    assert activations == ["relu", "relu", "relu", "softmax"]
    assert type(network.optimizer).__name__ == "Adam"


# Keras 3.15 reads its variables with an `__array__` that numpy 2 deprecates.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_seed_decides_the_initial_weights(keras: Any) -> None:
    first, again, other = (course_network.build(2, seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_learns_and_repeats(keras: Any, bright_and_dark: TrainingSet) -> None:
    before = bright_and_dark.training.pixels.copy()
    history = course_network.train(bright_and_dark, course_network.EPOCHS, 42)
    assert len(history) == 10
    assert {name: score.accuracy for name, score in history[-1].validation.items()} == {"raw": 1.0, "dark": 1.0}
    assert history[0].training.loss > history[-1].training.loss
    assert history == course_network.train(bright_and_dark, course_network.EPOCHS, 42)
    assert np.array_equal(bright_and_dark.training.pixels, before)
