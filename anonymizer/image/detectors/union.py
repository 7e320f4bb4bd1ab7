"""Combine several detectors into one, and merge boxes of the same face."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anonymizer.image import geometry
from anonymizer.image.detectors.contract import Detector, Found, reduction
from anonymizer.records import Pixels

#: Two boxes with at least this intersection over union (IoU) are the same face.
SAME_FACE_IOU = 0.5

#: Two boxes are also the same face if at least `PART_INSIDE` of one lies in the other and its area is at least
#: `PART_AREA` of the other's: a face and the head around it. A smaller box may be another person's face, in front of
#: the larger one or printed on clothing.
PART_INSIDE = 0.9
PART_AREA = 0.25


class DetectorUnion:
    """Finds the faces that any of its detectors finds.

    Args:
        parts: Two or more detectors.
    """

    def __init__(self, parts: Sequence[Detector]) -> None:
        self._parts = tuple(parts)
        self.name = "+".join(part.name for part in parts)
        named = "\n".join(f"{part.name} {part.sha256}" for part in parts)
        self.sha256 = hashlib.sha256(named.encode()).hexdigest()
        # Each part's revision only increases, so the sum never repeats an earlier value.
        self.output_revision = sum(part.output_revision for part in parts)

    def detect(self, pixels: Pixels) -> Found:
        return merged([part.detect(pixels) for part in self._parts])

    def reduction(self, width: int, height: int) -> int:
        return min(reduction(part, width, height) for part in self._parts)

    def self_test(self) -> None:
        for part in self._parts:
            part.self_test()


def merged(found: Sequence[Found]) -> Found:
    """Merges several detection results for one picture, so that each face appears once.

    Two boxes of the same result are always two faces, however much they overlap: consent for one must not apply to the
    other. Among boxes of different results for the same face the one with the highest score is kept; if it lies within
    one with a lower score, the larger box is kept with the higher score, so that nothing becomes uncovered.

    Args:
        found: At least one result; scores of different detectors are compared directly.

    Returns:
        (N, 4) float32 `xyxy` and (N,) float32 scores, highest first.
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
    """Index of the free box, (K,) of (K, 4), that best matches `box`, (1, 4), as the same face; None if none does."""
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
