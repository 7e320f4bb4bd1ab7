"""Plan the network's passes over a picture: scales and tiles.

One pass covers the whole picture at one scale, in overlapping tiles if it is too large for one run of the network. A
second, coarse pass finds faces that fill the frame and faces that tiles cut.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

from anonymizer.image.detectors.centerface.presets import Search
from anonymizer.image.detectors.contract import CANVAS_PX, LEAST_SIDE_PX, WORK_FACE_PX, area_share

Window: TypeAlias = tuple[int, int, int, int]
"""`x1, y1, x2, y2` in pixels of the picture."""

#: Maximum size of one input of the network in pixels; it bounds memory.
TILE_AREA_PX = 2_560_000
TILE_SIDE_PX = 1_600

#: Overlap of tiles in network input pixels: a face up to this size lies completely in one tile. Larger ones are found
#: by the coarse pass.
OVERLAP_PX = 160

#: Inputs with at least this longer side get a coarse pass with a longer side of `COARSE_SIDE_PX`, because the network
#: detects faces of 500 input pixels and more poorly.
COARSE_FROM_PX = 1_000
COARSE_SIDE_PX = 512


#: How many times smaller a picture can be read, the smallest first.
REDUCTIONS = (4, 2)


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass over the whole picture.

    Attributes:
        share: Scale: network input pixels per pixel of the picture.
        windows: The tiles, which together cover the picture.
    """

    share: float
    windows: tuple[Window, ...]


def passes(width: int, height: int, search: Search) -> tuple[Pass, ...]:
    """The passes over a picture of this size, the finest first."""
    shares = [_share(width, height, search)]
    longer = max(width, height)
    if search.halved and longer * shares[0] / 2 >= LEAST_SIDE_PX:
        shares.append(shares[0] / 2)
    if longer * shares[-1] >= COARSE_FROM_PX:
        shares.append(COARSE_SIDE_PX / longer)
    return tuple(Pass(share, tuple(_windows(width, height, share))) for share in shares)


def reduction(width: int, height: int, search: Search) -> int:
    """How many times smaller a picture may be without the network's input becoming coarser: 1, 2 or 4.

    The limit on the input's area has to be what decides about its size, for the smaller picture too. So second looks
    see at least `1 / search.scale` times the detail of the first one, as in a photo that is below the limit.
    """
    if search.max_area_px is None or search.min_face_px is not None:
        return 1
    share = _share(width, height, search)
    return next((factor for factor in REDUCTIONS if factor * share <= search.scale), 1)


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
    """Splits a side into as few overlapping equal parts as possible, each of at most `most_px` network input pixels."""
    piece, overlap = most_px / share, OVERLAP_PX / share
    count = max(1, math.ceil((length - overlap) / max(1.0, piece - overlap)))
    step = (length - overlap) / count
    return [(max(0, math.floor(i * step)), min(length, math.ceil(i * step + step + overlap))) for i in range(count)]
