"""Where the faces of a photo are: from labels, or from the detector."""

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
"""(N, 4) boxes in upright pixels of a photo that was read."""


def read_labels(path: Path) -> dict[str, FloatBoxes]:
    """Boxes by key, of a CSV with at least the columns `image` (or `key`), `x, y, w, h`; others are not looked at.

    Boxes without area and rows with empty ones say that there is no (such) face. Rows that are marked to be ignored in
    a detector's score are faces all the same.

    Raises:
        ConfigError: There is no such file, a column is missing or a cell is no number; names the row.
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
    """What labels say; a photo of which they say nothing shows no face.

    Raises:
        UsageError: They speak of none of the photos.
    """
    if not any(photo.key in labels for photo in listing.photos):
        raise UsageError("--labels speaks of none of the photos: its images are paths below RAW")
    return lambda photo, _: labels.get(photo.key, geometry.as_boxes([]))


def by_detector(listing: Listing, faceless: Collection[str] = ()) -> Locate:
    """What the default detector finds on the raw photo, false alarms included.

    Args:
        listing: Of the photos.
        faceless: Classes that are known to show nobody: what is found there is a false alarm, and left out.

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
