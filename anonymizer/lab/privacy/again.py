"""Measure how often a detector still finds redacted faces, which shows where a person is, not who it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anonymizer.audit.evidence import exact_interval
from anonymizer.config import CodecConfig
from anonymizer.errors import ObjectError
from anonymizer.image import codec, detectors, geometry
from anonymizer.lab.privacy.photos import SAME_FACE, Photo
from anonymizer.lab.privacy.scores import Share
from anonymizer.lab.privacy.variants import Variant
from anonymizer.pipeline import detect


def one_each(photos: Sequence[Photo]) -> list[Photo]:
    """The first photo of every person, so that trials are independent, as the interval requires."""
    _, first = np.unique([photo.person for photo in photos], return_index=True)
    return [photos[index] for index in first]


def still_a_face(photos: Sequence[Photo], variant: Variant, detector: detectors.Detector) -> Share:
    """The share of photos in which the detector finds a face at the person's face, with an exact interval.

    Args:
        photos: At least one; photos without a file in the variant are skipped.
        variant: The variant to examine.
        detector: The detector.
    """
    hits = trials = 0
    for photo in photos:
        try:
            data = variant.publish(photo.key, photo.shot())
            found = detect(detector, codec.decode(data, CodecConfig()).frames)
        except (ObjectError, FileNotFoundError):
            continue
        first = found.xyxy[found.frame == 0]
        hits += bool(len(first)) and bool(geometry.iou(first, photo.main).max() >= SAME_FACE)
        trials += 1
    return Share(hits / trials, *exact_interval(hits, trials)) if trials else Share(0.0, 0.0, 1.0)


def rebuilt(photos: Sequence[Photo], solid: Variant, method: Variant) -> tuple[int, int]:
    """Counts the photos for which a method makes the same file from the output of `solid` as from the original.

    For these photos the method reveals nothing that `solid` does not, because its output can be computed from that of
    `solid`.

    Args:
        photos: The photos; those that `solid` cannot process are skipped.
        solid: The variant `solid` with the same masks.
        method: The method, computed in this process.

    Returns:
        The number of identical files and the number of comparisons.
    """
    equal = compared = 0
    for photo in photos:
        shot = photo.shot()
        try:
            covered = solid.publish(photo.key, shot)
            direct = method.publish(photo.key, shot)
            again = method.publish(photo.key, type(shot)(covered, shot.given, shot.main))
        except ObjectError:
            continue
        compared += 1
        equal += again == direct
    return equal, compared
