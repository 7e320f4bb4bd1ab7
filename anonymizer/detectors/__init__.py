"""Finds faces: one file per detector, and a literal dict that names them.

The driver calls `load_weights` once; its bytes travel to the workers, each of which calls `make` and then the
detector's `self_test` before it may publish.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2

from anonymizer.config import DetectorConfig
from anonymizer.detectors import weights as _weights
from anonymizer.detectors.centerface import CenterFace
from anonymizer.detectors.contract import Detector, Found
from anonymizer.detectors.haar import Haar
from anonymizer.detectors.patch import Patch
from anonymizer.detectors.yunet import YuNet
from anonymizer.errors import ConfigError, DetectionFailed

__all__ = ["DETECTORS", "Detector", "Found", "load_weights", "make"]

DETECTORS: dict[str, Callable[[DetectorConfig, bytes | None], Detector]] = {
    "centerface": CenterFace,
    "haar": Haar,
    "patch": Patch,
    "yunet": YuNet,
}


def load_weights(config: DetectorConfig, read: Callable[[str], bytes]) -> bytes | None:
    """What the workers need of the network, read and checked.

    Args:
        config: Which detector, and where its weights lie if they do not come with the installation.
        read: Gives the content of a URL (the storage's business).

    Returns:
        Bytes for `make`; None for a detector without a network.

    Raises:
        ConfigError: The weights are missing, cannot be read, or are not what they should be; says what to do.
    """
    if config.name == "centerface":
        return _weights.cleaned(_weights.centerface(config.weights, read))
    if config.name == "yunet":
        data = _weights.yunet(config.weights, read)
        _refuse_misfit(YuNet(config, data))
        return data
    if config.weights is not None:
        raise ConfigError(f"the detector {config.name} takes no weights: leave out --weights")
    return None


def make(config: DetectorConfig, weights: bytes | None) -> Detector:
    """The configured detector.

    Args:
        config: Which detector, and its settings.
        weights: What `load_weights` returned.

    Raises:
        ConfigError: The detector needs weights and got none, or cannot read them.
    """
    # A worker is given one CPU: by itself OpenCV starts a thread per core of the machine in every one of them. With
    # one thread the order of a cascade's hits, and so its boxes, is the same every time.
    cv2.setNumThreads(1)
    return DETECTORS[config.name](config, weights)


def _refuse_misfit(detector: Detector) -> None:
    try:
        detector.self_test()
    except DetectionFailed:
        raise ConfigError(f"--weights: the file is no working network for the detector {detector.name}") from None
