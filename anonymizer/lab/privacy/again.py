"""What share of redacted faces a detector still calls a face: it tells where somebody is, not who."""

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
    """The first photo of every person: independent trials, which the interval needs."""
    _, first = np.unique([photo.person for photo in photos], return_index=True)
    return [photos[index] for index in first]


def still_a_face(photos: Sequence[Photo], variant: Variant, detector: detectors.Detector) -> Share:
    """The share of photos in which the detector finds a face where the person's was; exact interval.

    Args:
        photos: At least one; those that the variant does not have are no trial.
        variant: What is looked at.
        detector: With its own settings.
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
    """How many photos a method turns into the very same file when it is given what `solid` published.

    Where it does, whoever has the one has the other: the method tells nothing that `solid` does not.

    Args:
        photos: All of them; those that `solid` refuses are left out.
        solid: With the masks of the method.
        method: Made in this process.

    Returns:
        Equal files, and all that were compared.
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
