"""One image, from bytes to safe bytes: decode, detect, decide, redact, encode, check.

Knows no storage and no Ray. The only maker of `AnonymizedImage`, and only after every step has passed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from anonymizer.config import RunConfig, from_mapping, item_settings_sha256, settings_sha256
from anonymizer.errors import BoxesMissing, Withheld
from anonymizer.image import codec, detectors, geometry, metadata, redactors
from anonymizer.image.views import negatives, views
from anonymizer.people import boxes
from anonymizer.people.consent import Canvas, Verdict, is_withheld
from anonymizer.people.consent import apply as apply_consent
from anonymizer.records import (
    NO_CONSENT,
    AnonymizedImage,
    ConsentDecision,
    Content,
    Detections,
    Face,
    Frame,
    GivenBoxes,
    Picture,
)


class Anonymizer:
    """Holds a detector and a redactor; call it with the bytes of an image.

    Args:
        settings: A `RunConfig`, or nested mappings of its fields, e.g. `{"redaction": {"method": "blur"}}`.
        weights: The network as `detectors.load_weights` returned it; found (or read from the path in
            `detector.weights`) when not given.

    Attributes:
        detector: None where boxes are given in place of detection.

    Raises:
        ConfigError: A setting is wrong, or the network cannot be found.
    """

    def __init__(
        self, settings: RunConfig | Mapping[str, Any] | None = None, *, weights: detectors.Weights = None
    ) -> None:
        self.config = settings if isinstance(settings, RunConfig) else from_mapping(RunConfig, settings or {})
        self.detector: detectors.Detector | None = None
        if self.config.boxes.mode == "add":
            if weights is None:
                weights = detectors.load_weights(self.config.detector, lambda path: Path(path).read_bytes())
            self.detector = detectors.make(self.config.detector, weights)
        self.redactor = redactors.make(self.config.redaction)
        self._run_settings_sha256 = self.settings_sha256

    @property
    def settings_sha256(self) -> str:
        """Hash of everything that decides what an output looks like, boxes from outside left out."""
        detector = self.detector
        revisions = {"codec": codec.OUTPUT_REVISION, "redactor": self.redactor.output_revision}
        if detector is not None:
            revisions["detector"] = detector.output_revision
        return settings_sha256(self.config, detector.sha256 if detector is not None else None, revisions)

    def made_by(self, given: GivenBoxes | None) -> tuple[str, str, str]:
        """What the row of an object says: name and hash of what found its faces, and the hash of its settings."""
        name, sha256 = self._found_by(given)
        boxes_sha256 = given.sha256 if given is not None else None
        return name, sha256, item_settings_sha256(self._run_settings_sha256, self.config, boxes_sha256)

    def _found_by(self, given: GivenBoxes | None) -> tuple[str, str]:
        parts = [] if self.detector is None else [(self.detector.name, self.detector.sha256)]
        known = given is not None and given.complete
        if self.config.boxes.uri is not None or known or not parts:
            parts.append(("boxes", given.sha256 if given is not None and known else ""))
        if given is not None and given.suspects is not None:
            parts.append(("second_look", given.suspects.sha256))
        if len(parts) == 1:
            return parts[0]
        named = "\n".join(f"{name} {sha256}" for name, sha256 in parts)
        return "+".join(name for name, _ in parts), hashlib.sha256(named.encode()).hexdigest()

    def self_test(self) -> None:
        """Raises DetectionFailed if the detector, where there is one, does not find what it has to."""
        if self.detector is not None:
            self.detector.self_test()

    def __call__(
        self,
        data: bytes,
        decision: ConsentDecision = NO_CONSENT,
        given: GivenBoxes | None = None,
        content: Content | None = None,
    ) -> AnonymizedImage:
        """Anonymizes one image.

        Args:
            data: The file as it was read.
            decision: What the consent registry says about it; by default every face is redacted.
            given: Its faces as they are known from outside.
            content: What consent that names content is held against; without a SHA-256 the file's own.

        Returns:
            The safe image and what was done to it.

        Raises:
            ObjectError: It cannot be made safe, or (policy public) may not be published.
        """
        source_sha256 = hashlib.sha256(data).hexdigest()
        picture = codec.decode(data, self.config.codec)
        if is_withheld(decision, self.config.consent.policy):
            raise Withheld  # Whatever its faces are: nobody has to look for them.
        detections = self._found(picture, source_sha256, given)
        canvas = _canvas(picture, _hashed(content, source_sha256), self.config.detector.padding)
        verdict = apply_consent(decision, detections, canvas, self.config.consent)
        source_format, frame_count = picture.format, len(picture.frames)
        width, height = picture.frames[0].width, picture.frames[0].height
        redacted = self._redact(picture, detections, verdict)
        del picture  # Encoders take the memory that they have.
        encoded = codec.encode(redacted)
        kept = metadata.keep.read(data, source_format, self.config.metadata.keep)
        published, kept_names = metadata.keep.insert(encoded.data, encoded.format, kept)
        metadata.check(published, encoded.format, width, height, frame_count, kept_names)
        faces = listed_faces(detections, verdict)
        return AnonymizedImage(
            data=published,
            format=encoded.format,
            source_format=source_format,
            width=width,
            height=height,
            frame_count=frame_count,
            encoding=encoded.encoding,
            status=_status(faces),
            consent_status=verdict.status,
            consent_record_ids=decision.record_ids,
            retained_until=verdict.retained_until,
            faces=faces,
            redacted_count=sum(face.redacted for face in faces),
            metadata_removed=metadata.inventory(data, source_format),
            metadata_kept=kept_names,
            source_sha256=source_sha256,
            sha256=hashlib.sha256(published).hexdigest(),
        )

    def _found(self, picture: Picture, source_sha256: str, given: GivenBoxes | None) -> Detections:
        """Faces that are known from outside and faces that are detected, each once; and what a second look has seen."""
        known = boxes.placed(given, picture.frames, source_sha256) if given is not None and given.complete else None
        if self.detector is not None:
            found = detect(self.detector, picture.frames)
            found = found if known is None else _joined((known, found), len(picture.frames))
        elif known is not None:
            found = known
        else:
            raise BoxesMissing
        suspects = given.suspects if given is not None else None
        return found if suspects is None else boxes.with_suspects(found, suspects, len(picture.frames), source_sha256)

    def _redact(self, picture: Picture, detections: Detections, verdict: Verdict) -> Picture:
        frames = []
        for index, frame in enumerate(picture.frames):
            faces = np.concatenate(
                [
                    detections.xyxy[verdict.redact & (detections.frame == index)],
                    verdict.extra[verdict.extra_frame == index],
                ]
            )
            masks = geometry.round_outward(geometry.grow(faces, self.config.detector.padding))
            frames.append(redactors.redact_frame(self.redactor, frame, masks, picture.grid) if len(masks) else frame)
        return replace(picture, frames=tuple(frames))


def detect(detector: detectors.Detector, frames: Sequence[Frame]) -> Detections:
    """Faces of all frames, strongest first within a frame; looked for in everything that a frame can show."""
    found: list[detectors.Found] = []
    for index, frame in enumerate(frames):
        again = index > 0 and _same(frame, frames[index - 1])
        found.append(found[-1] if again else _detect_in(detector, frame))
    return _over_frames(found)


def _over_frames(found: Sequence[detectors.Found]) -> Detections:
    """What was found in each frame. Boxes are rounded as the manifest's `x, y, w, h` are: done again from there, the
    same masks come out.
    """
    whole = np.concatenate([xyxy for xyxy, _ in found])
    return Detections(
        xyxy=geometry.xywh_to_xyxy(np.concatenate([whole[:, :2], whole[:, 2:] - whole[:, :2]], axis=1)),
        score=np.concatenate([score for _, score in found]),
        frame=np.concatenate([np.full(len(xyxy), i, np.int32) for i, (xyxy, _) in enumerate(found)]),
    )


def _joined(parts: Sequence[Detections], frame_count: int) -> Detections:
    found = [
        [(part.xyxy[part.frame == index], part.score[part.frame == index]) for part in parts]
        for index in range(frame_count)
    ]
    return _over_frames([detectors.merged(looks) for looks in found])


def _same(frame: Frame, other: Frame) -> bool:
    """Whether two frames of an animation are one picture, in which nobody has to be looked for twice."""
    if not np.array_equal(frame.pixels, other.pixels):
        return False
    if frame.alpha is None or other.alpha is None:
        return frame.alpha is other.alpha
    return np.array_equal(frame.alpha, other.alpha)


def _detect_in(detector: detectors.Detector, frame: Frame) -> detectors.Found:
    """Faces of one frame; one that shows in several of its views counts once, with its best score.

    Most faces of a negative are found in it as it is. Its print is looked at where none is: gray photos are many.
    """
    found = detectors.merged([detector.detect(view) for view in views(frame)])
    if len(found[1]):
        return found
    return detectors.merged([found, *(detector.detect(view) for view in negatives(frame))])


def _hashed(content: Content | None, source_sha256: str) -> Content:
    """The content that consent is held against, with the file's own hash where none was given."""
    content = content or Content(None, None)
    return content if content.sha256 is not None else replace(content, sha256=source_sha256)


def _canvas(picture: Picture, content: Content, padding: float) -> Canvas:
    """What regions are held against. On pages of several sizes no region can be placed: it fits a size of 0 × 0."""
    sizes = {(frame.width, frame.height) for frame in picture.frames}
    width, height = sizes.pop() if len(sizes) == 1 else (0, 0)
    return Canvas(width, height, len(picture.frames), content, padding)


def listed_faces(detections: Detections, verdict: Verdict) -> tuple[Face, ...]:
    """The manifest's faces: all detections, then the objections' regions in which none of them lies, with score 1."""
    rows = zip(detections.frame, detections.xyxy, detections.score, verdict.redact, strict=True)
    faces = [_face(int(frame), box, float(score), bool(redacted)) for frame, box, score, redacted in rows]
    for frame, region in zip(verdict.extra_frame, verdict.extra, strict=True):
        known = detections.xyxy[detections.frame == frame]
        if not len(known) or geometry.inside_share(known, region).max() < 0.5:
            faces.append(_face(int(frame), region, 1.0, True))
    return tuple(faces)


def _status(faces: Sequence[Face]) -> Literal["anonymized", "no_face", "retained"]:
    if not faces:
        return "no_face"
    return "anonymized" if any(face.redacted for face in faces) else "retained"


def _face(frame: int, box: geometry.FloatBoxes, score: float, redacted: bool) -> Face:
    x1, y1, x2, y2 = (float(v) for v in box)
    return Face(frame, x1, y1, x2 - x1, y2 - y1, score, redacted)
