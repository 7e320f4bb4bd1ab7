"""Decoys: redactions where there is no face, for whoever trains on anonymized photos.

Where one class shows people and another does not, a network that is trained on redacted photos learns the mark of the
redaction in place of what it should learn. Decoys put the same marks on the photos of all classes, so that they stop
telling the classes apart. They are made while training, on copies; published photos hold none.
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
    """Boxes of the same sizes at random places, each place as likely as any other.

    Args:
        xyxy: (N, 4) boxes in pixels, for instance the manifest's faces of any published photo; where they lie does not
            matter.
        width: Of the picture that they are scattered over, in pixels.
        height: Likewise.
        random: What draws the places.

    Returns:
        (N, 4) float32. Each lies inside the picture, but for one that is larger than it: that one lies in the middle.
    """
    boxes = geometry.as_boxes(xyxy)
    sizes = boxes[:, 2:] - boxes[:, :2]
    room = np.array([width, height], np.float32) - sizes
    low = np.where(room > 0, room * random.random(room.shape, np.float32), room / 2)
    return np.concatenate([low, low + sizes], axis=1).astype(np.float32)


def with_decoys(
    pixels: Pixels, xyxy: ArrayLike, redaction: RedactionConfig | None = None, padding: float = PADDING
) -> Pixels:
    """A photo redacted at places of the caller's choice, as a run redacts faces.

    Args:
        pixels: (H, W) gray or (H, W, 3) RGB, uint8; not changed.
        xyxy: (N, 4) boxes in pixels, as detected faces would be given: they grow by the padding first. What `scattered`
            gave, or the places of faces in another photo. They may reach over the border.
        redaction: Method and strength of the run that made the other photos; its defaults where none is given.
        padding: Of that run (`detector.padding`).

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
