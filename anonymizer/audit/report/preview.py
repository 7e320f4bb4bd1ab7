"""Draw one image before and after anonymization: the original with boxes and scores, then one panel per method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import cv2
import numpy as np

from anonymizer.config import Method, RunConfig
from anonymizer.errors import ConfigError
from anonymizer.image import codec, detectors
from anonymizer.image.redactors import METHODS
from anonymizer.image.views import to_display
from anonymizer.pipeline import Anonymizer
from anonymizer.records import Face, Pixels

PANEL_PX = 640
"""Longer side of each panel; smaller pictures are not enlarged."""
COLUMNS = 3
_GAP_PX, _LINE_PX = 8, 26
_PAPER, _INK, _BOX = (250, 250, 250), (30, 30, 30), (230, 30, 90)


@dataclass(frozen=True, slots=True)
class Preview:
    """The drawn preview.

    Attributes:
        picture: (H, W, 3) uint8 RGB. It shows the original and is as confidential as that.
        faces: The faces of the first frame, highest score first.
    """

    picture: Pixels
    faces: tuple[Face, ...]


def methods_of(text: str) -> tuple[Method, ...]:
    """Parses a comma-separated list of methods such as `smooth,blur`.

    Raises:
        ConfigError: A method is unknown.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in METHODS:
            raise ConfigError(f"--methods: {name!r} is none of {', '.join(METHODS)}")
    return cast("tuple[Method, ...]", names)


def preview(data: bytes, config: RunConfig, methods: Sequence[Method], weights: detectors.Weights = None) -> Preview:
    """Anonymizes one image with each method, with every face redacted, and draws the results side by side.

    Args:
        data: The image file.
        config: Detector, padding and strength; its redaction method is ignored.
        methods: The methods to show, at least one.
        weights: See `Anonymizer`.

    Raises:
        ObjectError: The image cannot be anonymized.
    """
    panels: list[tuple[str, Pixels]] = []
    faces: tuple[Face, ...] = ()
    for method in methods:
        made = Anonymizer(replace(config, redaction=replace(config.redaction, method=method)), weights=weights)(data)
        faces = tuple(face for face in made.faces if face.frame == 0)
        panels.append((method, _first_frame(made.data, config)))
    original = _boxed(_first_frame(data, config), faces)
    count = f"{len(faces)} face" + ("" if len(faces) == 1 else "s")
    return Preview(_grid([(f"original, {count}", original), *panels]), faces)


def png(picture: Pixels) -> bytes:
    """Encodes a picture as PNG."""
    return cv2.imencode(".png", picture[..., ::-1])[1].tobytes()


def _first_frame(data: bytes, config: RunConfig) -> Pixels:
    seen = to_display(codec.decode(data, config.codec).frames[0])
    return np.dstack([seen] * 3) if seen.ndim == 2 else seen


def _boxed(pixels: Pixels, faces: Sequence[Face]) -> Pixels:
    """Draws boxes and scores, with lines and text sized to be readable in a panel."""
    drawn = np.ascontiguousarray(pixels).copy()
    unit = max(1, round(max(drawn.shape[:2]) / PANEL_PX))
    for face in faces:
        corners = [(round(face.x), round(face.y)), (round(face.x + face.w), round(face.y + face.h))]
        cv2.rectangle(drawn, corners[0], corners[1], _BOX, 2 * unit)
        place = (corners[0][0], max(12 * unit, corners[0][1] - 4 * unit))
        cv2.putText(
            drawn, f"{face.score:.2f}", place, cv2.FONT_HERSHEY_SIMPLEX, 0.45 * unit, _PAPER, 3 * unit, cv2.LINE_AA
        )
        cv2.putText(drawn, f"{face.score:.2f}", place, cv2.FONT_HERSHEY_SIMPLEX, 0.45 * unit, _BOX, unit, cv2.LINE_AA)
    return drawn


def _grid(panels: Sequence[tuple[str, Pixels]]) -> Pixels:
    """Arranges the panels in a grid, each with its name above it."""
    shown = [(name, _fitted(pixels)) for name, pixels in panels]
    height = _LINE_PX + max(pixels.shape[0] for _, pixels in shown)
    width = max(pixels.shape[1] for _, pixels in shown)
    columns = min(COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    sheet = np.full((rows * (height + _GAP_PX) + _GAP_PX, columns * (width + _GAP_PX) + _GAP_PX, 3), _PAPER, np.uint8)
    for index, (name, pixels) in enumerate(shown):
        top = _GAP_PX + index // columns * (height + _GAP_PX)
        left = _GAP_PX + index % columns * (width + _GAP_PX)
        cv2.putText(sheet, name, (left, top + 17), cv2.FONT_HERSHEY_SIMPLEX, 0.55, _INK, 1, cv2.LINE_AA)
        below = top + _LINE_PX
        sheet[below : below + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return sheet


def _fitted(pixels: Pixels) -> Pixels:
    factor = PANEL_PX / max(pixels.shape[:2])
    if factor >= 1:
        return pixels
    return np.asarray(cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)
