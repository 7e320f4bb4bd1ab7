"""Draw a contact sheet of the labelled faces that a preset misses; for review only, not for publishing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from anonymizer.config import DetectorConfig, Preset
from anonymizer.image.detectors import Detector
from anonymizer.records import Pixels
from infra.proof.detection.photos import Photo, photos
from infra.proof.detection.seen import detector_of, mask_of
from infra.proof.detection.shares import LEAST_FACE_PX, LEAST_SHARE

TILE_PX = 160
_COLUMNS = 6
_CONTEXT = 1.2
"""Context around a face, relative to its longer side."""
_LABEL, _MASK = (255, 60, 60), (60, 255, 60)


@dataclass(frozen=True, slots=True)
class Miss:
    """A labelled face that is not covered.

    Attributes:
        name: Name of the photo.
        xyxy: The labelled box.
        share: Covered share of the box.
        picture: (TILE_PX, TILE_PX, 3) uint8 RGB; the label is red, masks have a green edge.
    """

    name: str
    xyxy: tuple[int, int, int, int]
    share: float
    picture: Pixels


def misses(detector: Detector, folder: Path, padding: float) -> Iterator[Miss]:
    """Yields the missed faces of a set, in the order of the photos' names."""
    for photo in photos(folder):
        mask = mask_of(detector.detect(photo.pixels)[0], photo, padding)
        for box, ignored in zip(photo.faces.tolist(), photo.ignored, strict=True):
            x1, y1, x2, y2 = map(round, box)
            part = mask[max(0, y1) : y2 + 1, max(0, x1) : x2 + 1]
            if ignored or y2 - y1 < LEAST_FACE_PX or not part.size:
                continue
            share = float(part.mean())
            if share < LEAST_SHARE:
                yield Miss(photo.name, (x1, y1, x2, y2), share, _tile(photo, mask, (x1, y1, x2, y2)))


def _tile(photo: Photo, mask: np.ndarray, box: tuple[int, int, int, int]) -> Pixels:
    x1, y1, x2, y2 = box
    reach = round(_CONTEXT * max(x2 - x1, y2 - y1)) + max(x2 - x1, y2 - y1) // 2
    middle_x, middle_y = (x1 + x2) // 2, (y1 + y2) // 2
    top, left = max(0, middle_y - reach), max(0, middle_x - reach)
    shown = photo.pixels[top : middle_y + reach, left : middle_x + reach]
    factor = TILE_PX / max(shown.shape[:2])
    picture = np.ascontiguousarray(cv2.resize(shown, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA))
    seen = mask[top : middle_y + reach, left : middle_x + reach].astype(np.uint8)
    edges, _ = cv2.findContours(
        cv2.resize(seen, picture.shape[1::-1], interpolation=cv2.INTER_NEAREST),
        cv2.RETR_EXTERNAL,
        cv2.CHAIN_APPROX_NONE,
    )
    cv2.drawContours(picture, edges, -1, _MASK, 1)
    corners = [(round((x - left) * factor), round((y - top) * factor)) for x, y in ((x1, y1), (x2, y2))]
    cv2.rectangle(picture, corners[0], corners[1], _LABEL, 1)
    tile = np.zeros((TILE_PX, TILE_PX, 3), np.uint8)
    tile[: picture.shape[0], : picture.shape[1]] = picture[:TILE_PX, :TILE_PX]
    return tile


def sheet(folder: Path, preset: Preset, count: int, out: Path) -> str:
    """Writes the sheet with `count` evenly chosen misses and returns a line for each."""
    config = DetectorConfig(preset=preset)
    found = list(misses(detector_of(config), folder, config.padding))
    chosen = [found[index * len(found) // count] for index in range(min(count, len(found)))] if found else []
    tiles = [miss.picture for miss in chosen]
    tiles += [np.zeros((TILE_PX, TILE_PX, 3), np.uint8)] * (-len(tiles) % _COLUMNS)
    rows = [np.hstack(tiles[start : start + _COLUMNS]) for start in range(0, len(tiles), _COLUMNS)]
    if rows:
        cv2.imwrite(str(out), np.vstack(rows)[..., ::-1])
    lines = [f"{len(found)} of the labelled faces from {LEAST_FACE_PX} px on are not covered ({preset})"]
    return "\n".join(lines + [f"{miss.name} {miss.xyxy} {miss.share:.0%} covered" for miss in chosen])
