"""Several detectors as one, and what becomes of boxes that speak of the same face."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anonymizer.image import geometry
from anonymizer.image.detectors.contract import Detector, Found
from anonymizer.records import Pixels

#: Two boxes that share this much (intersection over union) are one face.
SAME_FACE_IOU = 0.5

#: So are two of which this share of one lies in the other, if it is no smaller than `PART_AREA` of it: a face and the
#: head around it. What is smaller still may be another person's face, in front of the larger one or printed there.
PART_INSIDE = 0.9
PART_AREA = 0.25


class DetectorUnion:
    """Finds what any of its parts finds.

    Args:
        parts: Two or more detectors.
    """

    def __init__(self, parts: Sequence[Detector]) -> None:
        self._parts = tuple(parts)
        self.name = "+".join(part.name for part in parts)
        named = "\n".join(f"{part.name} {part.sha256}" for part in parts)
        self.sha256 = hashlib.sha256(named.encode()).hexdigest()
        # Parts are only ever raised, so their sum never comes back to a value that it had.
        self.output_revision = sum(part.output_revision for part in parts)

    def detect(self, pixels: Pixels) -> Found:
        return merged([part.detect(pixels) for part in self._parts])

    def self_test(self) -> None:
        for part in self._parts:
            part.self_test()


def merged(found: Sequence[Found]) -> Found:
    """Faces of several looks at one picture, each once.

    Two boxes of one look are two faces, whatever they share: consent for one must not speak for the other. Of boxes of
    different looks that speak of one face the strongest stays; where it lies within a weaker one, its score stays and
    the larger box, so that nothing is uncovered that one of them covered.

    Args:
        found: At least one; scores of different detectors are compared as they are.

    Returns:
        (N, 4) float32 `xyxy` and (N,) float32 scores, strongest first.
    """
    if len(found) == 1:
        return found[0]
    xyxy, score = (np.concatenate(parts) for parts in zip(*found, strict=True))
    look = np.repeat(np.arange(len(found)), [len(scores) for _, scores in found])
    boxes, scores = np.empty_like(xyxy), np.empty_like(score)
    seen_by = np.zeros((len(score), len(found)), bool)
    count = 0
    for index in np.argsort(-score, kind="stable"):
        place = _same_face(xyxy[[index]], boxes[:count], ~seen_by[:count, look[index]])
        if place is None:
            place = count
            boxes[place], scores[place] = xyxy[index], score[index]
            count += 1
        elif _holds(xyxy[[index]], boxes[[place]]):
            boxes[place] = xyxy[index]
        seen_by[place, look[index]] = True
    return boxes[:count], scores[:count]


def _same_face(box: geometry.FloatBoxes, kept: geometry.FloatBoxes, free: NDArray[np.bool_]) -> int | None:
    """Which of the kept boxes, (K, 4), that are free, (K,), speaks best of the face that `box`, (1, 4), speaks of."""
    if not free.any():
        return None
    shared = geometry.intersection(box, kept)[0]
    own, others = geometry.area(box)[0], geometry.area(kept)
    smaller, larger, either = np.minimum(own, others), np.maximum(own, others), own + others - shared
    same = (shared >= SAME_FACE_IOU * either) | ((shared >= PART_INSIDE * smaller) & (smaller >= PART_AREA * larger))
    likeness = np.where(same & free, shared / either, -1)
    best = int(np.argmax(likeness))
    return best if likeness[best] >= 0 else None


def _holds(larger: geometry.FloatBoxes, smaller: geometry.FloatBoxes) -> bool:
    return bool(geometry.inside_share(smaller, larger)[0, 0] >= PART_INSIDE)
