"""A small picture, faces in it and registries about it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from anonymizer.config import ConsentConfig
from anonymizer.people import consent
from anonymizer.records import Content, Detections

KEY = "photos/a.jpg"
AS_OF = datetime(2026, 6, 1, 12, tzinfo=UTC)
SHA256 = "ab" * 32
ETAG = "etag-1"
WIDTH, HEIGHT = 400, 300
PADDING = 1.45

#: Far enough from each other that no padded box meets another.
A, B, C = (40, 40, 80, 80), (200, 40, 240, 80), (300, 200, 340, 240)

Cells = Mapping[str, object]


def to_csv(rows: Sequence[Cells]) -> bytes:
    columns = list(dict.fromkeys(["key", "status", *(column for row in rows for column in row)]))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="")
    writer.writeheader()
    writer.writerows([{"key": KEY, **row} for row in rows])
    return text.getvalue().encode("utf-8", "surrogateescape")


def load(*rows: Cells, purpose: str | None = None, as_of: datetime = AS_OF) -> consent.Registry:
    return consent.load_registry(to_csv(rows), "registry.csv", purpose=purpose, as_of=as_of)


def region(box: Sequence[float], **more: object) -> dict[str, object]:
    """The columns of a region around a box, exactly, unless `more` says otherwise."""
    x1, y1, x2, y2 = box
    return {"x": x1, "y": y1, "w": x2 - x1, "h": y2 - y1, "width": WIDTH, "height": HEIGHT, **more}


def faces(*boxes: Sequence[float], frames: Sequence[int] | None = None) -> Detections:
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.full(len(boxes), 0.9, np.float32),
        np.array(frames if frames is not None else [0] * len(boxes), np.int32),
    )


def canvas(frame_count: int = 1, padding: float = PADDING) -> consent.Canvas:
    return consent.Canvas(WIDTH, HEIGHT, frame_count, Content(SHA256, ETAG), padding)


def verdict(
    rows: Sequence[Cells],
    found: Detections,
    *,
    purpose: str | None = None,
    on: consent.Canvas | None = None,
    config: ConsentConfig | None = None,
) -> consent.Verdict:
    decision = load(*rows, purpose=purpose).decide(KEY)
    return consent.apply(decision, found, on or canvas(), config or ConsentConfig())


def kept(rows: Sequence[Cells], found: Detections, **how: object) -> list[int]:
    """Which faces stay, by position."""
    return [int(i) for i in np.flatnonzero(~verdict(rows, found, **how).redact)]  # type: ignore[arg-type]
