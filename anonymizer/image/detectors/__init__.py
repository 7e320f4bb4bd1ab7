"""Detect faces: one module per detector, registered in `DETECTORS`.

The driver calls `load_weights` once and sends the bytes to the workers; each worker calls `make` and then the
detector's `self_test` before it publishes anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import cv2

from anonymizer.config import DetectorConfig
from anonymizer.errors import ConfigError, DetectionFailed
from anonymizer.image.detectors import weights as _weights
from anonymizer.image.detectors.centerface.detector import CenterFace
from anonymizer.image.detectors.centerface.presets import search
from anonymizer.image.detectors.centerface.quantized import quantized
from anonymizer.image.detectors.centerface.ranges import RANGES
from anonymizer.image.detectors.contract import Detector, Found, reduction
from anonymizer.image.detectors.haar import Haar
from anonymizer.image.detectors.patch import Patch
from anonymizer.image.detectors.union import DetectorUnion, merged
from anonymizer.image.detectors.yunet import YuNet

__all__ = ["DETECTORS", "Detector", "Found", "Weights", "load_weights", "make", "merged", "reduction"]

Weights: TypeAlias = bytes | tuple[bytes | None, ...] | None
"""The content of a weights file, None for a detector without one; a tuple with one entry each for several detectors."""

DETECTORS: dict[str, Callable[[DetectorConfig, bytes | None], Detector]] = {
    "centerface": CenterFace,
    "haar": Haar,
    "patch": Patch,
    "yunet": YuNet,
}


def load_weights(config: DetectorConfig, read: Callable[[str], bytes], *, gpu: bool = False) -> Weights:
    """Reads and checks the weights that the workers need.

    Args:
        config: The detectors, and the location of weights that are not part of the installation. If there are several
            detectors, `config.weights` is for yunet, or without yunet for centerface.
        read: Returns the content of a URL.
        gpu: Whether workers have a GPU; the default precision is then float32, as int8 is not faster there.

    Returns:
        Bytes for `make`; None for a detector without a network.

    Raises:
        ConfigError: The weights are missing, unreadable or wrong; the message says what to do.
    """
    if gpu and config.precision is None:
        config = replace(config, precision="float32")
    parts = _parts(config)
    return tuple(_load_weights(part, read) for part in parts) if len(parts) > 1 else _load_weights(config, read)


def _load_weights(config: DetectorConfig, read: Callable[[str], bytes]) -> bytes | None:
    if config.name == "centerface":
        network = _weights.cleaned(_weights.centerface(config.weights, read))
        return quantized(network, RANGES) if search(config).precision == "int8" else network
    if config.name == "yunet":
        data = _weights.yunet(config.weights, read)
        _refuse_misfit(YuNet(config, data))
        return data
    if config.weights is not None:
        raise ConfigError(f"the detector {config.name} takes no weights: leave out --weights")
    return None


def make(config: DetectorConfig, weights: Weights) -> Detector:
    """Makes the configured detector, or the union of several.

    Args:
        config: The detectors and their settings.
        weights: The result of `load_weights`.

    Raises:
        ConfigError: The detector's weights are missing or cannot be read.
    """
    # Each worker has one CPU, but OpenCV would start a thread per core in each worker. One thread also makes the order
    # of a cascade's detections, and so its boxes, deterministic.
    cv2.setNumThreads(1)
    parts = _parts(config)
    each = weights if isinstance(weights, tuple) else (weights,)
    made = [DETECTORS[part.name](part, own) for part, own in zip(parts, each, strict=True)]
    return made[0] if len(made) == 1 else DetectorUnion(made)


def _parts(config: DetectorConfig) -> list[DetectorConfig]:
    """One configuration for each detector."""
    names = config.name.split(",")
    if len(names) == 1:
        return [config]
    takes = next((name for name in ("yunet", "centerface", names[0]) if name in names), None)
    return [replace(config, name=name, weights=config.weights if name == takes else None) for name in names]


def _refuse_misfit(detector: Detector) -> None:
    try:
        detector.self_test()
    except DetectionFailed:
        raise ConfigError(f"--weights: the file is no working network for the detector {detector.name}") from None
