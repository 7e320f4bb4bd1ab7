"""Apply a consent decision to the faces of one picture.

In ambiguous cases faces are redacted:

- A face *touches* a region if its padded box, rounded outward, shares a pixel with it. The padded box contains the
  mask, so no overlap is missed.
- A vetoed region is padded like a face. If it then overlaps the region of a grant, that grant keeps no face. The veto
  itself redacts the faces that touch its region as drawn.
- Grants with and without a region: a person with a region is matched by the region only. The faces that no region
  keeps are kept only if there are no more of them than people granted without a region, and if the total number of
  faces does not exceed the number of people matched in one of the two ways.
- A grant for everyone (`scope`) with a region keeps one face, like any region.
- A grant's region without a frame keeps one face over all frames; a veto's region without a frame is redacted in all
  frames.
- A grant that names a content (and has no region) is ignored if the photo has another content. If the region of a grant
  names another content, the region does not fit and no grant counts. A veto applies to the key whatever the content.
- A kept face stays `retained` if another face's mask covers part of it; those pixels are redacted.
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

#: Minimum share of a face's box inside a grant's region.
INSIDE_SHARE = 0.9

WORST_FIRST: tuple[ConsentStatus, ...] = ("withdrawn", "denied", "malformed", "expired", "pending")


@dataclass(frozen=True, slots=True)
class Canvas:
    """The picture to which regions are compared.

    Attributes:
        width: Width of the upright picture in pixels.
        height: Height of the upright picture in pixels.
        frame_count: Number of frames.
        content: The picture's content, for grants and regions that name one.
        padding: Ratio of a mask's sides to the detected box's.
    """

    width: int
    height: int
    frame_count: int
    content: Content
    padding: float


@dataclass(frozen=True, eq=False)
class Verdict:
    """The result for one picture.

    Attributes:
        status: The manifest's `consent_status`.
        redact: (N,) bool, which detections to redact.
        extra: (M, 4) float32 `xyxy`, upright pixels: vetoed regions, to be padded and redacted like detected faces.
        extra_frame: (M,) int32, their frames.
        retained_until: End of the first grant to expire among those that the output needs; None = none expires.
    """

    status: ConsentStatus
    redact: NDArray[np.bool_]
    extra: FloatBoxes
    extra_frame: NDArray[np.int32]
    retained_until: datetime | None


def is_withheld(decision: ConsentDecision, policy: Policy) -> bool:
    """Whether the photo is withheld whatever its faces: policy public, and no valid grant or any veto."""
    return policy == "public" and (not decision.grants or bool(decision.vetoes))


def status_of(decision: ConsentDecision) -> ConsentStatus:
    """The consent status of a photo that is not published, so that its faces do not matter.

    The photo need not be read for it: grants for a certain content are ignored.
    """
    grants = [grant for grant in decision.grants if (grant.source_sha256, grant.source_etag) == (None, None)]
    return _status(decision, grants, np.zeros(0, bool))


def apply(decision: ConsentDecision, detections: Detections, canvas: Canvas, config: ConsentConfig) -> Verdict:
    """Decides which faces of a picture are redacted.

    Raises:
        ConsentRegionMisfit: The region of a veto does not fit this picture.
        Withheld: Policy public, and no valid grant covers the photo, or there is a veto, or no face was found.
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
    """Whether a grant or region names no content or this one."""
    right = named.source_sha256 in (None, content.sha256)
    return right and named.source_etag in (None, content.etag)


def _box(region: Region, canvas: Canvas) -> FloatBoxes | None:
    """(1, 4) `xyxy`, or None if the region does not fit this picture."""
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
    """Vetoed regions, repeated for each frame to redact: (M, 4) float32 `xyxy` and (M,) int32."""

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
        """(N,) bool, the faces that are kept, and the grants that keep them."""
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
        # The part of a face outside the picture cannot be inside a region that was drawn on the picture.
        visible = geometry.clip(self.faces.xyxy, self.canvas.width, self.canvas.height)
        return touching & (geometry.inside_share(visible, box)[:, 0] >= INSIDE_SHARE)

    def _vetoed(self) -> NDArray[np.bool_]:
        """(N,) bool: the faces that touch a vetoed region."""
        touched = np.zeros(len(self.faces), bool)
        for box, frame in zip(self.vetoes.xyxy, self.vetoes.frame, strict=True):
            touched |= self._touching(self.faces.xyxy, self.faces.frame, box[None], int(frame))
        return touched

    def _touching(
        self, xyxy: FloatBoxes, frames: NDArray[np.int32], box: FloatBoxes, frame: int | None
    ) -> NDArray[np.bool_]:
        """(N,) bool: whether padded boxes touch `box`, (1, 4), in `frame` (None = in any frame)."""
        padded = geometry.round_outward(geometry.grow(xyxy, self.canvas.padding))
        touching = geometry.intersection(padded, geometry.round_outward(box))[:, 0] > 0
        return touching if frame is None else touching & (frames == frame)
