"""Use a face recogniser that the user provides as an ONNX file.

One input, float32, (N, 3, H, W) or (N, H, W, 3), with fixed H and W; N is 1 or free. Values are RGB, (v - 127.5) /
127.5, as for ArcFace and its successors. The first output is (N, D, ...) float: an embedding, compared by cosine
similarity. Faces are squares with the longer side of the detected box, not aligned by landmarks, because a mask hides
them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymizer.errors import UsageError
from anonymizer.image.detectors.centerface import network
from anonymizer.lab.privacy.attackers import Attacker, Training, cosine, discriminants
from anonymizer.lab.privacy.features import Floats, middle

EYE = "recognizer"
VIEW = 1.0
_MISFIT = "--recognizer: the network needs one float32 input (N, 3, H, W) or (N, H, W, 3) with fixed H and W"


@dataclass(frozen=True, slots=True)
class Recognizer:
    """An embedding of faces; call it with (N, S, S, 3) uint8 crops for (N, D) rows of unit length.

    Attributes:
        session: The inference session.
        input_name: Name of the input.
        height: Height of the input in pixels.
        width: Width of the input in pixels.
        channels_first: Whether channels come before rows.
    """

    session: Any
    input_name: str
    height: int
    width: int
    channels_first: bool

    def __call__(self, crops: NDArray[np.uint8]) -> Floats:
        """The embeddings.

        Raises:
            UsageError: The network could not be run, or its output is not finite.
        """
        try:
            # One by one, because many published networks have a fixed batch size of 1.
            rows = [np.ravel(self.session.run(None, {self.input_name: blob})[0]) for blob in self._blobs(crops)]
        except network.model_errors():
            raise UsageError("--recognizer: the network could not be run") from None
        embeddings = np.asarray(rows, dtype=np.float32)
        if not np.isfinite(embeddings).all():
            raise UsageError("--recognizer: the network's output is not finite")
        length = np.linalg.norm(embeddings, axis=1, keepdims=True)
        return np.asarray(embeddings / np.maximum(length, np.float32(1e-12)))

    def _blobs(self, crops: NDArray[np.uint8]) -> list[Floats]:
        size = (self.width, self.height)
        faces = [cv2.resize(face, size, interpolation=cv2.INTER_AREA) for face in middle(crops, VIEW)]
        scaled = (np.asarray(faces, dtype=np.float32) - np.float32(127.5)) / np.float32(127.5)
        placed = scaled.transpose(0, 3, 1, 2) if self.channels_first else scaled
        return [np.ascontiguousarray(blob[None]) for blob in placed]


def load(data: bytes) -> Recognizer:
    """Loads a recogniser.

    Raises:
        UsageError: The file is not an ONNX network, or its input has another form.
    """
    try:
        session = network.session(data)
    except network.model_errors():
        raise UsageError("--recognizer: the file is no network that ONNX Runtime can load") from None
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(inputs[0].shape) != 4:
        raise UsageError(_MISFIT)
    _, *sides = inputs[0].shape
    channels_first = sides[0] == 3
    height, width = sides[1:] if channels_first else sides[:2]
    if (not channels_first and sides[2] != 3) or not isinstance(height, int) or not isinstance(width, int):
        raise UsageError(_MISFIT)
    return Recognizer(session, inputs[0].name, height, width, channels_first)


def _as_it_is(_: Training, probe: Floats, gallery: Floats) -> Floats:
    return cosine(probe, gallery)


#: The recogniser unchanged, and with discriminants trained on redacted photos of other people.
ATTACKERS = (Attacker("recognizer", EYE, _as_it_is), Attacker("recognizer, taught", EYE, discriminants))
