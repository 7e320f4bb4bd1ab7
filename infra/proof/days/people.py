"""Generate photos of distinguishable people, and read from published bytes which of them are visible.

Every face is a patch to the `patch` detector, in a shade of its own; every photo carries a number along its upper
edge, so that a published file says by itself which photo it is. Only Pillow and NumPy are asked: no manifest, no codec
of ours.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

#: Pixels. Marks and faces lie on whole JPEG blocks, so that their colours come through.
WIDTH, HEIGHT = 96, 48
#: x1, y1, x2, y2 of the two places where a face may be; their masks do not meet.
SLOTS = ((16, 24, 32, 40), (64, 24, 80, 40))
#: Shades of #ff0080 within the detector's tolerance, further apart than an encoder moves them.
SHADES = tuple((255, 0, blue) for blue in (106, 117, 128, 139, 150))
NEAR = 4
#: So many pixels of a shade are somebody, a quarter of a face.
LEAST_PX = 64
#: Of the mark: cells of 6 × 8 px, the first two of which are white and black.
BITS, CELL = 14, 6


@dataclass(frozen=True)
class Photo:
    """A picture that was put into the lake.

    Attributes:
        number: Drawn on it; no other photo has it.
        people: Who is at each of `SLOTS`, None for nobody.
        data: The file.
    """

    number: int
    people: tuple[int | None, int | None]
    data: bytes

    @property
    def sha256(self) -> str:
        """Of the file, hex."""
        return hashlib.sha256(self.data).hexdigest()

    def at(self, slot: int) -> int | None:
        """Who is there."""
        return self.people[slot]


@dataclass(frozen=True)
class Seen:
    """What a published file shows: which photo it is, and whose faces are in clear."""

    number: int
    people: frozenset[int]


def photo(number: int, people: tuple[int | None, int | None], key: str) -> Photo:
    """Makes a photo in the format that its key's ending names."""
    coarse = np.random.default_rng(number).integers(60, 180, (HEIGHT // 8 + 1, WIDTH // 8 + 1, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)
    pixels = np.asarray(image).copy()
    for place, bit in enumerate((1, 0, *((number >> shift) & 1 for shift in range(BITS)))):
        pixels[:8, place * CELL : (place + 1) * CELL] = 255 * bit
    for (x1, y1, x2, y2), person in zip(SLOTS, people, strict=True):
        if person is not None:
            pixels[y1:y2, x1:x2] = SHADES[person]
    buffer = io.BytesIO()
    if key.endswith(".jpg"):
        Image.fromarray(pixels).save(buffer, "JPEG", quality=95, subsampling=0)
    else:
        Image.fromarray(pixels).save(buffer, "PNG")
    return Photo(number, people, buffer.getvalue())


@lru_cache(maxsize=2**12)
def seen(data: bytes) -> Seen:
    """Looks at a published file.

    Raises:
        ValueError: It is no photo that was made here.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            pixels = np.asarray(image.convert("RGB")).astype(np.int16)
    except OSError:
        raise ValueError("no picture") from None
    if pixels.shape != (HEIGHT, WIDTH, 3):
        raise ValueError("not of the size of a photo")
    cells = [_bright(pixels[:8, place * CELL : (place + 1) * CELL]) for place in range(BITS + 2)]
    if cells[:2] != [True, False]:
        raise ValueError("without the mark of a photo")
    number = sum(bit << shift for shift, bit in enumerate(cells[2:]))
    people = {person for person, shade in enumerate(SHADES) if _shown(pixels, shade) >= LEAST_PX}
    return Seen(number, frozenset(people))


def _bright(pixels: NDArray[np.int16]) -> bool:
    return bool(pixels.mean() > 127)


def _shown(pixels: NDArray[np.int16], shade: tuple[int, int, int]) -> int:
    return int((np.abs(pixels - np.array(shade, np.int16)) <= NEAR).all(axis=2).sum())
