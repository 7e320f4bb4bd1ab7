"""Which parts of a picture the network sees, and how large.

One pass is the whole picture at one size, in overlapping tiles where that is too much for one run of the network. A
second, coarse pass finds the faces that fill the frame, and those that tiles cut.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

from anonymizer.image.detectors.contract import CANVAS_PX, LEAST_SIDE_PX, WORK_FACE_PX, area_share
from anonymizer.image.detectors.presets import Search

Window: TypeAlias = tuple[int, int, int, int]
"""`x1, y1, x2, y2` in pixels of the picture."""

#: One run of the network sees no more working pixels than this: what memory it takes depends on it.
TILE_AREA_PX = 2_560_000
TILE_SIDE_PX = 1_600

#: Tiles share this many working pixels, so that a face of that size is whole in one of them. What is larger the
#: coarse pass finds.
OVERLAP_PX = 160

#: From this longer side on, in working pixels, a coarse pass is made, with a longer side of `COARSE_SIDE_PX`: faces
#: of 500 working pixels and more are seen badly.
COARSE_FROM_PX = 1_000
COARSE_SIDE_PX = 512


@dataclass(frozen=True, slots=True)
class Pass:
    """One look at the whole picture.

    Attributes:
        share: Working pixels per pixel of the picture.
        windows: What the network sees at a time; together the whole picture.
    """

    share: float
    windows: tuple[Window, ...]


def passes(width: int, height: int, search: Search) -> tuple[Pass, ...]:
    """The looks at a picture of so many pixels, the finest first."""
    shares = [_share(width, height, search)]
    longer = max(width, height)
    if search.halved and longer * shares[0] / 2 >= LEAST_SIDE_PX:
        shares.append(shares[0] / 2)
    if longer * shares[-1] >= COARSE_FROM_PX:
        shares.append(COARSE_SIDE_PX / longer)
    return tuple(Pass(share, tuple(_windows(width, height, share))) for share in shares)


def _share(width: int, height: int, search: Search) -> float:
    share = max(search.scale, LEAST_SIDE_PX / max(width, height))
    if search.max_area_px is None:
        return share
    most = area_share(width, height, search.max_area_px)
    if search.min_face_px is not None:
        most = max(most, WORK_FACE_PX / search.min_face_px)
    return min(share, most)


def _windows(width: int, height: int, share: float) -> list[Window]:
    work_width, work_height = (max(CANVAS_PX, round(side * share)) for side in (width, height))
    if work_width * work_height <= TILE_AREA_PX:
        return [(0, 0, width, height)]
    return [
        (x1, y1, x2, y2)
        for y1, y2 in _pieces(height, share, TILE_AREA_PX // min(work_width, TILE_SIDE_PX))
        for x1, x2 in _pieces(width, share, TILE_AREA_PX // min(work_height, TILE_SIDE_PX))
    ]


def _pieces(length: int, share: float, most_px: int) -> list[tuple[int, int]]:
    """Equal parts of a side, as few as stay within `most_px` working pixels each, overlapping."""
    piece, overlap = most_px / share, OVERLAP_PX / share
    count = max(1, math.ceil((length - overlap) / max(1.0, piece - overlap)))
    step = (length - overlap) / count
    return [(max(0, math.floor(i * step)), min(length, math.ceil(i * step + step + overlap))) for i in range(count)]
