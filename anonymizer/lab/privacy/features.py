"""Compute the attackers' features of a crop: pixels or gradients of the face, or of the face with its surroundings."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

#: Ratio of a crop's side to the longer side of the detected box; the crop contains hair, neck and collar.
VIEW = 2.4
#: Side of a crop in pixels.
SIDE_PX = 224
#: Side of the centre part for `face` features, relative to the box; about the extent of the default masks.
FACE_VIEW = 1.4
#: Side in pixels for pixel features.
PIXELS_SIDE_PX = 32
#: Side in pixels for gradient features.
GRADIENTS_SIDE_PX = 64
#: Colour features beside gradients: patches per side.
COLOUR_SIDE_PX = 12
#: Weight of the histograms, which have unit length per block, so that they count about as much as the colours.
HISTOGRAM_WEIGHT = 3.0


def face_pixels(crops: NDArray[np.uint8]) -> Floats:
    """(N, 3072) RGB in 0 to 1: the middle of (N, S, S, 3) crops, shrunk to 32 × 32."""
    return _shrunk(middle(crops, FACE_VIEW), PIXELS_SIDE_PX)


def face_gradients(crops: NDArray[np.uint8]) -> Floats:
    """(N, 2196) gradients and colours of the middle of (N, S, S, 3) crops."""
    return _gradients_and_colours(middle(crops, FACE_VIEW))


def wide_pixels(crops: NDArray[np.uint8]) -> Floats:
    """(N, 3072) RGB in 0 to 1: whole (N, S, S, 3) crops, shrunk to 32 × 32."""
    return _shrunk(crops, PIXELS_SIDE_PX)


def wide_gradients(crops: NDArray[np.uint8]) -> Floats:
    """(N, 2196) gradients and colours of whole (N, S, S, 3) crops."""
    return _gradients_and_colours(crops)


def middle(crops: NDArray[np.uint8], view: float) -> NDArray[np.uint8]:
    """(N, s, s, 3) the middle of (N, S, S, 3) crops.

    Args:
        crops: Of `VIEW` times the box.
        view: Of the middle, as a multiple of the box.
    """
    side = crops.shape[1]
    rim = round(side * (1 - view / VIEW) / 2)
    return crops[:, rim : side - rim, rim : side - rim]


def _gradients_and_colours(crops: NDArray[np.uint8]) -> Floats:
    """Histograms of oriented gradients (Dalal & Triggs, CVPR 2005) at 64 × 64, and colours.

    Cells of 8 × 8 pixels, blocks of 2 × 2 cells, 9 directions: 1,764 numbers. 12 × 12 RGB colours: 432.
    """
    side = (GRADIENTS_SIDE_PX, GRADIENTS_SIDE_PX)
    histogram = cv2.HOGDescriptor(side, (16, 16), (8, 8), (8, 8), 9)
    gray = [cv2.resize(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), side, interpolation=cv2.INTER_AREA) for crop in crops]
    gradients = np.asarray([np.ravel(histogram.compute(plane)) for plane in gray], dtype=np.float32)
    return np.concatenate([gradients * np.float32(HISTOGRAM_WEIGHT), _shrunk(crops, COLOUR_SIDE_PX)], axis=1)


def _shrunk(crops: NDArray[np.uint8], side_px: int) -> Floats:
    small = [cv2.resize(crop, (side_px, side_px), interpolation=cv2.INTER_AREA) for crop in crops]
    return np.asarray(small, dtype=np.float32).reshape(len(crops), -1) / np.float32(255)
