"""People made in code: everybody has a pattern for a face, and every photo a background of its own."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np

from anonymizer.image.detectors import Found
from anonymizer.records import Pixels

SIDE_PX = 120
FACE = (36, 36, 84, 84)


class Known:
    """A detector that finds a face where `FACE` is, and none in a picture whose first pixel is black."""

    name = "known"
    sha256 = hashlib.sha256(name.encode()).hexdigest()
    output_revision = 1

    def detect(self, pixels: Pixels) -> Found:
        count = 0 if not pixels[0, 0].any() else 1
        return np.array([FACE] * count, np.float32).reshape(-1, 4), np.ones(count, np.float32)

    def self_test(self) -> None:
        """It cannot be wrong."""


def picture(person: int, photo: int, *, with_face: bool = True) -> Pixels:
    """(120, 120, 3): a face of 4 × 4 patches that the person has, slightly changed, on noise that nobody shares."""
    here = np.random.default_rng(1000 * person + photo)
    coarse = here.integers(1, 255, (10, 10, 3), dtype=np.uint8)
    pixels = cv2.resize(coarse, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_LINEAR)
    pattern = np.random.default_rng(person).integers(40, 215, (4, 4, 3)) + here.integers(-25, 26, (4, 4, 3))
    x1, y1, x2, y2 = FACE
    face = cv2.resize(pattern.astype(np.uint8), (x2 - x1, y2 - y1), interpolation=cv2.INTER_LINEAR)
    pixels[y1:y2, x1:x2] = face
    pixels[0, 0] = 200 if with_face else 0
    return np.asarray(pixels, dtype=np.uint8)


def png(pixels: Pixels) -> bytes:
    return cv2.imencode(".png", pixels[..., ::-1])[1].tobytes()


def folder(root: Path, people: int, photos: int) -> Path:
    """Photos of so many people, so many each, with `labels.csv`."""
    lines = ["image,identity"]
    for person in range(people):
        (root / f"p{person:02d}").mkdir(parents=True)
        for photo in range(photos):
            key = f"p{person:02d}/{photo}.png"
            (root / key).write_bytes(png(picture(person, photo)))
            lines.append(f"{key},p{person:02d}")
    (root / "labels.csv").write_text("\n".join(lines) + "\n")
    return root
