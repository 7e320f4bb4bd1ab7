"""What a preset covers, photo by photo: the pieces that the figures of detection are added up from.

A piece is one preset on one set. It is kept in a file whose name holds a hash of all that decides it, so that a long
measurement can be made piece by piece and none is used after the detector has changed.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from anonymizer.config import DetectorConfig, Preset
from anonymizer.image import detectors, geometry
from anonymizer.image.detectors import weights
from anonymizer.image.detectors.centerface.detector import CenterFace
from anonymizer.image.detectors.centerface.presets import search
from anonymizer.records import Mask
from infra.proof.detection.fit import proposals
from infra.proof.detection.photos import LFW_STEP, Photo, photos

KINDS = ("blur", "expression", "illumination", "occlusion", "pose", "class")
MIDDLE = 0.16
"""A portrait's face counts as found if a box's centre is within this distance of the middle, in widths of the photo."""
MARGIN = 0.225
"""Around every labelled face, in its heights and widths: masking there is no waste."""
TIMED = "wider_val"
"""The set on which each photo is also looked at once in the plain way, so that the two times can be compared."""
PLAIN_SCALE = 0.75


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
        name: Path below the folder of its set.
        boxes: Number of detected faces.
        middle: Whether one of them lies in the middle.
        faces: The labelled faces that count.
        stray_px: Masked pixels further than `MARGIN` from every labelled face.
        all_px: Of the photo.
        cpu_s: Processor time of finding the faces.
        plain_cpu_s: Of one look of the float32 network at `PLAIN_SCALE`, on the set `TIMED` only.
    """

    name: str
    boxes: int
    middle: bool
    faces: tuple[LabelledFace, ...]
    stray_px: int = field(default=0, compare=False)
    all_px: int = field(default=0, compare=False)
    cpu_s: float = field(default=0.0, compare=False)
    plain_cpu_s: float = field(default=0.0, compare=False)


def detector_of(config: DetectorConfig) -> detectors.Detector:
    """As a worker makes it."""
    return detectors.make(config, detectors.load_weights(config, _read))


def _read(path: str) -> bytes:
    return Path(path).read_bytes()


def mask_of(xyxy: geometry.FloatBoxes, photo: Photo, padding: float) -> Mask:
    """(H, W) bool, as the job redacts."""
    height, width = photo.pixels.shape[:2]
    return geometry.head_mask(geometry.round_outward(geometry.grow(xyxy, padding)), width, height, photo.grid)


def judged(photo: Photo, xyxy: geometry.FloatBoxes, padding: float) -> Seen:
    """What boxes cover of a photo.

    Args:
        photo: With its labels.
        xyxy: (N, 4) found boxes.
        padding: Masks are so many times as wide and high.
    """
    height, width = photo.pixels.shape[:2]
    mask = mask_of(xyxy, photo, padding)
    away = np.abs((xyxy[:, :2] + xyxy[:, 2:]) / 2 - np.array([width / 2, height / 2])).max(axis=1)
    middle = bool(len(away)) and float(away.min()) < MIDDLE * width
    stray = int((mask & ~_near(photo)).sum())
    return Seen(photo.name, len(xyxy), middle, tuple(_labelled(photo, mask)), stray, mask.size)


def _near(photo: Photo) -> Mask:
    """Where masking is no waste: in and around every label, those that do not count included."""
    near = np.zeros(photo.pixels.shape[:2], bool)
    for x1, y1, x2, y2 in photo.faces.tolist():
        across, down = MARGIN * (x2 - x1), MARGIN * (y2 - y1)
        near[max(0, int(y1 - down)) : int(y2 + down) + 1, max(0, int(x1 - across)) : int(x2 + across) + 1] = True
    return near


def pieces(data: Path, folder: Path, preset: Preset, names: tuple[str, ...]) -> dict[str, list[Seen]]:
    """The results of a preset on several sets; measured if not cached.

    Args:
        data: Folder of the labelled sets.
        folder: Folder of cached results.
        preset: A preset of centerface.
        names: Names of sets; `lfw@90` is `lfw` rotated by 90°.
    """
    cv2.setNumThreads(1)
    config = DetectorConfig(preset=preset)
    detector = detector_of(config)
    found = {}
    for name in names:
        piece = folder / f"{preset}-{name.replace('@', '_')}-{_version(config, detector)}.json"
        if not piece.is_file():
            seen = [asdict(one) for one in _seen(data, name, detector, config)]
            folder.mkdir(parents=True, exist_ok=True)
            piece.write_text(json.dumps(seen), encoding="utf-8")
        found[name] = [_loaded(one) for one in json.loads(piece.read_text(encoding="utf-8"))]
    return found


def _version(config: DetectorConfig, detector: detectors.Detector) -> str:
    fields = list(Seen.__dataclass_fields__)
    decides = [detector.sha256, detector.output_revision, asdict(search(config)), config.padding, fields]
    return hashlib.sha256(json.dumps(decides).encode()).hexdigest()[:12]


def _seen(data: Path, name: str, detector: detectors.Detector, config: DetectorConfig) -> Iterator[Seen]:
    folder, _, degrees = name.partition("@")
    step = LFW_STEP if folder == "lfw" else 1
    plain = CenterFace(config, weights.cleaned(weights.centerface(None, _read))) if name == TIMED else None
    for photo in photos(data / folder, int(degrees or 0) // 90, step):
        since = time.process_time()
        boxes, _ = detector.detect(photo.pixels)
        found = time.process_time()
        if plain is not None:
            proposals(plain, photo, PLAIN_SCALE)
        times = (found - since, time.process_time() - found)
        yield replace(judged(photo, boxes, config.padding), cpu_s=times[0], plain_cpu_s=times[1])


def _labelled(photo: Photo, mask: Mask) -> Iterator[LabelledFace]:
    for (x1, y1, x2, y2), ignored, row in zip(photo.faces.tolist(), photo.ignored, photo.labels, strict=True):
        part = mask[max(0, int(y1)) : int(y2) + 1, max(0, int(x1)) : int(x2) + 1]
        if not ignored:
            kinds = {kind: row[kind] for kind in KINDS if row.get(kind)}
            yield LabelledFace(y2 - y1, float(part.mean()) if part.size else 0.0, kinds)


def _loaded(one: Mapping[str, Any]) -> Seen:
    return Seen(**{**one, "faces": tuple(LabelledFace(**face) for face in one["faces"])})
