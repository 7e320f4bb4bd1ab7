"""What a preset covers, photo by photo: the pieces that the model card's tables are added up from.

A piece is one preset on one set. It is kept in a file whose name holds a hash of all that decides it, so that a long
measurement can be made piece by piece and none is used after the detector has changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from anonymizer.config import DetectorConfig, Preset
from anonymizer.image import detectors
from anonymizer.image.detectors.presets import search
from infra.proof.detection.measure import detector_of, mask_of
from infra.proof.detection.photos import LFW_STEP, Photo, photos

KINDS = ("blur", "expression", "illumination", "occlusion", "pose", "class")
MIDDLE = 0.16
"""A portrait's face is found if a box lies this near to the middle, in widths of the photo, along both axes."""


@dataclass(frozen=True, slots=True)
class LabelledFace:
    """One labelled face: its height in pixels, the share of its box that is masked, and its other labels."""

    height: float
    share: float
    kinds: dict[str, str]


@dataclass(frozen=True, slots=True)
class Seen:
    """One photo.

    Attributes:
        name: Below the folder of its set.
        boxes: Faces found.
        middle: Whether one of them lies in the middle.
        faces: Labelled ones that count.
    """

    name: str
    boxes: int
    middle: bool
    faces: tuple[LabelledFace, ...]


def pieces(data: Path, folder: Path, preset: Preset, names: tuple[str, ...]) -> dict[str, list[Seen]]:
    """What a preset sees in each of these sets; measured where it is not there yet.

    Args:
        data: Folder of the labelled sets.
        folder: Where pieces are kept.
        preset: Of centerface.
        names: Of sets; `lfw@90` is `lfw` turned by so many degrees.
    """
    cv2.setNumThreads(1)
    config = DetectorConfig(preset=preset)
    detector = detector_of(config)
    found = {}
    for name in names:
        piece = folder / f"{preset}-{name.replace('@', '_')}-{_version(config, detector)}.json"
        if not piece.is_file():
            seen = [asdict(one) for one in _seen(data, name, detector, config.padding)]
            folder.mkdir(parents=True, exist_ok=True)
            piece.write_text(json.dumps(seen), encoding="utf-8")
        found[name] = [_loaded(one) for one in json.loads(piece.read_text(encoding="utf-8"))]
    return found


def _version(config: DetectorConfig, detector: detectors.Detector) -> str:
    decides = [detector.sha256, detector.output_revision, asdict(search(config)), config.padding]
    return hashlib.sha256(json.dumps(decides).encode()).hexdigest()[:12]


def _seen(data: Path, name: str, detector: detectors.Detector, padding: float) -> Iterator[Seen]:
    folder, _, degrees = name.partition("@")
    step = LFW_STEP if folder == "lfw" else 1
    for photo in photos(data / folder, int(degrees or 0) // 90, step):
        boxes, _ = detector.detect(photo.pixels)
        height, width = photo.pixels.shape[:2]
        away = np.abs((boxes[:, :2] + boxes[:, 2:]) / 2 - np.array([width / 2, height / 2])).max(axis=1)
        middle = bool(len(away)) and float(away.min()) < MIDDLE * width
        yield Seen(photo.name, len(boxes), middle, tuple(_labelled(photo, mask_of(boxes, photo, padding))))


def _labelled(photo: Photo, mask: np.ndarray) -> Iterator[LabelledFace]:
    for (x1, y1, x2, y2), ignored, row in zip(photo.faces.tolist(), photo.ignored, photo.labels, strict=True):
        part = mask[max(0, int(y1)) : int(y2) + 1, max(0, int(x1)) : int(x2) + 1]
        if not ignored:
            kinds = {kind: row[kind] for kind in KINDS if row.get(kind)}
            yield LabelledFace(y2 - y1, float(part.mean()) if part.size else 0.0, kinds)


def _loaded(one: dict[str, object]) -> Seen:
    faces = one.pop("faces")
    assert isinstance(faces, list)  # noqa: S101 - as it was written
    return Seen(faces=tuple(LabelledFace(**face) for face in faces), **one)  # type: ignore[arg-type]
