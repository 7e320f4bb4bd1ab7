"""One decision applied to the faces of one picture.

Wherever the contract leaves a choice, redaction wins:

- A face *touches* a region when its padded box, rounded outward, shares a pixel with it. The box holds the mask, so no
  touch is missed.
- A vetoing region counts as the mask of a face, padded like one, where it meets the region of a grant: that grant
  keeps nothing. The faces that it redacts itself are those that touch the region as it was drawn.
- Grants with and without a region: a person who has a region is found there or not at all. The faces that no region
  keeps are kept only if there are no more of them than people granted without any region, and if all faces are no more
  than the people who are found in one of the two ways.
- `scope` everyone with a region is a region: it keeps one face.
- A grant's region without a frame keeps one face over all frames; a veto's region without one is redacted in all.
- A grant that names content (and has no region) is as if absent where the photo is another one. One whose region names
  content that is not the photo's does not fit, and no grant counts. A veto that names content speaks for the key.
- A retained face stays `retained` when another's mask covers part of it: those pixels are redacted all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from anonymizer.config import ConsentConfig, Policy
from anonymizer.errors import ConsentRegionMisfit, Withheld
from anonymizer.image import geometry
from anonymizer.image.geometry import FloatBoxes
from anonymizer.records import ConsentDecision, ConsentStatus, Content, Detections, Grant, Region

#: Share of a face's box that has to lie inside a grant's region.
INSIDE_SHARE = 0.9

WORST_FIRST: tuple[ConsentStatus, ...] = ("withdrawn", "denied", "malformed", "expired", "pending")


@dataclass(frozen=True, slots=True)
class Canvas:
    """What a region is held against.

    Attributes:
        width: Of the upright picture, in pixels.
        height: Of the upright picture, in pixels.
        content: What grants that name content, and regions that do, are held against.
        padding: Masks are this many times as wide and high as the detected box.
    """

    width: int
    height: int
    frame_count: int
    content: Content
    padding: float


@dataclass(frozen=True, eq=False)
class Verdict:
    """What happens to one picture.

    Attributes:
        status: For the manifest's `consent_status`.
        redact: (N,) bool, in the order of the detections.
        extra: (M, 4) float32 `xyxy`, upright pixels: vetoed regions, to be padded and redacted like detected faces.
        extra_frame: (M,) int32.
        retained_until: When the first grant ends that the output needs; None = none ends or none is needed.
    """

    status: ConsentStatus
    redact: NDArray[np.bool_]
    extra: FloatBoxes
    extra_frame: NDArray[np.int32]
    retained_until: datetime | None


def is_withheld(decision: ConsentDecision, policy: Policy) -> bool:
    """Whether the decision alone withholds the photo: policy public, and no working grant or any veto."""
    return policy == "public" and (not decision.grants or bool(decision.vetoes))


def status_of(decision: ConsentDecision) -> ConsentStatus:
    """What the registry says of a photo that is not published, and whose faces therefore do not matter.

    Nobody has to know the photo's content for that: what is bound to some does not count.
    """
    grants = [grant for grant in decision.grants if (grant.source_sha256, grant.source_etag) == (None, None)]
    return _status(decision, grants, np.zeros(0, bool))


def apply(decision: ConsentDecision, detections: Detections, canvas: Canvas, config: ConsentConfig) -> Verdict:
    """Says which faces of a picture are redacted.

    Raises:
        ConsentRegionMisfit: The region of a veto cannot be placed on this picture.
        Withheld: Policy public, and no working grant covers the photo, or somebody objects, or no face was found.
    """
    if is_withheld(decision, config.policy):
        raise Withheld
    speak = [grant for grant in decision.grants if _is_of(grant, canvas.content)]
    fit = all(_box(g.region, canvas) is not None for g in speak if g.region is not None)
    grants = speak if fit else []
    if config.policy == "public":
        return _public(grants, len(detections), config.publish_no_face)
    vetoes = _Areas.of((veto.region for veto in decision.vetoes if veto.region is not None), canvas)
    vetoed = any(veto.region is None for veto in decision.vetoes)
    scene = _Scene(detections, canvas, vetoes)
    kept, keepers = scene.kept(() if vetoed else grants)
    return Verdict(
        status=_status(decision, grants, kept),
        redact=~kept,
        extra=vetoes.xyxy,
        extra_frame=vetoes.frame,
        retained_until=_earliest(keepers),
    )


def _public(grants: Sequence[Grant], faces: int, publish_no_face: bool) -> Verdict:
    if not grants or (not faces and not publish_no_face):
        raise Withheld
    return Verdict("granted", np.ones(faces, bool), geometry.as_boxes([]), np.zeros(0, np.int32), _earliest(grants))


def _earliest(grants: Iterable[Grant]) -> datetime | None:
    return min((grant.valid_until for grant in grants if grant.valid_until is not None), default=None)


def _status(decision: ConsentDecision, grants: Sequence[Grant], kept: NDArray[np.bool_]) -> ConsentStatus:
    said: set[ConsentStatus] = {veto.status for veto in decision.vetoes}
    if decision.lapsed and not grants:
        said.add("expired")
    for status in WORST_FIRST:
        if status in said:
            return status
    if not grants or (kept.size and not kept.any()):
        return "unknown"
    return "granted" if kept.all() else "partial"


def _is_of(named: Grant | Region, content: Content) -> bool:
    """Whether what a grant or a region names, if anything, is this content."""
    right = named.source_sha256 in (None, content.sha256)
    return right and named.source_etag in (None, content.etag)


def _box(region: Region, canvas: Canvas) -> FloatBoxes | None:
    """(1, 4) `xyxy`, or None where the region does not belong on this picture."""
    if (region.width, region.height) != (canvas.width, canvas.height):
        return None
    if not _is_of(region, canvas.content):
        return None
    if region.frame is not None and region.frame >= canvas.frame_count:
        return None
    box = geometry.xywh_to_xyxy([[region.x, region.y, region.w, region.h]])
    return box if geometry.area(geometry.clip(box, canvas.width, canvas.height))[0] > 0 else None


@dataclass(frozen=True, eq=False)
class _Areas:
    """Vetoed regions, once per frame that each is redacted in: (M, 4) float32 `xyxy` and (M,) int32."""

    xyxy: FloatBoxes
    frame: NDArray[np.int32]

    @classmethod
    def of(cls, regions: Iterable[Region], canvas: Canvas) -> _Areas:
        boxes, frames = [geometry.as_boxes([])], []
        for region in regions:
            box = _box(region, canvas)
            if box is None:
                raise ConsentRegionMisfit
            in_frames = range(canvas.frame_count) if region.frame is None else (region.frame,)
            boxes += [box] * len(in_frames)
            frames += list(in_frames)
        return cls(np.concatenate(boxes), np.array(frames, np.int32))


@dataclass(frozen=True, eq=False)
class _Scene:
    """The faces found in one picture and the vetoed regions in it."""

    faces: Detections
    canvas: Canvas
    vetoes: _Areas

    def kept(self, grants: Sequence[Grant]) -> tuple[NDArray[np.bool_], list[Grant]]:
        """(N,) bool: the faces that stay, and the grants that any of them owes it to."""
        keepers: list[tuple[Grant, NDArray[np.bool_]]] = [(g, self._by_region(g)) for g in grants if g.region]
        placed = {grant.person for grant in grants if grant.region}
        keepers += self._without_region([g for g in grants if not g.region], placed, keepers)
        stays = ~self._vetoed()
        kept = np.zeros(len(self.faces), bool)
        for _, keeps in keepers:
            kept |= keeps & stays
        return kept, [grant for grant, keeps in keepers if (keeps & stays).any()]

    def _without_region(
        self, grants: Sequence[Grant], placed: set[int], by_region: Sequence[tuple[Grant, NDArray[np.bool_]]]
    ) -> list[tuple[Grant, NDArray[np.bool_]]]:
        """Grants for people who may be anywhere: they keep all faces or none."""
        found = np.logical_or.reduce([keeps for _, keeps in by_region] or [np.zeros(len(self.faces), bool)])
        people = {grant.person for grant in grants} - placed
        known = people | {grant.person for grant, keeps in by_region if keeps.any()}
        enough = int((~found).sum()) <= len(people) and len(self.faces) <= len(known)
        every = np.ones(len(self.faces), bool)
        return [(g, every) for g in grants if g.everyone or (enough and g.person in people)]

    def _by_region(self, grant: Grant) -> NDArray[np.bool_]:
        """(N,) bool: the one face that a grant with a region keeps, if there is one."""
        nobody = np.zeros(len(self.faces), bool)
        box = _box(grant.region, self.canvas) if grant.region else None
        if grant.region is None or box is None:
            return nobody
        objectors = self._touching(self.vetoes.xyxy, self.vetoes.frame, box, grant.region.frame)
        touching = self._touching(self.faces.xyxy, self.faces.frame, box, grant.region.frame)
        if objectors.any() or touching.sum() != 1:
            return nobody
        # What of a face lies outside the picture cannot lie inside a region that was drawn on it.
        visible = geometry.clip(self.faces.xyxy, self.canvas.width, self.canvas.height)
        return touching & (geometry.inside_share(visible, box)[:, 0] >= INSIDE_SHARE)

    def _vetoed(self) -> NDArray[np.bool_]:
        """(N,) bool: the faces that a vetoed region touches."""
        touched = np.zeros(len(self.faces), bool)
        for box, frame in zip(self.vetoes.xyxy, self.vetoes.frame, strict=True):
            touched |= self._touching(self.faces.xyxy, self.faces.frame, box[None], int(frame))
        return touched

    def _touching(
        self, xyxy: FloatBoxes, frames: NDArray[np.int32], box: FloatBoxes, frame: int | None
    ) -> NDArray[np.bool_]:
        """(N,) bool: boxes that touch `box`, (1, 4), in `frame` (None: in any), once they are padded."""
        padded = geometry.round_outward(geometry.grow(xyxy, self.canvas.padding))
        touching = geometry.intersection(padded, geometry.round_outward(box))[:, 0] > 0
        return touching if frame is None else touching & (frames == frame)
