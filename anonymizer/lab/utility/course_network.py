"""The course page's network, and the only module that knows Keras.

Keras is imported when a network is trained, never before: the `utility` extra is optional. Which backend it uses is
the caller's business (`KERAS_BACKEND`, set before the first call).
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
    """Photos and what they show.

    Attributes:
        pixels: (N, 64, 64, 3) uint8 RGB.
        labels: (N,) int64 index of the class.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """What one network learns from and is measured on.

    Attributes:
        training: To learn from.
        validation: By name: to measure on, after every epoch.
        class_count: Width of the last layer.
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
    """What Keras reports at the end of an epoch; the training figures are means over the epoch's batches."""

    training: Score
    validation: Mapping[str, Score]


def require_keras() -> None:
    """Fails early and in one line.

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
    """The page's network, compiled: the same initial weights for the same seed.

    Args:
        class_count: Number of classes; the page has two.
        seed: Of Python, numpy and the backend.
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
    # The page's labels are class indices; for one-hot labels the categorical loss is the same number.
    network.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return network


def _channels_first() -> bool:
    """Whether colours come before rows: the same network, in two thirds of the time on PyTorch."""
    return bool(_keras().backend.backend() == "torch")


def network_input(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(N, 64, 64, 3) uint8 to what the network takes: divided by 255, in the order of `build`."""
    ordered = pixels.transpose(0, 3, 1, 2) if _channels_first() else pixels
    return np.ascontiguousarray(ordered, dtype=np.float32) / np.float32(255)


def train(photos: TrainingSet, epochs: int, seed: int) -> tuple[Epoch, ...]:
    """Trains the page's network from scratch.

    Args:
        photos: What it learns from and is measured on.
        epochs: How often every training photo is seen; the page says 10.
        seed: Of the initial weights and the order of batches; the same seed gives the same figures.

    Returns:
        One value per epoch; the last one is what the page reports.

    Raises:
        UsageError: Keras or its backend is not installed.
    """
    network = build(photos.class_count, seed)
    learned, labels = network_input(photos.training.pixels), photos.training.labels
    measured = {name: (network_input(each.pixels), each.labels) for name, each in photos.validation.items()}
    history = []
    for _ in range(epochs):
        # Epoch by epoch, as several sets are measured after each; optimizer and order of batches go on.
        last = network.fit(learned, labels, batch_size=BATCH_SIZE, verbose=0).history
        scores = {name: _measured(network, *each) for name, each in measured.items()}
        history.append(Epoch(Score(float(last["accuracy"][-1]), float(last["loss"][-1])), scores))
    return tuple(history)


def _measured(network: Any, pixels: NDArray[np.float32], labels: NDArray[np.int64]) -> Score:
    loss, accuracy = network.evaluate(pixels, labels, batch_size=8 * BATCH_SIZE, verbose=0)
    return Score(float(accuracy), float(loss))
