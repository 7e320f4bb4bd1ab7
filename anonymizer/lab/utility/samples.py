"""Select the training and validation samples: square crops of photos by class, and their splits."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anonymizer.errors import UsageError

VALIDATION_SHARE = 0.2
LEAST_CROP = 0.6
"""Minimum side of random crops, relative to the largest possible crop."""


@dataclass(frozen=True, slots=True)
class Photo:
    """One listed file.

    Attributes:
        key: `class/…/name`.
        label: Index of its class.
        group: Photos of a group are never on both sides of a split: the folder below the class folder (one person or
            scene), or the photo itself if there is none.
    """

    key: str
    label: int
    group: str


@dataclass(frozen=True, slots=True)
class Listing:
    """The root folder, class names, and photos sorted by key."""

    root: Path
    classes: tuple[str, ...]
    photos: tuple[Photo, ...]


@dataclass(frozen=True, slots=True)
class Crop:
    """A square crop of a photo in relative coordinates, independent of the photo's size.

    Attributes:
        photo: The photo.
        centre: Share of the photo's width and height, around its centre, in which the crop lies.
        side: Side relative to the shorter side of that part.
        x: Left edge, as a share of the horizontal room.
        y: Top edge, as a share of the vertical room.
    """

    photo: Photo
    centre: float = 1.0
    side: float = 1.0
    x: float = 0.5
    y: float = 0.5

    def square(self, width: int, height: int) -> tuple[int, int, int]:
        """Left, top and side in pixels on a photo of this size; at least one pixel, inside the photo."""
        across, down = self.centre * width, self.centre * height
        side = max(1, round(self.side * min(across, down)))
        left = (width - across) / 2 + self.x * max(across - side, 0)
        top = (height - down) / 2 + self.y * max(down - side, 0)
        return min(round(left), width - side), min(round(top), height - side), side


def list_photos(root: Path, classes: Sequence[str] = ()) -> Listing:
    """Lists the files below each class folder; links are not followed.

    Args:
        root: The folder with one folder per class.
        classes: The classes to use; empty = all.

    Raises:
        UsageError: The folder is missing, or has fewer than two class folders with files.
    """
    if not root.is_dir():
        raise UsageError("RAW is a folder with one folder per class")
    folders = [folder for folder in root.iterdir() if folder.is_dir() and not folder.is_symlink()]
    for name in classes:
        if name not in {folder.name for folder in folders}:
            raise UsageError(f"RAW holds no class folder {name!r}")
    found = {
        folder.name: sorted(_keys_below(root, folder)) for folder in folders if not classes or folder.name in classes
    }
    names = tuple(sorted(name for name, keys in found.items() if keys))
    if len(names) < 2:
        raise UsageError(f"RAW holds {len(names)} class folders with files; at least 2 are needed")
    keys = sorted((key, names.index(name)) for name in names for key in found[name])
    return Listing(root, names, tuple(Photo(key, label, _group(key)) for key, label in keys))


def _keys_below(root: Path, folder: Path) -> Iterator[str]:
    for parent, _, names in os.walk(folder, followlinks=False):
        for path in (Path(parent, name) for name in names):
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(root).as_posix()


def _group(key: str) -> str:
    parts = key.split("/")
    return "/".join(parts[:2])


@dataclass(frozen=True, slots=True)
class Cutting:
    """How crops are made.

    Attributes:
        crops: Maximum number of crops per photo. A single crop is the central square; several are smaller and random.
        centre: Share of the photo's width and height, around its centre, in which crops lie.
        limit_per_class: Maximum number of crops per class; None = as many as the smallest class has.
        seed: Seed of the selection of groups and the positions of crops.
    """

    crops: int = 1
    centre: float = 1.0
    limit_per_class: int | None = None
    seed: int = 42


def draw(listing: Listing, cutting: Cutting) -> tuple[Crop, ...]:
    """Makes the same number of crops for each class: as many as the smallest class has.

    Crops are taken from the first photo of every group, then from the second photos, and so on; then second crops of
    the same photos.
    """
    random = np.random.RandomState(cutting.seed)
    candidates = [_candidates(listing, label, cutting, random) for label in range(len(listing.classes))]
    count = min(len(rows) for rows in candidates)
    if cutting.limit_per_class is not None:
        count = min(count, cutting.limit_per_class)
    return tuple(crop for rows in candidates for crop in rows[:count])


def _candidates(listing: Listing, label: int, cutting: Cutting, random: np.random.RandomState) -> list[Crop]:
    photos = _in_turn([photo for photo in listing.photos if photo.label == label], random)
    if cutting.crops == 1:
        return [Crop(photo, cutting.centre) for photo in photos]
    rows = []
    for _ in range(cutting.crops):
        for photo in photos:
            side, x, y = random.uniform(LEAST_CROP, 1.0), random.uniform(), random.uniform()
            rows.append(Crop(photo, cutting.centre, side, x, y))
    return rows


def _in_turn(photos: Sequence[Photo], random: np.random.RandomState) -> list[Photo]:
    """Interleaves groups: the first photo of each group in random order, then the second ones, and so on."""
    groups = sorted({photo.group for photo in photos})
    place = dict(zip(groups, random.permutation(len(groups)).tolist(), strict=True))
    seen: Counter[str] = Counter()
    rank = {}
    for photo in photos:
        rank[photo] = (seen[photo.group], place[photo.group])
        seen[photo.group] += 1
    return sorted(photos, key=rank.__getitem__)


def balanced(crops: Sequence[Crop]) -> tuple[int, ...]:
    """Indices that balance the classes again after unreadable photos were dropped."""
    labels = np.array([crop.photo.label for crop in crops])
    rows = [np.flatnonzero(labels == label) for label in sorted(set(labels.tolist()))]
    count = min(map(len, rows))
    return tuple(int(index) for each in rows for index in each[:count])


@dataclass(frozen=True, slots=True)
class Split:
    """Indices of training and validation crops; no group is in both."""

    training: NDArray[np.intp]
    validation: NDArray[np.intp]


def split(crops: Sequence[Crop], seed: int) -> Split:
    """Draws random groups of every class for validation until they have a fifth of its crops.

    Raises:
        UsageError: A class has fewer than two groups.
    """
    random = np.random.RandomState(seed)
    validating = np.zeros(len(crops), bool)
    for label in sorted({crop.photo.label for crop in crops}):
        sizes: dict[str, int] = {}
        for crop in crops:
            if crop.photo.label == label:
                sizes[crop.photo.group] = sizes.get(crop.photo.group, 0) + 1
        groups = sorted(sizes)
        if len(groups) < 2:
            raise UsageError("a class holds a single photo, person or folder: it cannot be split")
        wanted = math.ceil(VALIDATION_SHARE * sum(sizes.values()))
        chosen: set[str] = set()
        for index in random.permutation(len(groups))[:-1]:
            if sum(sizes[group] for group in chosen) >= wanted:
                break
            chosen.add(groups[index])
        validating |= [crop.photo.label == label and crop.photo.group in chosen for crop in crops]
    return Split(np.flatnonzero(~validating), np.flatnonzero(validating))
