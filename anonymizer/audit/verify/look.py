"""One published photo as a second detector sees it: which of its faces lie in redacted pixels, and which do not."""

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
"""A face counts as covered if this share of its box is redacted."""

SCALE, MAX_AREA_PX = 1.0, 6_000_000
"""Larger than a run looks at by default. At 1.5 yunet raised as many faces that were missed for twice the suspects."""

LEAST_SCORES = {"yunet": 0.5}
"""Where `detector.min_score` is not set; measured (infra/docs/verification.md)."""

LEAST_FACE_PX = 16
"""Nobody is known by a face that is less high."""

SAME_IOU = 0.4
"""Two boxes that share this much (intersection over union) are one face."""

KEPT_MARGIN, SAME_AREA = 1.4, 0.25
"""What lies in the box of a kept face, so many times as wide and high, is that face unless it is smaller than this
share of it."""

GRAY = 128


@dataclass(frozen=True, slots=True)
class Suspect:
    """A face that the second detector sees and that is not covered.

    Attributes:
        frame: From 0.
        xyxy: Pixels of the upright output.
        score: As the second detector has it.
        covered: Share of the box that is redacted.
    """

    frame: int
    xyxy: tuple[float, float, float, float]
    score: float
    covered: float


@dataclass(frozen=True, slots=True)
class Looked:
    """What a second look at one photo saw.

    Attributes:
        seen: Faces, covered ones too: a redacted head may look like one.
        suspects: Those that are neither covered nor kept by consent.
        redacted: Faces that the row says are redacted.
        proven: Those of them of whose boxes `COVERED_SHARE` lies in pixels that are a redaction's.
    """

    seen: int
    suspects: tuple[Suspect, ...]
    redacted: int
    proven: int


class Mirrored:
    """A detector that looks at every picture twice: as it is, and as a mirror shows it."""

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


def settings(config: DetectorConfig) -> DetectorConfig:
    """How a second look is made, where the user has not said otherwise."""
    least = LEAST_SCORES.get(config.name) if config.min_score is None else config.min_score
    scale, most = config.scale or SCALE, config.max_area_px or MAX_AREA_PX
    return replace(config, scale=scale, max_area_px=most, min_score=least)


def look(picture: Picture, row: ManifestRow, masks: Sequence[Mask], detector: Detector) -> Looked:
    """Looks at a published photo, and again at every frame in which a face is not covered, its masks made gray.

    What is a face the first time only is one by what the redaction drew: an oval on a neck.

    Args:
        picture: Upright.
        row: Of the photo: which faces consent has kept.
        masks: Of each frame, (H, W): what is redacted (`proof.proven`).
        detector: Its least score is that of a suspect.

    Raises:
        DetectionFailed: There is no usable answer.
    """
    found = detect(detector, picture.frames)
    suspects: list[Suspect] = []
    for index, (frame, mask) in enumerate(zip(picture.frames, masks, strict=True)):
        kept = Detections.of([face for face in row.faces if face.frame == index and not face.redacted]).xyxy
        own = _of_frame(found, index)
        doubtful = [suspect for suspect in _uncovered(own, mask, index) if not _is_kept(suspect.xyxy, kept)]
        if doubtful:
            still = detect(detector, [_in_gray(frame, mask)]).xyxy
            suspects += [one for one in doubtful if geometry.iou([one.xyxy], still).max(initial=0.0) >= SAME_IOU]
    hidden = Detections.of([face for face in row.faces if face.redacted])
    proven = sum(
        _share(masks[frame], box) >= COVERED_SHARE for box, frame in zip(hidden.xyxy, hidden.frame, strict=True)
    )
    return Looked(len(found), tuple(suspects), len(hidden), proven)


def _of_frame(found: Detections, index: int) -> Detections:
    chosen = found.frame == index
    return Detections(found.xyxy[chosen], found.score[chosen], found.frame[chosen])


def _uncovered(found: Detections, mask: Mask, frame: int) -> Iterator[Suspect]:
    """The faces in a frame of whose boxes too little lies in the mask."""
    for box, score in zip(found.xyxy, found.score, strict=True):
        share = _share(mask, box)
        if share < COVERED_SHARE and box[3] - box[1] >= LEAST_FACE_PX:
            left, top, right, bottom = (float(side) for side in box)
            yield Suspect(frame, (left, top, right, bottom), float(score), share)


def _share(mask: Mask, box: geometry.FloatBoxes) -> float:
    """Of a box, (4,), what lies in a mask; of one outside the picture nothing is to be seen."""
    x1, y1, x2, y2 = geometry.round_outward(box)[0].tolist()
    part = mask[max(0, y1) : max(0, y2), max(0, x1) : max(0, x2)]
    return float(part.mean()) if part.size else 1.0


def _is_kept(xyxy: tuple[float, float, float, float], kept: geometry.FloatBoxes) -> bool:
    """Whether it is one of the faces that consent has kept."""
    same = geometry.iou([xyxy], kept) >= SAME_IOU
    within = geometry.inside_share([xyxy], geometry.grow(kept, KEPT_MARGIN)) >= COVERED_SHARE
    large = geometry.area([xyxy]) >= SAME_AREA * geometry.area(kept)
    return bool((same | (within & large)).any())


def _in_gray(frame: Frame, mask: Mask) -> Frame:
    """As it is seen, with what is redacted in plain gray, but no brighter or darker than what is there."""
    light = light_of(frame)
    points = Points.of(light, frame.alpha, mask)
    gray, levels = np.array(GRAY * (points.greatest // 255)), levels_of(points)
    used = points.used() if levels is None else (levels.low, levels.high)
    pixels = light.copy()
    pixels[mask] = gray if used is None else np.clip(gray, used[0], used[1]).astype(pixels.dtype)
    return Frame(pixels, frame.alpha)
