"""Run a second detector on one published photo and tell covered faces from faces that a run may have missed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from anonymizer.config import DetectorConfig
from anonymizer.image import detectors, geometry
from anonymizer.image.detectors.contract import Detector, Found
from anonymizer.image.views import Points, levels_of, light_of
from anonymizer.pipeline import detect
from anonymizer.records import Detections, Frame, ManifestRow, Mask, Picture, Pixels

COVERED_SHARE = 0.8
"""A face counts as covered if at least this share of its box is redacted."""

SCALE, MAX_AREA_PX = 1.0, 6_000_000
"""Detection input size: larger than a run's default. At scale 1.5 yunet found no more of the missed faces, but twice
as many suspects."""

MIN_SCORES = {"yunet": 0.5}
"""Score thresholds by detector where `detector.min_score` is not set; measured (infra/docs/verification.md)."""

MIN_FACE_PX = 16
"""Smaller faces (box height) are ignored: nobody can be recognised by them."""

SAME_IOU = 0.4
"""Two boxes with at least this intersection over union (IoU) are the same face."""

KEPT_MARGIN, SAME_AREA = 1.4, 0.25
"""A detection inside the box of a kept face, enlarged by the factor `KEPT_MARGIN`, is that face unless its area is
below the share `SAME_AREA` of the kept box."""

GRAY = 128


@dataclass(frozen=True, slots=True)
class Suspect:
    """A suspected missed face: found by the second detector and not covered by a redaction.

    Attributes:
        frame: Index of the frame, from 0.
        xyxy: Box in pixels of the upright output.
        score: The second detector's score.
        covered: Share of the box that is redacted, 0 to 1.
    """

    frame: int
    xyxy: tuple[float, float, float, float]
    score: float
    covered: float


@dataclass(frozen=True, slots=True)
class PhotoResult:
    """The second detector's result for one photo.

    Attributes:
        faces: Number of detected faces, covered ones included (a redacted head may still be detected).
        suspects: Detected faces that are neither covered nor kept by consent.
        redacted: Number of faces that the row reports as redacted.
        proven: How many of these have at least `COVERED_SHARE` of their box in pixels confirmed as redacted.
    """

    faces: int
    suspects: tuple[Suspect, ...]
    redacted: int
    proven: int


class FlipAugmented:
    """A detector with horizontal-flip test-time augmentation: runs on the picture and its mirror image, then merges."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.name, self.sha256, self.output_revision = detector.name, detector.sha256, detector.output_revision

    def detect(self, pixels: Pixels) -> Found:
        boxes, scores = self._detector.detect(np.ascontiguousarray(pixels[:, ::-1]))
        width = np.float32(pixels.shape[1])
        back = np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], axis=1)
        return detectors.merged([self._detector.detect(pixels), (back, scores)])

    def self_test(self) -> None:
        self._detector.self_test()


def detector_settings(config: DetectorConfig) -> DetectorConfig:
    """The second detector's settings: the user's, completed with this module's defaults."""
    least = MIN_SCORES.get(config.name) if config.min_score is None else config.min_score
    scale, most = config.scale or SCALE, config.max_area_px or MAX_AREA_PX
    return replace(config, scale=scale, max_area_px=most, min_score=least)


def check_photo(picture: Picture, row: ManifestRow, masks: Sequence[Mask], detector: Detector) -> PhotoResult:
    """Detects faces in a published photo and returns those that are not covered.

    A frame with an uncovered face is checked again with its redacted pixels painted gray. A detection that disappears
    was caused by the redaction itself, for instance by an oval above a neck, and is dropped.

    Args:
        picture: The published photo, upright.
        row: Its manifest row, which says which faces consent kept.
        masks: For each frame the redacted pixels, (H, W) bool (`redacted_pixels.redacted_masks`).
        detector: The second detector; its score threshold decides what is a suspect.

    Raises:
        DetectionFailed: The detector returned no usable result.
    """
    found = detect(detector, picture.frames)
    suspects: list[Suspect] = []
    for index, (frame, mask) in enumerate(zip(picture.frames, masks, strict=True)):
        kept = Detections.of([face for face in row.faces if face.frame == index and not face.redacted]).xyxy
        own = _of_frame(found, index)
        candidates = [suspect for suspect in _uncovered(own, mask, index) if not _is_kept(suspect.xyxy, kept)]
        if candidates:
            still = detect(detector, [_in_gray(frame, mask)]).xyxy
            suspects += [one for one in candidates if geometry.iou([one.xyxy], still).max(initial=0.0) >= SAME_IOU]
    hidden = Detections.of([face for face in row.faces if face.redacted])
    proven = sum(
        _share(masks[frame], box) >= COVERED_SHARE for box, frame in zip(hidden.xyxy, hidden.frame, strict=True)
    )
    return PhotoResult(len(found), tuple(suspects), len(hidden), proven)


def _of_frame(found: Detections, index: int) -> Detections:
    chosen = found.frame == index
    return Detections(found.xyxy[chosen], found.score[chosen], found.frame[chosen])


def _uncovered(found: Detections, mask: Mask, frame: int) -> Iterator[Suspect]:
    """The faces of a frame with less than `COVERED_SHARE` of their box in the mask."""
    for box, score in zip(found.xyxy, found.score, strict=True):
        share = _share(mask, box)
        if share < COVERED_SHARE and box[3] - box[1] >= MIN_FACE_PX:
            left, top, right, bottom = (float(side) for side in box)
            yield Suspect(frame, (left, top, right, bottom), float(score), share)


def _share(mask: Mask, box: geometry.FloatBoxes) -> float:
    """Share of a box, (4,), that lies in the mask; 1 for a box outside the picture, which shows nothing."""
    x1, y1, x2, y2 = geometry.round_outward(box)[0].tolist()
    part = mask[max(0, y1) : max(0, y2), max(0, x1) : max(0, x2)]
    return float(part.mean()) if part.size else 1.0


def _is_kept(xyxy: tuple[float, float, float, float], kept: geometry.FloatBoxes) -> bool:
    """Whether the box is one of the faces that consent kept."""
    same = geometry.iou([xyxy], kept) >= SAME_IOU
    within = geometry.inside_share([xyxy], geometry.grow(kept, KEPT_MARGIN)) >= COVERED_SHARE
    large = geometry.area([xyxy]) >= SAME_AREA * geometry.area(kept)
    return bool((same | (within & large)).any())


def _in_gray(frame: Frame, mask: Mask) -> Frame:
    """The frame with its redacted pixels painted gray, clipped to the range of tones that the frame uses.

    Without the clipping the gray would change the level stretch (`anonymizer.image.views`) and with it what the
    detector is shown.
    """
    light = light_of(frame)
    points = Points.of(light, frame.alpha, mask)
    gray, levels = np.array(GRAY * (points.greatest // 255)), levels_of(points)
    used = points.used() if levels is None else (levels.low, levels.high)
    pixels = light.copy()
    pixels[mask] = gray if used is None else np.clip(gray, used[0], used[1]).astype(pixels.dtype)
    return Frame(pixels, frame.alpha)
