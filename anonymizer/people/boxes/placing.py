"""Given boxes on the picture that was decoded, or the error that they are not of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anonymizer.errors import BoxesMismatch
from anonymizer.image import geometry
from anonymizer.records import EVERY_FRAME, Detections, Frame, GivenBoxes


def placed(given: GivenBoxes, frames: Sequence[Frame], source_sha256: str) -> Detections:
    """The faces of a picture as they were given.

    Args:
        given: Boxes may reach beyond the picture: they are not clipped, so that a mask keeps the shape of a whole one.
        frames: Of the picture, upright.
        source_sha256: Of its file, lower-case hex.

    Returns:
        Strongest first within a frame; boxes that hold in every frame are there once for each.

    Raises:
        BoxesMismatch: They were found in other bytes or on another size, or one of them lies outside the picture: it
            would redact something else than the face that was meant.
    """
    _check_version(given, frames[0], source_sha256)
    faces = given.faces
    places = [np.flatnonzero((faces.frame == index) | (faces.frame == EVERY_FRAME)) for index in range(len(frames))]
    visible = np.zeros(len(faces), bool)
    for chosen, frame in zip(places, frames, strict=True):
        visible[chosen] |= geometry.area(geometry.clip(faces.xyxy[chosen], frame.width, frame.height)) > 0
    if not visible.all():
        raise BoxesMismatch
    order = np.concatenate([chosen[np.argsort(-faces.score[chosen], kind="stable")] for chosen in places])
    in_frame = np.repeat(np.arange(len(frames), dtype=np.int32), [len(chosen) for chosen in places])
    return Detections(faces.xyxy[order], faces.score[order], in_frame)


def _check_version(given: GivenBoxes, frame: Frame, source_sha256: str) -> None:
    fits = given.source_sha256 in (None, source_sha256) and not given.outdated
    if not fits or given.width not in (None, frame.width) or given.height not in (None, frame.height):
        raise BoxesMismatch
