"""Load labelled photographs."""

from __future__ import annotations

import csv
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anonymizer.config import CodecConfig
from anonymizer.image import codec
from anonymizer.image.detectors.contract import as_rgb
from anonymizer.image.geometry import FloatBoxes
from anonymizer.image.views import light_of, to_uint8
from anonymizer.records import Grid, Pixels

#: Every seventh photo of `lfw` is used: a few hundred suffice, and consecutive photos often show the same person.
LFW_STEP = 7


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo.

    Attributes:
        name: Its path below the folder of its set.
        pixels: (H, W, 3) uint8 RGB, upright.
        grid: The blocks that masks are rounded to.
        faces: (N, 4) labelled boxes, `xyxy` in pixels.
        ignored: (N,) whether a box counts neither as found nor as missed.
        labels: Rows of the label file, as they are.
    """

    name: str
    pixels: Pixels
    grid: Grid
    faces: FloatBoxes
    ignored: NDArray[np.bool_]
    labels: tuple[dict[str, str], ...]


def photos(folder: Path, turns: int = 0, step: int = 1) -> Iterator[Photo]:
    """Loads the photos of a folder in the order of their names.

    Args:
        folder: With `labels.csv` (image, x, y, w, h, and perhaps ignore, invalid), or without.
        turns: Quarter turns counter-clockwise; labels are not turned.
        step: Every so many.
    """
    labels = _labels(folder / "labels.csv")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    for path in paths[::step]:
        name = path.relative_to(folder).as_posix()
        picture = codec.decode(path.read_bytes(), CodecConfig())
        pixels = np.ascontiguousarray(np.rot90(as_rgb(to_uint8(light_of(picture.frames[0]))), turns))
        rows = tuple(labels.get(name, ()))
        xywh = np.array([[float(row[key]) for key in "xywh"] for row in rows], np.float32).reshape(-1, 4)
        ignored = [row.get("ignore") == "1" or row.get("invalid") == "1" for row in rows]
        empty = (xywh[:, 2:] < 1).any(axis=1)
        faces = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)
        yield Photo(name, pixels, picture.grid, faces, np.array(ignored, np.bool_) | empty, rows)


def fold(name: str, folds: int) -> int:
    """The cross-validation fold of a photo, the same on every machine."""
    return zlib.crc32(name.encode()) % folds


def _labels(path: Path) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = defaultdict(list)
    if path.is_file():
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if "x" in row:
                    found[row["image"]].append(row)
    return found
