"""The course page's network, and the only module that knows Keras.

Keras is imported when a network is trained, never before: the `utility` extra is optional. Which backend it uses is
the caller's business (`KERAS_BACKEND`, set before the first call).
"""

from __future__ import annotations

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
class TrainingSet:
    """What one network learns from and is measured on.

    Attributes:
        pixels: (N, 64, 64, 3) uint8 RGB.
        labels: (N,) int64 index of the class.
        training: (T,) indices to learn from, in the order in which they are given to the network.
        validation: (V,) indices to measure on.
        class_count: Width of the last layer.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    training: NDArray[np.intp]
    validation: NDArray[np.intp]
    class_count: int


@dataclass(frozen=True, slots=True)
class Epoch:
    """What Keras reports at the end of an epoch; the training figures are means over the epoch's batches."""

    training_accuracy: float
    training_loss: float
    validation_accuracy: float
    validation_loss: float


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
    network = keras.Sequential(
        [
            keras.Input((SIDE_PX, SIDE_PX, 3)),
            layers.Conv2D(16, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Conv2D(32, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(class_count, activation="softmax"),
        ]
    )
    # The page's labels are class indices; for one-hot labels the categorical loss is the same number.
    network.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return network


def train(photos: TrainingSet, epochs: int, seed: int) -> tuple[Epoch, ...]:
    """Trains the page's network from scratch.

    Args:
        photos: Pixels, labels and the split.
        epochs: How often every training photo is seen; the page says 10.
        seed: Of the initial weights and the order of batches; the same seed gives the same figures.

    Returns:
        One value per epoch; the last one is what the page reports.

    Raises:
        UsageError: Keras or its backend is not installed.
    """
    network = build(photos.class_count, seed)
    scaled = photos.pixels.astype(np.float32) / 255
    history = network.fit(
        scaled[photos.training],
        photos.labels[photos.training],
        validation_data=(scaled[photos.validation], photos.labels[photos.validation]),
        epochs=epochs,
        batch_size=BATCH_SIZE,
        verbose=0,
    ).history
    columns = (history[name] for name in ("accuracy", "loss", "val_accuracy", "val_loss"))
    return tuple(Epoch(*map(float, row)) for row in zip(*columns, strict=True))
