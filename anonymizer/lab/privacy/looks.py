"""Crop the labelled faces from a variant's files and compute the attackers' features."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymizer.errors import ObjectError
from anonymizer.lab.privacy.features import SIDE_PX, VIEW
from anonymizer.lab.privacy.photos import Photo, Shot, first_frame
from anonymizer.lab.privacy.variants import Publish, Variant
from anonymizer.records import Boxes, Pixels

Copies = Sequence[Sequence[Shot | None]]
Eye = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""(K, S, S, 3) uint8 crops to (K, D) features."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """The features of all photos in one variant.

    Attributes:
        features: By name of the feature: (N, K, D) float16, K copies of each of N photos; zeros if there is no file.
        usable: (N,) bool, whether there is a file for the photo.
        refused: Number of photos without a file, by reason.
    """

    features: dict[str, NDArray[np.float16]]
    usable: NDArray[np.bool_]
    refused: dict[str, int]


def look(photos: Sequence[Photo], variant: Variant, eyes: Mapping[str, Eye], copies: Copies | None = None) -> Look:
    """Makes each photo's variant, crops the person's face and computes the features.

    Args:
        photos: The photos.
        variant: The variant to make.
        eyes: The features to compute.
        copies: For each photo the same number of copies; a copy in which the detector missed the face (None) is
            replaced by the photo itself. None = the photo alone.
    """
    seen: dict[str, list[NDArray[np.float16] | None]] = {name: [] for name in eyes}
    refused: Counter[str] = Counter()
    for index, photo in enumerate(photos):
        try:
            crops = _crops(photo, variant.publish, [photo.shot()] if copies is None else copies[index])
        except FileNotFoundError:
            refused["missing"] += 1
            crops = None
        except ObjectError as error:
            refused[error.code] += 1
            crops = None
        for name, eye in eyes.items():
            seen[name].append(None if crops is None else eye(crops).astype(np.float16))
    usable = np.array([row is not None for row in seen[next(iter(eyes))]], dtype=bool)
    return Look({name: _stacked(rows) for name, rows in seen.items()}, usable, dict(sorted(refused.items())))


def _stacked(rows: Sequence[NDArray[np.float16] | None]) -> NDArray[np.float16]:
    known = next((row for row in rows if row is not None), np.zeros((1, 1), np.float16))
    return np.stack([np.zeros_like(known) if row is None else row for row in rows])


def _crops(photo: Photo, publish: Publish, shots: Sequence[Shot | None]) -> NDArray[np.uint8]:
    original = shots[0]
    published = [shot or original for shot in shots]
    return np.stack([crop(first_frame(publish(photo.key, shot)), shot.main) for shot in published if shot is not None])


def crop(pixels: Pixels, box: Boxes, view: float = VIEW, side_px: int = SIDE_PX) -> Pixels:
    """A square crop around a face; beyond the picture the border is repeated.

    Args:
        pixels: (H, W, 3) uint8.
        box: (4,) `xyxy` of the face, not padded.
        view: Side of the square as a multiple of the box's longer side.
        side_px: Side of the result.

    Returns:
        (side_px, side_px, 3) uint8.
    """
    x1, y1, x2, y2 = (float(v) for v in box)
    side = max(1, round(max(x2 - x1, y2 - y1) * view))
    left, top = round((x1 + x2 - side) / 2), round((y1 + y2 - side) / 2)
    rows = np.clip(np.arange(top, top + side), 0, pixels.shape[0] - 1)
    columns = np.clip(np.arange(left, left + side), 0, pixels.shape[1] - 1)
    square = pixels[rows[:, None], columns[None]]
    return np.asarray(cv2.resize(square, (side_px, side_px), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def used(usable: Sequence[NDArray[np.bool_]], person: NDArray[np.intp]) -> NDArray[np.bool_]:
    """(N,) bool, the photos that exist in all variants, of people with at least two of them.

    Args:
        usable: For each variant (N,) bool.
        person: (N,) the person in each photo.
    """
    common = np.logical_and.reduce(usable)
    counts = np.bincount(person[common], minlength=int(person.max()) + 1)
    return np.asarray(common & (counts[person] >= 2))
