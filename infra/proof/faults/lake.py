"""Generate a folder of small photographs with and without faces, consent and broken files."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image

#: Pixels of a side.
SIDE = 200
#: Head and shoulders in `astronaut`: x1, y1, x2, y2.
PORTRAIT = (96, 0, 352, 256)

FACE_EVERY, BROKEN_EVERY, TEXT_EVERY, GRANT_EVERY = 4, 97, 211, 20


@dataclass(frozen=True)
class Lake:
    """A source tree.

    Attributes:
        contents: By key.
        registry: Consent, as CSV.
    """

    contents: Mapping[str, bytes]
    registry: str

    def write(self, folder: Path) -> None:
        """Puts it into a folder; the registry beside it as `consent.csv`."""
        for key, data in self.contents.items():
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        (folder.parent / "consent.csv").write_text(self.registry, encoding="utf-8")


def lake(count: int, patch: tuple[int, int, int] | None = None) -> Lake:
    """Generates objects in ten folders: every fourth has a face, some have consent, some are broken or not images.

    Args:
        count: Number of objects, all with different content.
        patch: RGB of a square that replaces every face, for the detector `patch`.
    """
    face = Image.fromarray(np.asarray(skimage.data.astronaut(), np.uint8)).crop(PORTRAIT)
    if patch is not None:
        face.paste(patch, (0, 0, *face.size))
    contents: dict[str, bytes] = {}
    granted = []
    for number in range(count):
        key = f"{number % 10}/{number:05d}.jpg"
        contents[key] = _content(number, face)
        if number % GRANT_EVERY == 0:
            granted.append(key)
    return Lake(contents, "key,status\n" + "".join(f"{key},granted\n" for key in granted))


def _content(number: int, face: Image.Image) -> bytes:
    if number % TEXT_EVERY == TEXT_EVERY - 1:
        return b"no picture"
    pixels = Image.fromarray(_background(number))
    if number % FACE_EVERY == 0:
        side = 70 + number % 60
        pixels.paste(face.resize((side, side)), (number % (SIDE - side), (7 * number) % (SIDE - side)))
    buffer = io.BytesIO()
    pixels.save(buffer, "JPEG", quality=85)
    data = buffer.getvalue()
    return data[: len(data) // 2] if number % BROKEN_EVERY == BROKEN_EVERY - 1 else data


def _background(seed: int) -> NDArray[np.uint8]:
    coarse = np.random.default_rng(seed).integers(40, 200, (SIDE // 20, SIDE // 20, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BILINEAR))
