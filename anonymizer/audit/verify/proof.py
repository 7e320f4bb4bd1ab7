"""Which pixels of a published photo are a redaction's, told from the photo itself.

The masks are drawn again from the row's boxes with the settings of its run, and the redaction is done again on the
published photo. `smooth` and `solid` make the same of it a second time, for what they write is a function of the
boxes and of what stays visible: a pixel that comes out as it was holds nothing of the person. The other methods take
from their own work only what is coarse; where what they take varies within a cell there was more than they leave.
That proves no more than this: the pixels hold no finer detail than the method shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymizer.config import CodecConfig, DetectorConfig, Method, RedactionConfig, from_mapping
from anonymizer.errors import ConfigError
from anonymizer.image import codec, geometry, redactors
from anonymizer.image.views import Points, as_light, as_seen, levels_of
from anonymizer.records import PIXELS, Detections, Frame, Grid, ManifestRow, Mask, Picture

SAME = 12
"""`smooth` and `solid`: gray levels by which a channel may differ from what comes out when they are done again. Of
unredacted faces none had four fifths of their pixels within it, of redacted ones all (infra/docs/verification.md)."""

FINE: dict[Method, float] = {"blur": 6.0, "pixelate": 10.0, "gaussian": 4.0}
"""The others: gray levels by which that difference may differ from its own mean over a cell around the pixel."""


@dataclass(frozen=True, slots=True)
class MadeWith:
    """Settings of a run that decide where its masks are and what is under them."""

    padding: float
    redaction: RedactionConfig
    codec: CodecConfig

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> MadeWith | None:
        """From the record of a run; None where it does not say them as this version writes them."""
        try:
            settings = record["settings"]
            padding = from_mapping(DetectorConfig, settings["detector"]).padding
            redaction = from_mapping(RedactionConfig, settings["redaction"])
            return cls(padding, redaction, from_mapping(CodecConfig, settings["codec"]))
        except (ConfigError, KeyError, TypeError, AttributeError):
            return None


def decoded(data: bytes, row: ManifestRow, made: MadeWith) -> Picture:
    """A published photo on the grid that its masks were rounded to.

    Raises:
        ObjectError: It cannot be decoded.
    """
    limits = CodecConfig(max_pixels=made.codec.max_pixels, max_bytes=made.codec.max_bytes)
    if row.encoding == "exact":
        return codec.decode(data, limits)
    return replace(codec.decode(data, replace(limits, jpeg="reencode")), grid=PIXELS)


def nothing_proven(picture: Picture) -> tuple[Mask, ...]:
    """Of each frame (H, W) masks without a pixel."""
    return tuple(np.zeros((frame.height, frame.width), bool) for frame in picture.frames)


def proven(picture: Picture, row: ManifestRow, made: MadeWith) -> tuple[Mask, ...]:
    """Of each frame the (H, W) pixels under the row's masks that are what the method makes.

    Args:
        picture: The published photo, as `decoded` gives it.
        row: Says which faces were redacted.
        made: With which settings.

    Raises:
        ObjectError: The photo cannot be written anew.
    """
    faces = Detections.of([face for face in row.faces if face.redacted])
    boxes = geometry.round_outward(geometry.grow(faces.xyxy, made.padding))
    each = [boxes[faces.frame == index] for index in range(len(picture.frames))]
    if not len(boxes):
        return nothing_proven(picture)
    redactor, grid = redactors.make(made.redaction), picture.grid
    frames = tuple(
        redactors.redact_frame(redactor, frame, own, grid) if len(own) else frame
        for frame, own in zip(picture.frames, each, strict=True)
    )
    # Through the codec once more: what it does to a fill it does to the same fill again.
    again = decoded(codec.encode(replace(picture, frames=frames)).data, row, made).frames
    return tuple(
        _proven(frame, redone, _Masks(own, grid), made.redaction)
        for frame, redone, own in zip(picture.frames, again, each, strict=True)
    )


@dataclass(frozen=True, slots=True)
class _Masks:
    """Padded boxes of one frame, (N, 4), and the grid of their masks."""

    boxes: geometry.IntBoxes
    grid: Grid


def _proven(frame: Frame, redone: Frame, masks: _Masks, redaction: RedactionConfig) -> Mask:
    """(H, W) pixels of the masks that stay as they are, and through which nothing shines."""
    result = np.zeros((frame.height, frame.width), bool)
    if frame.pixels.shape != redone.pixels.shape or frame.pixels.dtype != redone.pixels.dtype:
        return result
    apart = _apart(frame, redone, masks).reshape(*result.shape, -1)
    for box in masks.boxes:
        rows, columns, mask = geometry.mask_patch(box, frame.width, frame.height, masks.grid)
        if mask.any():
            patch, limit = np.ascontiguousarray(apart[rows, columns]), FINE.get(redaction.method)
            if limit is not None:
                patch = patch - _coarse(patch, box, redaction.cells)
            result[rows, columns] |= mask & (np.abs(patch).max(axis=2) <= (SAME if limit is None else limit))
    return result if frame.alpha is None else result & (frame.alpha == np.iinfo(frame.alpha.dtype).max)


def _apart(frame: Frame, redone: Frame, masks: _Masks) -> NDArray[np.float32]:
    """(H, W) or (H, W, 3) differences in gray levels: of 256, or of as many as 16 bit with little in them would be."""
    light, again = as_light(frame.pixels), as_light(redone.pixels)
    mask = geometry.head_mask(masks.boxes, frame.width, frame.height, masks.grid)
    levels = levels_of(Points.of(light, frame.alpha, mask)) if light.dtype == np.uint16 else None
    if levels is None:
        return as_seen(light).astype(np.float32) - as_seen(again)
    return (light.astype(np.float32) - again) * np.float32(255 / (levels.high - levels.low).max())


def _coarse(patch: NDArray[np.float32], box: NDArray[np.int32], cells: int) -> NDArray[np.float32]:
    """(h, w, C): what is left of a patch when it is averaged over a cell of the box around each pixel."""
    side = max(3, int((box[2:] - box[:2]).min()) // cells | 1)
    return np.asarray(cv2.blur(patch, (side, side)), dtype=np.float32).reshape(patch.shape)
