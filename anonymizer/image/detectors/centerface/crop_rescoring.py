"""Rescore uncertain proposals: run the network on a crop around each box, in four rotations.

The network was trained on upright faces. An upright face in a crop with little background scores high; a dog, a cat or
tree bark that resembled a face once seldom does so again at the crop's scale and mirrored.

Most proposals of a photo without people are far from the threshold, so glances at small crops come first. Each rules
out the proposals that would stay below the threshold even if the full crop scored much higher than the small one. If
that leaves none of the strongest few, the others are not looked at.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymizer.image import geometry
from anonymizer.records import Pixels


class Crop(NamedTuple):
    """Side of a crop in pixels, and the ratio of its side to the box's longer side."""

    side_px: int
    context: float


class Glance(NamedTuple):
    """A look at small crops, and by how much the logit of a full crop's score may be expected to be higher."""

    crop: Crop
    margin: float


FULL = Crop(160, 2.4)

#: Of 2,561 boxes that a full crop lifts over the threshold none has a glance as far below the score that it needs
#: (`make bench-detection WHAT=glances`).
GLANCES = (Glance(Crop(32, 1.4), 4.75), Glance(Crop(64, 2.0), 2.5))

#: The number of strongest proposals of which one must pass all glances before the others are looked at. In the same
#: photos no box was lifted without; with one proposal in place of three, some were.
STRONGEST = 3

#: A detection in a crop counts as the box if its centre is at most this far from the crop's centre and its height is
#: between these limits, all relative to the box's longer side.
_NEAR = 0.4
_LEAST_HEIGHT, _MOST_HEIGHT = 0.45, 2.0

TURNS = 4


def crops(rgb: Pixels, xyxy: geometry.FloatBoxes, kind: Crop = FULL) -> Pixels:
    """(N, S, S, 3): crops with the box in the middle; black outside the picture."""
    return np.stack([_crop(rgb, box, kind) for box in xyxy])


def turned(upright: Pixels) -> Pixels:
    """(4 N, S, S, 3): each crop rotated by 0°, 90°, 180° and 270°."""
    turns = [np.rot90(upright, turn, axes=(1, 2)) for turn in range(TURNS)]
    return np.stack(turns, axis=1).reshape(-1, *upright.shape[1:])


def middle_score(
    heatmap: NDArray[np.float32], ln_height: NDArray[np.float32], kind: Crop = FULL
) -> NDArray[np.float32]:
    """The score of the box in its crop.

    Args:
        heatmap: (N, h, h) scores.
        ln_height: (N, h, h) natural logarithms of heights in cells.
        kind: What the crops are.

    Returns:
        (N,) highest score of a detection at the box's place and of its size; 0 if there is none.
    """
    cells = heatmap.shape[1]
    box = cells / kind.context
    off = np.abs(np.arange(cells) + 0.5 - cells / 2) <= _NEAR * box
    fits = (ln_height > np.log(_LEAST_HEIGHT * box)) & (ln_height < np.log(_MOST_HEIGHT * box))
    there = off[:, None] & off[None] & fits
    return np.asarray(np.where(there, heatmap, 0).max(axis=(1, 2)), dtype=np.float32)


def _crop(rgb: Pixels, box: NDArray[np.float32], kind: Crop) -> Pixels:
    side = kind.side_px
    half = kind.context * float(max(box[2] - box[0], box[3] - box[1])) / 2
    x, y = float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2
    height, width = rgb.shape[:2]
    left, top = max(0, int(x - half)), max(0, int(y - half))
    part = rgb[top : min(height, int(y + half) + 1), left : min(width, int(x + half) + 1)]
    shrink = max(1, int(2 * half / side))
    size = (max(1, part.shape[1] // shrink), max(1, part.shape[0] // shrink))
    # Linear interpolation to less than half the size skips pixels, so the crop is first averaged by a whole factor.
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA) if shrink > 1 else part
    across, down = side / (2 * half) * part.shape[1] / size[0], side / (2 * half) * part.shape[0] / size[1]
    to_crop = np.array(
        [
            [across, 0, (left - x) * side / (2 * half) + side / 2],
            [0, down, (top - y) * side / (2 * half) + side / 2],
        ]
    )
    return np.asarray(cv2.warpAffine(small, to_crop, (side, side), flags=cv2.INTER_LINEAR), dtype=np.uint8)
