"""Defines faces: detections, boxes that the user supplied, and the `faces` column of the manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]
"""(N, 4) float32 `xyxy` in pixels of the upright image; half-open: x2 and y2 are the first pixel outside."""


@dataclass(frozen=True, slots=True)
class Face:
    """One row of the manifest's `faces`: the detected (not the padded) box in upright pixels of the output."""

    frame: int
    x: float
    y: float
    w: float
    h: float
    score: float
    redacted: bool


@dataclass(frozen=True, slots=True)
class Detections:
    """Faces found, over all frames, strongest first within a frame.

    Attributes:
        xyxy: (N, 4) float32, pixels of the upright frame.
        score: (N,) float32 in [0, 1].
        frame: (N,) int32.
    """

    xyxy: Boxes
    score: NDArray[np.float32]
    frame: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.xyxy)

    @classmethod
    def of(cls, faces: Sequence[Face]) -> Detections:
        """Builds detections from the `faces` of a manifest row."""
        corners = [(face.x, face.y, face.x + face.w, face.y + face.h) for face in faces]
        return cls(
            xyxy=np.asarray(corners, np.float32).reshape(-1, 4),
            score=np.asarray([face.score for face in faces], np.float32),
            frame=np.asarray([face.frame for face in faces], np.int32),
        )


#: Value of `GivenBoxes.faces.frame` for a box that applies to every frame.
EVERY_FRAME = -1


@dataclass(frozen=True, slots=True, eq=False)
class Suspects:
    """Faces that `verify --sample` found unredacted in a published output.

    Attributes:
        faces: They are redacted in addition to all other faces that are found.
        source_sha256: SHA-256 of the source of that output, lower-case hex; for any other content the suspects do not
            apply.
    """

    faces: Detections
    source_sha256: str

    @property
    def sha256(self) -> str:
        """Hash of all of it, in hex."""
        arrays = (self.faces.xyxy, self.faces.score, self.faces.frame)
        return hashlib.sha256(self.source_sha256.encode() + b"".join(array.tobytes() for array in arrays)).hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class GivenBoxes:
    """Boxes of the faces of one object that the user supplied: the driver reads them and sends them with the chunk.

    Attributes:
        faces: May be empty: the photo has no face. `frame` may be `EVERY_FRAME`.
        width: Width in pixels of the upright first frame that the boxes refer to; None = not given.
        height: Its height; None = not given.
        source_sha256: SHA-256 of the file that they were found in, lower-case hex; None = not given.
        outdated: They were found in another version than the one that was listed.
        complete: `faces` has all faces of the object; if False there are only suspects, and `faces` is empty.
        suspects: Further faces, found by `verify --sample`.
    """

    faces: Detections
    width: int | None = None
    height: int | None = None
    source_sha256: str | None = None
    outdated: bool = False
    complete: bool = True
    suspects: Suspects | None = None

    @property
    def sha256(self) -> str:
        """Hash of all of it, in hex."""
        fields = repr((self.width, self.height, self.source_sha256, self.outdated, len(self.faces)))
        if self.suspects is not None:
            fields += f" {self.complete} {self.suspects.sha256}"
        arrays = (self.faces.xyxy, self.faces.score, self.faces.frame)
        return hashlib.sha256(fields.encode() + b"".join(array.tobytes() for array in arrays)).hexdigest()
