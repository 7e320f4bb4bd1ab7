"""Build and train the course page's network; the only module that uses Keras.

Keras is imported when a network is trained, because the `utility` extra is optional. The caller chooses the backend
(`KERAS_BACKEND`, set before the first call).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonymizer.errors import UsageError

SIDE_PX = 64
EPOCHS = 10
BATCH_SIZE = 32
INSTALL_HINT = "training needs Keras and PyTorch: pip install 'ray-anonymizer[utility]'"


@dataclass(frozen=True, slots=True)
class Labelled:
    """Photos with class labels.

    Attributes:
        pixels: (N, 64, 64, 3) uint8 RGB.
        labels: (N,) int64 index of the class.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """The data for one training.

    Attributes:
        training: The training photos.
        validation: Validation sets by name, evaluated after every epoch.
        class_count: Number of classes.
    """

    training: Labelled
    validation: Mapping[str, Labelled]
    class_count: int


@dataclass(frozen=True, slots=True)
class Score:
    """Accuracy, in 0 to 1, and mean loss."""

    accuracy: float
    loss: float


@dataclass(frozen=True, slots=True)
class Epoch:
    """Keras's metrics at the end of an epoch; training metrics are means over the epoch's batches."""

    training: Score
    validation: Mapping[str, Score]


def require_keras() -> None:
    """Checks early that Keras is installed.

    Raises:
        UsageError: Keras or its backend is not installed.
    """
    _keras()


def _keras() -> Any:
    try:
        return import_module("keras")
    except ImportError:
        raise UsageError(INSTALL_HINT) from None


def build(class_count: int, seed: int) -> Any:
    """Builds and compiles the page's network; the same seed gives the same initial weights.

    Args:
        class_count: Number of classes; the page has two.
        seed: Seed of Python, NumPy and the backend.
    """
    keras = _keras()
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    shape = (3, SIDE_PX, SIDE_PX) if _channels_first() else (SIDE_PX, SIDE_PX, 3)
    order = {"data_format": "channels_first" if _channels_first() else "channels_last"}
    network = keras.Sequential(
        [
            keras.Input(shape),
            layers.Conv2D(16, (3, 3), activation="relu", **order),
            layers.MaxPooling2D((2, 2), **order),
            layers.Conv2D(32, (3, 3), activation="relu", **order),
            layers.MaxPooling2D((2, 2), **order),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(class_count, activation="softmax"),
        ]
    )
    # Labels are class indices; the categorical loss with one-hot labels would have the same value.
    network.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return network


def _channels_first() -> bool:
    """Whether to use channels-first layout, which takes two thirds of the time on PyTorch."""
    return bool(_keras().backend.backend() == "torch")


def network_input(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Converts (N, 64, 64, 3) uint8 to the network's input: scaled to [0, 1], in the layout of `build`."""
    ordered = pixels.transpose(0, 3, 1, 2) if _channels_first() else pixels
    return np.ascontiguousarray(ordered, dtype=np.float32) / np.float32(255)


def train(photos: TrainingSet, epochs: int, seed: int) -> tuple[Epoch, ...]:
    """Trains the page's network from scratch.

    Args:
        photos: Training and validation data.
        epochs: Number of epochs; the page uses 10.
        seed: Seed of initial weights and batch order; the same seed gives the same results.

    Returns:
        Metrics per epoch; the page reports the last.

    Raises:
        UsageError: Keras or its backend is not installed.
    """
    network = build(photos.class_count, seed)
    learned, labels = network_input(photos.training.pixels), photos.training.labels
    measured = {name: (network_input(each.pixels), each.labels) for name, each in photos.validation.items()}
    history = []
    for _ in range(epochs):
        # One fit() per epoch to evaluate several sets after each; optimizer state and batch order continue.
        last = network.fit(learned, labels, batch_size=BATCH_SIZE, verbose=0).history
        scores = {name: _measured(network, *each) for name, each in measured.items()}
        history.append(Epoch(Score(float(last["accuracy"][-1]), float(last["loss"][-1])), scores))
    return tuple(history)


def _measured(network: Any, pixels: NDArray[np.float32], labels: NDArray[np.int64]) -> Score:
    loss, accuracy = network.evaluate(pixels, labels, batch_size=8 * BATCH_SIZE, verbose=0)
    return Score(float(accuracy), float(loss))
