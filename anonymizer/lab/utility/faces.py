"""Locate the faces of a photo by labels or by the detector."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Literal

from anonymizer.config import CodecConfig, DetectorConfig
from anonymizer.errors import ConfigError, UsageError
from anonymizer.image import codec, geometry
from anonymizer.image.detectors import load_weights, make
from anonymizer.image.geometry import FloatBoxes
from anonymizer.lab.utility.samples import Listing, Photo
from anonymizer.pipeline import detect

Masks = Literal["truth", "detector"]
Locate = Callable[[Photo, bytes], FloatBoxes]
"""Maps a photo and its file to (N, 4) boxes in upright pixels."""


def read_labels(path: Path) -> dict[str, FloatBoxes]:
    """Reads boxes by key from a CSV with the columns `image` (or `key`), `x, y, w, h`; other columns are ignored.

    Empty boxes and boxes without area are skipped. Rows marked to be ignored in a detector's evaluation count as faces.

    Raises:
        ConfigError: The file or a column is missing, or a cell is not a number; the message names the row.
    """
    if not path.is_file():
        raise ConfigError("--labels: no such file")
    boxes: dict[str, list[tuple[float, ...]]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        columns = set(rows.fieldnames or ())
        named = next((name for name in ("image", "key") if name in columns), None)
        if named is None or not {"x", "y", "w", "h"} <= columns:
            raise ConfigError("--labels: a CSV with the columns image, x, y, w, h")
        for number, row in enumerate(rows, 1):
            faces = boxes.setdefault(row[named], [])
            cells = [row[name] for name in ("x", "y", "w", "h")]
            if not any(cells):
                continue
            x, y, w, h = (_number(cell, number) for cell in cells)
            if w > 0 and h > 0:
                faces.append((x, y, w, h))
    return {key: geometry.xywh_to_xyxy(rows) for key, rows in boxes.items()}


def _number(cell: str | None, row: int) -> float:
    try:
        number = float(cell or "")
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ConfigError(f"--labels: row {row}: x, y, w, h are no numbers")
    return number


def by_labels(labels: Mapping[str, FloatBoxes], listing: Listing) -> Locate:
    """Locates faces by labels; a photo without labels has no faces.

    Raises:
        UsageError: None of the photos has labels.
    """
    if not any(photo.key in labels for photo in listing.photos):
        raise UsageError("--labels names none of the photos: its images must be paths below RAW")
    return lambda photo, _: labels.get(photo.key, geometry.as_boxes([]))


def by_detector(listing: Listing, faceless: Collection[str] = ()) -> Locate:
    """Locates faces by the default detector on the raw photo, false positives included.

    Args:
        listing: The photos.
        faceless: Classes known to show no people; detections there are false positives and ignored.

    Raises:
        UsageError: There is no such class.
    """
    for name in faceless:
        if name not in listing.classes:
            raise UsageError(f"--faceless: RAW holds no class folder {name!r}")
    known = {listing.classes.index(name) for name in faceless}
    config = DetectorConfig()
    detector = make(config, load_weights(config, lambda path: Path(path).read_bytes()))

    def locate(photo: Photo, data: bytes) -> FloatBoxes:
        if photo.label in known:
            return geometry.as_boxes([])
        found = detect(detector, codec.decode(data, CodecConfig()).frames)
        return geometry.as_boxes(found.xyxy[found.frame == 0])

    return locate
