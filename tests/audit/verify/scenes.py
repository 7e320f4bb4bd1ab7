"""Published photos and their rows, made in this process."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonymizer import Anonymizer
from anonymizer.audit.verify.redacted_pixels import RunSettings
from anonymizer.config import RunConfig, from_mapping
from anonymizer.records import AnonymizedImage, Detections, Face, GivenBoxes, ManifestRow
from tests.pictures import encoded, scene

FACE = (60, 40, 108, 100)


def portrait(seed: int = 0) -> NDArray[np.uint8]:
    """(160, 200, 3) with something full of detail, as a face is, at `FACE`."""
    pixels = scene(200, 160, seed=seed)
    x1, y1, x2, y2 = FACE
    fine = np.random.default_rng(seed).integers(0, 256, (y2 - y1, x2 - x1, 3), dtype=np.uint8)
    pixels[y1:y2, x1:x2] = fine
    return pixels


def config(**settings: Any) -> RunConfig:
    """Boxes are given; nothing is detected."""
    return from_mapping(RunConfig, {"boxes": {"mode": "replace", "uri": "boxes.csv"}, **settings})


def made(settings: RunConfig) -> RunSettings:
    return RunSettings(settings.detector.padding, settings.redaction, settings.codec)


def published(data: bytes, settings: RunConfig, *boxes: tuple[int, int, int, int]) -> tuple[bytes, ManifestRow]:
    """What a run publishes of a file, and its row."""
    given = GivenBoxes(Detections.of([Face(0, x1, y1, x2 - x1, y2 - y1, 1.0, True) for x1, y1, x2, y2 in boxes]))
    image = Anonymizer(settings)(data, given=given)
    return image.data, row(image)


def row(image: AnonymizedImage, **changes: Any) -> ManifestRow:
    full = ManifestRow(
        key="a.jpg",
        source_uri="file:///in/a.jpg",
        status=image.status,
        processed_at=datetime.now(UTC),
        format=image.format,
        encoding=image.encoding,
        faces=image.faces,
    )
    return replace(full, **changes)


__all__ = ["FACE", "config", "encoded", "made", "portrait", "published", "row"]
