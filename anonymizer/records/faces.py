"""Faces: where they were found, and what the manifest says of them."""

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
        """The detections that a manifest's faces record."""
        corners = [(face.x, face.y, face.x + face.w, face.y + face.h) for face in faces]
        return cls(
            xyxy=np.asarray(corners, np.float32).reshape(-1, 4),
            score=np.asarray([face.score for face in faces], np.float32),
            frame=np.asarray([face.frame for face in faces], np.int32),
        )


#: `GivenBoxes.faces.frame` of a box that holds in every frame.
EVERY_FRAME = -1


@dataclass(frozen=True, slots=True, eq=False)
class Suspects:
    """Where a second look at an output has seen faces that its run had left as they were.

    Attributes:
        faces: Redacted in addition to whatever else is found.
        source_sha256: Of the file that the run had read, lower-case hex; of any other file they say nothing.
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
    """Where somebody else found the faces of one object: read by the driver, travels with the chunk.

    Attributes:
        faces: No face at all is an answer too. `frame` may be `EVERY_FRAME`.
        width: Of the upright first frame that the boxes were drawn on; None = not said.
        height: Likewise.
        source_sha256: Of the file that they were found in, lower-case hex; None = not said.
        outdated: They were found in another version than the one that was listed.
        complete: They say where all faces are; else there are suspects only, and `faces` is empty.
        suspects: Faces besides.
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
        said = repr((self.width, self.height, self.source_sha256, self.outdated, len(self.faces)))
        if self.suspects is not None:
            said += f" {self.complete} {self.suspects.sha256}"
        arrays = (self.faces.xyxy, self.faces.score, self.faces.frame)
        return hashlib.sha256(said.encode() + b"".join(array.tobytes() for array in arrays)).hexdigest()
