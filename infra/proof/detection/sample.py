"""Evaluate `anonymizer verify --sample`: which missed faces the second detector finds, and which pixels it confirms.

Photos are anonymized in this process; the second detector gets only the published bytes and the manifest row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from anonymizer import Anonymizer
from anonymizer.audit.verify.redacted_pixels import RunSettings, decode_published, redacted_masks
from anonymizer.audit.verify.second_detector import (
    COVERED_SHARE,
    FlipAugmented,
    check_photo,
    detector_settings,
)
from anonymizer.config import DetectorConfig, Method, RunConfig
from anonymizer.errors import ObjectError
from anonymizer.image import detectors, geometry
from anonymizer.image.detectors import Detector
from anonymizer.records import AnonymizedImage, Detections, ManifestRow, Mask
from infra.docs.generate.figures import FORMS
from infra.proof.detection import shares
from infra.proof.detection.photos import Photo, photos
from infra.proof.detection.shares import LEAST_FACE_PX, LEAST_SHARE

SAME_FACE_IOU = 0.3
"""A suspect is a labelled face if their boxes have at least this intersection over union (IoU)."""

PROOF_STEP = 6
METHODS: tuple[Method, ...] = ("smooth", "solid", "blur", "pixelate", "gaussian")


def second_detector(weights: Path, config: DetectorConfig) -> Detector:
    """The second detector as in `verify --sample --detector yunet --weights FILE`."""
    return FlipAugmented(detectors.make(detector_settings(config), weights.read_bytes()))


def row_of(name: str, image: AnonymizedImage) -> ManifestRow:
    """The manifest row of a published photo, with the columns that the second detector's check needs."""
    return ManifestRow(
        key=name,
        source_uri=name,
        status=image.status,
        processed_at=datetime.now(UTC),
        format=image.format,
        encoding=image.encoding,
        faces=image.faces,
    )


@dataclass(slots=True)
class Tally:
    """Counts by photo: labelled faces that the run missed, and those of them that the second detector found."""

    raised: list[tuple[int, int]] = field(default_factory=list)
    suspects: int = 0
    suspect_photos: int = 0

    def add(self, photo: Photo, masks: Sequence[Mask], suspects: Sequence[tuple[float, float, float, float]]) -> None:
        """Counts one photo."""
        missed = uncovered(photo, masks[0])
        seen = geometry.iou(missed, np.array(suspects, np.float32).reshape(-1, 4)).max(axis=1, initial=0.0)
        self.raised.append((int((seen >= SAME_FACE_IOU).sum()), len(missed)))
        self.suspects += len(suspects)
        self.suspect_photos += bool(suspects)

    def values(self, name: str) -> dict[str, Any]:
        """The figures of a set, by name."""
        return {
            f"{name}.photos": len(self.raised),
            f"{name}.suspect photos": self.suspect_photos,
            f"{name}.suspect boxes": self.suspects,
            f"{name}.raised": shares.of_faces(self.raised),
        }


def uncovered(photo: Photo, mask: Mask) -> geometry.FloatBoxes:
    """(N, 4) labelled faces from `LEAST_FACE_PX` on of which less than `LEAST_SHARE` is masked."""
    found = []
    for (x1, y1, x2, y2), ignored in zip(photo.faces.tolist(), photo.ignored, strict=True):
        part = mask[max(0, int(y1)) : int(y2) + 1, max(0, int(x1)) : int(x2) + 1]
        if not ignored and y2 - y1 >= LEAST_FACE_PX and (not part.size or part.mean() < LEAST_SHARE):
            found.append((x1, y1, x2, y2))
    return geometry.as_boxes(np.array(found, np.float32))


def sensitivity(data: Path, weights: Path) -> dict[str, Any]:
    """What the look raises on `wider_val` and, where nobody is, on `nonface`: figures by name."""
    detector = second_detector(weights, DetectorConfig(name="yunet"))
    found: dict[str, Any] = {"weights_sha256": detector.sha256}
    for name in ("wider_val", "nonface"):
        found |= tally(photos(data / name), data / name, detector).values(name)
    return found


def sensitivity_table(values: Mapping[str, Any]) -> str:
    """Markdown: a line for each set."""
    lines = [
        f"Weights: SHA-256 `{values['weights_sha256']}`.",
        "",
        "| set | photos | suspect photos | suspect boxes | labelled faces left uncovered | of these raised |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name in ("wider_val", "nonface"):
        photos_, suspect, boxes = (values[f"{name}.{what}"] for what in ("photos", "suspect photos", "suspect boxes"))
        raised = values[f"{name}.raised"]
        share = f"{raised['hits']} = {FORMS['interval'](raised).partition(' of ')[0]}" if raised["of"] else "-"
        lines.append(f"| `{name}` | {photos_} | {suspect} | {boxes} | {raised['of']} | {share} |")
    return "\n".join(lines)


def tally(chosen: Iterable[Photo], folder: Path, detector: Detector) -> Tally:
    """Anonymizes photos with the default settings and checks the outputs with the second detector."""
    config = RunConfig()
    anonymizer, made = Anonymizer(config), RunSettings(config.detector.padding, config.redaction, config.codec)
    counts = Tally()
    for photo in chosen:
        image = anonymizer((folder / photo.name).read_bytes())
        row = row_of(photo.name, image)
        picture = decode_published(image.data, row, made)
        masks = redacted_masks(picture, row, made)
        counts.add(photo, masks, [one.xyxy for one in check_photo(picture, row, masks, detector).suspects])
    return counts


def module(values: Mapping[str, Any]) -> str:
    """The module `anonymizer.audit.verify.sensitivity`."""
    raised = values["wider_val.raised"]
    return (
        '"""Measured sensitivity of second detectors; generated by `python -m infra.proof.detection sample --write`."""'
        "\n\n"
        "#: SHA-256 of the second detector's weights, used with its default settings -> "
        "(labelled faces that it found, labelled\n#: faces that the preset balanced had missed, "
        "lower and upper end of the share's 95 % confidence interval).\n"
        "SENSITIVITY: dict[str, tuple[int, int, float, float]] = {\n"
        f'    "{values["weights_sha256"]}": '
        f"({raised['hits']}, {raised['of']}, {raised['low']:.3f}, {raised['high']:.3f}),\n"
        "}\n"
    )


def proofs(data: Path) -> dict[str, Any]:
    """By method: redacted faces that are found to be (`smooth.redacted`), and faces in clear that would be."""
    found: dict[str, Any] = {}
    detector = Anonymizer()
    for method in METHODS:
        config = replace(detector.config, redaction=replace(detector.config.redaction, method=method))
        made = RunSettings(config.detector.padding, config.redaction, config.codec)
        anonymizer = Anonymizer(config)
        redacted, clear = [], []
        for path in _every(data / "wider_val", PROOF_STEP):
            source = path.read_bytes()
            image = anonymizer(source)
            row = row_of(path.name, image)
            redacted.append(_found(image.data, row, made))
            clear.append(_found(source, row, made))
        found |= {f"{method}.redacted": shares.of_faces(redacted), f"{method}.clear": shares.of_faces(clear)}
    return found


def proofs_table(values: Mapping[str, Any]) -> str:
    """Markdown: a line for each method."""
    lines = ["| method | redacted faces found redacted | the same faces in clear found redacted |", "|---|---:|---:|"]
    for method in METHODS:
        cells = (FORMS["interval"](values[f"{method}.{what}"]) for what in ("redacted", "clear"))
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _found(published: bytes, row: ManifestRow, made: RunSettings) -> tuple[int, int]:
    """Faces of a photo that are found to be redacted, and all from `LEAST_FACE_PX` on that are said to be."""
    faces = Detections.of([face for face in row.faces if face.redacted and face.h >= LEAST_FACE_PX])
    try:
        picture = decode_published(published, row, made)
    except ObjectError:
        return 0, 0
    mask = redacted_masks(picture, row, made)[0]
    boxes = geometry.round_outward(geometry.clip(faces.xyxy, mask.shape[1], mask.shape[0])).tolist()
    return sum(float(mask[y1:y2, x1:x2].mean()) >= COVERED_SHARE for x1, y1, x2, y2 in boxes), len(boxes)


def _every(folder: Path, step: int) -> Iterator[Path]:
    yield from sorted(folder.rglob("*.jpg"))[::step]
