"""Assign given boxes to the frames of a decoded picture, or reject them if they belong to another one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anonymizer.errors import BoxesMismatch
from anonymizer.image import geometry
from anonymizer.records import EVERY_FRAME, Detections, Frame, GivenBoxes


def placed(given: GivenBoxes, frames: Sequence[Frame], source_sha256: str) -> Detections:
    """Assigns given boxes to the frames of a picture.

    Args:
        given: The boxes. They may extend beyond the picture and are not clipped, so that masks keep their shape.
        frames: The picture's frames, upright.
        source_sha256: SHA-256 of the picture's file, lower-case hex.

    Returns:
        The faces, highest score first within a frame; boxes for every frame are repeated in each.

    Raises:
        BoxesMismatch: The boxes are for another content or size, or a box lies outside the picture: the wrong place
            would be redacted.
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
