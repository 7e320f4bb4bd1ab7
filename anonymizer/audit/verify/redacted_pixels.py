"""Confirm from a published photo's pixels which of them are redacted.

The masks are computed again from the row's boxes and its run's settings, and the published photo is redacted a second
time. `smooth` and `solid` are idempotent: what they write depends only on the boxes and on the pixels that stay
visible. A pixel that the second pass leaves unchanged therefore holds nothing of the person. `blur`, `pixelate` and
`gaussian` depend on the pixels below the mask; a second pass over their own result removes only coarse structure. Where
the difference between the two passes varies within a cell, the pixels had finer detail than the method leaves. For
these methods the check shows only that the pixels hold no finer detail than the method lets through.
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
from anonymizer.image.views import Points, levels_of, to_rgb, to_uint8
from anonymizer.records import PIXELS, Detections, Frame, Grid, ManifestRow, Mask, Picture

SAME = 12
"""`smooth` and `solid`: largest difference of a channel, in gray levels, between the first and second pass. No
unredacted face had four fifths of its pixels within this limit, all redacted ones did (infra/docs/verification.md)."""

FINE: dict[Method, float] = {"blur": 6.0, "pixelate": 10.0, "gaussian": 4.0}
"""The other methods: largest deviation, in gray levels, of that difference from its mean over a cell around a pixel."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """The settings of a run that determine its masks and how they are filled."""

    padding: float
    redaction: RedactionConfig
    codec: CodecConfig

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> RunSettings | None:
        """Reads them from a run's record; None if the record lacks them or another version wrote them differently."""
        try:
            settings = record["settings"]
            padding = from_mapping(DetectorConfig, settings["detector"]).padding
            redaction = from_mapping(RedactionConfig, settings["redaction"])
            return cls(padding, redaction, from_mapping(CodecConfig, settings["codec"]))
        except (ConfigError, KeyError, TypeError, AttributeError):
            return None


def decode_published(data: bytes, row: ManifestRow, made: RunSettings) -> Picture:
    """Decodes a published photo on the pixel or block grid to which its masks were rounded.

    Raises:
        ObjectError: It cannot be decoded.
    """
    limits = CodecConfig(max_pixels=made.codec.max_pixels, max_bytes=made.codec.max_bytes)
    if row.encoding == "exact":
        return codec.decode(data, limits)
    return replace(codec.decode(data, replace(limits, jpeg="reencode")), grid=PIXELS)


def empty_masks(picture: Picture) -> tuple[Mask, ...]:
    """An empty (H, W) mask for each frame."""
    return tuple(np.zeros((frame.height, frame.width), bool) for frame in picture.frames)


def redacted_masks(picture: Picture, row: ManifestRow, made: RunSettings) -> tuple[Mask, ...]:
    """For each frame the (H, W) mask of the pixels below the row's masks that are confirmed as redacted.

    Args:
        picture: The published photo, from `decode_published`.
        row: Its manifest row, which says which faces were redacted.
        made: The settings of the run that published it.

    Raises:
        ObjectError: The photo cannot be encoded again.
    """
    faces = Detections.of([face for face in row.faces if face.redacted])
    boxes = geometry.round_outward(geometry.grow(faces.xyxy, made.padding))
    each = [boxes[faces.frame == index] for index in range(len(picture.frames))]
    if not len(boxes):
        return empty_masks(picture)
    redactor, grid = redactors.make(made.redaction), picture.grid
    frames = tuple(
        redactors.redact_frame(redactor, frame, own, grid) if len(own) else frame
        for frame, own in zip(picture.frames, each, strict=True)
    )
    # The second pass goes through the codec too, so that both passes have the same compression loss.
    again = decode_published(codec.encode(replace(picture, frames=frames)).data, row, made).frames
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
    """(H, W) pixels of the masks that the second pass leaves unchanged and that are fully opaque."""
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
    """(H, W) or (H, W, 3) differences in gray levels of 256.

    A 16-bit frame that uses a small part of its range is stretched to that part first.
    """
    light, again = to_rgb(frame.pixels), to_rgb(redone.pixels)
    mask = geometry.head_mask(masks.boxes, frame.width, frame.height, masks.grid)
    levels = levels_of(Points.of(light, frame.alpha, mask)) if light.dtype == np.uint16 else None
    if levels is None:
        return to_uint8(light).astype(np.float32) - to_uint8(again)
    return (light.astype(np.float32) - again) * np.float32(255 / (levels.high - levels.low).max())


def _coarse(patch: NDArray[np.float32], box: NDArray[np.int32], cells: int) -> NDArray[np.float32]:
    """(h, w, C) the patch after a box filter of the size of one cell."""
    side = max(3, int((box[2:] - box[:2]).min()) // cells | 1)
    return np.asarray(cv2.blur(patch, (side, side)), dtype=np.float32).reshape(patch.shape)
