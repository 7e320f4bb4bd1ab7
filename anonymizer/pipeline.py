"""Anonymize one image: decode, detect faces, apply consent, redact, encode, check.

Works on bytes, without storage and Ray. Only this module makes an `AnonymizedImage`, after all steps have succeeded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from anonymizer.config import RedactionConfig, RunConfig, from_mapping, item_settings_sha256, settings_sha256
from anonymizer.errors import BoxesMissing, EncodeError, Withheld
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
    Partial,
    Picture,
)


class Anonymizer:
    """Anonymizes images; call it with the bytes of an image.

    Args:
        settings: A `RunConfig`, or nested mappings of its fields, e.g. `{"redaction": {"method": "blur"}}`.
        weights: The result of `detectors.load_weights`; None = load them (from the path in `detector.weights`, or from
            the installation).

    Attributes:
        detector: None if given boxes replace detection (`boxes.mode`).

    Raises:
        ConfigError: A setting is invalid, or the weights are missing.
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
        """Hash of all settings and revisions that affect outputs, without boxes given from outside."""
        detector = self.detector
        revisions = {"codec": codec.OUTPUT_REVISION, "redactor": self.redactor.output_revision}
        if detector is not None:
            revisions["detector"] = detector.output_revision
        return settings_sha256(self.config, detector.sha256 if detector is not None else None, revisions)

    def made_by(self, given: GivenBoxes | None) -> tuple[str, str, str]:
        """For an object's manifest row: name and hash of the detector, and the hash of its settings."""
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
        """Runs the detector's self-test, if there is a detector.

        Raises:
            DetectionFailed: The detector failed.
        """
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
            data: The image file.
            decision: The consent registry's decision; by default every face is redacted.
            given: Faces known from outside.
            content: The file's identity, compared with consent that names a content; its SHA-256 is computed from
                `data` if it is not given.

        Returns:
            The anonymized image and a record of what was done.

        Raises:
            ObjectError: The image cannot be anonymized, or (policy public) may not be published.
        """
        source_sha256 = hashlib.sha256(data).hexdigest()
        picture = codec.decode(data, self.config.codec, self._reduction)
        if is_withheld(decision, self.config.consent.policy):
            raise Withheld  # Independent of its faces, so detection is not needed.
        detections = self._found(picture, source_sha256, given)
        canvas = _canvas(picture, _hashed(content, source_sha256), self.config.detector.padding)
        verdict = apply_consent(decision, detections, canvas, self.config.consent)
        source_format, frame_count = picture.format, len(picture.frames)
        width, height = picture.frames[0].width, picture.frames[0].height
        masks = self._masks(picture, detections, verdict)
        redacted = self._redact(data, picture, masks)
        del picture  # Frees memory for the encoder.
        try:
            encoded = codec.encode(redacted)
        except codec.WholeNeeded:
            encoded = codec.encode(self._redact_whole(data, masks))
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

    def _reduction(self, width: int, height: int) -> int:
        """How many times smaller a picture of this size may be read to find its faces."""
        return detectors.reduction(self.detector, width, height) if self.detector is not None else 1

    def blanked(self, data: bytes) -> bytes:
        """Makes an image of the same size and format that is gray all over.

        Raises:
            ObjectError: The image cannot be decoded or written in its format.
        """
        picture = codec.decode(data, self.config.codec)
        gray = redactors.make(RedactionConfig(method="solid"))
        frames = []
        for frame in picture.frames:
            # A mask is an ellipse; one of twice the size covers the corners too.
            whole = geometry.round_outward(geometry.grow([(0, 0, frame.width, frame.height)], 2.0))
            frames.append(redactors.redact_frame(gray, frame, whole, picture.grid))
        width, height, source_format = frames[0].width, frames[0].height, picture.format
        encoded = codec.encode(replace(picture, frames=tuple(frames)))
        if encoded.format != source_format:
            raise EncodeError
        metadata.check(encoded.data, encoded.format, width, height, len(frames), ())
        return encoded.data

    def _found(self, picture: Picture, source_sha256: str, given: GivenBoxes | None) -> Detections:
        """Merges faces known from outside with detected ones, and adds the suspects of earlier verifications."""
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

    def _masks(self, picture: Picture, detections: Detections, verdict: Verdict) -> list[geometry.IntBoxes]:
        """The padded boxes to redact in each frame."""
        faces = (
            np.concatenate(
                [
                    detections.xyxy[verdict.redact & (detections.frame == index)],
                    verdict.extra[verdict.extra_frame == index],
                ]
            )
            for index in range(len(picture.frames))
        )
        return [geometry.round_outward(geometry.grow(each, self.config.detector.padding)) for each in faces]

    def _redact(self, data: bytes, picture: Picture, masks: Sequence[geometry.IntBoxes]) -> Picture:
        pairs = zip(picture.frames, masks, strict=True)
        if not all(redactors.suffices(self.redactor, frame, boxes, picture.grid) for frame, boxes in pairs):
            return self._redact_whole(data, masks)
        return self._redacted(picture, masks)

    def _redact_whole(self, data: bytes, masks: Sequence[geometry.IntBoxes]) -> Picture:
        """Decodes again, at full size: a smaller picture was enough to find faces, but is not to redact or encode."""
        return self._redacted(codec.decode(data, self.config.codec), masks)

    def _redacted(self, picture: Picture, masks: Sequence[geometry.IntBoxes]) -> Picture:
        frames = tuple(
            redactors.redact_frame(self.redactor, frame, boxes, picture.grid) if len(boxes) else frame
            for frame, boxes in zip(picture.frames, masks, strict=True)
        )
        return replace(picture, frames=frames)


def detect(detector: detectors.Detector, frames: Sequence[Frame]) -> Detections:
    """Detects faces in all views of all frames; highest score first within a frame; boxes are in the whole picture."""
    found: list[detectors.Found] = []
    for index, frame in enumerate(frames):
        again = index > 0 and _same(frame, frames[index - 1])
        found.append(found[-1] if again else _detect_in(detector, frame))
    return _over_frames(found)


def _over_frames(found: Sequence[detectors.Found]) -> Detections:
    """Concatenates the results of all frames.

    Boxes are rounded like the manifest's `x, y, w, h`, so that a redaction from the manifest has the same masks.
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
    """Whether two frames of an animation are identical, so that detection need not run twice."""
    if not np.array_equal(frame.pixels, other.pixels):
        return False
    if frame.alpha is None or other.alpha is None:
        return frame.alpha is other.alpha
    return np.array_equal(frame.alpha, other.alpha)


def _detect_in(detector: detectors.Detector, frame: Frame) -> detectors.Found:
    """Detects faces in one frame; a face that is visible in several views counts once, with its highest score.

    Most faces in a film negative are found without inverting it. The inverted picture is searched only if no face was
    found, because gray photos, which may be negatives, are common.
    """
    found = detectors.merged([detector.detect(view) for view in views(frame)])
    if not len(found[1]):
        found = detectors.merged([found, *(detector.detect(view) for view in negatives(frame))])
    return found if frame.partial is None else _enlarged(found, frame.partial)


def _enlarged(found: detectors.Found, whole: Partial) -> detectors.Found:
    """Detections in a smaller picture as they lie in the whole one."""
    xyxy = geometry.clip(found[0] * np.float32(whole.factor), whole.width, whole.height)
    seen = geometry.area(xyxy) > 0
    return xyxy[seen], found[1][seen]


def _hashed(content: Content | None, source_sha256: str) -> Content:
    """The content to compare with consent, with the file's own hash if none was given."""
    content = content or Content(None, None)
    return content if content.sha256 is not None else replace(content, sha256=source_sha256)


def _canvas(picture: Picture, content: Content, padding: float) -> Canvas:
    """The canvas for consent regions. If pages differ in size its size is 0 × 0, which no region fits."""
    sizes = {(frame.width, frame.height) for frame in picture.frames}
    width, height = sizes.pop() if len(sizes) == 1 else (0, 0)
    return Canvas(width, height, len(picture.frames), content, padding)


def listed_faces(detections: Detections, verdict: Verdict) -> tuple[Face, ...]:
    """The manifest's faces: all detections, then with score 1 the vetoed regions that contain no detection."""
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
