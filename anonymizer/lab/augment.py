"""Add decoys to training photos: redactions in places without a face (data augmentation).

If only some classes show people, a network trained on redacted photos learns to recognise the redaction instead of the
class (shortcut learning). Decoys put redactions on the photos of all classes, so that they no longer indicate a class.
They are made during training, on copies; published photos contain none.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from anonymizer.config import DetectorConfig, RedactionConfig
from anonymizer.errors import UsageError
from anonymizer.image import geometry, redactors
from anonymizer.image.geometry import FloatBoxes
from anonymizer.records import PIXELS, Pixels

PADDING = DetectorConfig().padding


def scattered(xyxy: ArrayLike, width: int, height: int, random: np.random.Generator) -> FloatBoxes:
    """Places boxes of the same sizes uniformly at random.

    Args:
        xyxy: (N, 4) boxes in pixels, for instance the manifest's faces of any published photo; only their sizes are
            used.
        width: Width of the picture in which to place them, in pixels.
        height: Height of the picture in pixels.
        random: The random number generator.

    Returns:
        (N, 4) float32. Each box lies inside the picture; one that is larger than the picture is centred.
    """
    boxes = geometry.as_boxes(xyxy)
    sizes = boxes[:, 2:] - boxes[:, :2]
    room = np.array([width, height], np.float32) - sizes
    low = np.where(room > 0, room * random.random(room.shape, np.float32), room / 2)
    return np.concatenate([low, low + sizes], axis=1).astype(np.float32)


def with_decoys(
    pixels: Pixels, xyxy: ArrayLike, redaction: RedactionConfig | None = None, padding: float = PADDING
) -> Pixels:
    """Redacts a photo at given places in the same way as a run redacts faces.

    Args:
        pixels: (H, W) gray or (H, W, 3) RGB, uint8; not changed.
        xyxy: (N, 4) boxes in pixels without padding, from `scattered` or the faces of another photo. They may extend
            beyond the border.
        redaction: Method and strength of the run that published the training photos; None = the defaults.
        padding: That run's `detector.padding`.

    Returns:
        A new array of the same shape.

    Raises:
        ConfigError: `redaction.fill` is not a colour.
        UsageError: The pixels have another type or number of channels.
    """
    if pixels.dtype != np.uint8 or not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)):
        raise UsageError("decoys are made on (H, W) gray or (H, W, 3) RGB pixels of type uint8")
    boxes = geometry.round_outward(geometry.grow(xyxy, padding))
    if not len(boxes):
        return pixels.copy()
    return redactors.make(redaction or RedactionConfig()).redact(np.ascontiguousarray(pixels), boxes, PIXELS)
