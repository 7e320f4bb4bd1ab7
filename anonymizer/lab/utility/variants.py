"""Make the same crops from raw and anonymized photos, in memory only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymizer.config import CodecConfig, Method, RedactionConfig
from anonymizer.errors import AnonymizerError, ObjectError, UsageError
from anonymizer.image import codec
from anonymizer.image.geometry import FloatBoxes
from anonymizer.image.views import light_of, to_uint8
from anonymizer.lab import augment
from anonymizer.lab.utility.course_network import SIDE_PX
from anonymizer.lab.utility.faces import Locate
from anonymizer.lab.utility.samples import Crop, Listing, Photo, balanced
from anonymizer.pipeline import Anonymizer
from anonymizer.records import Detections, GivenBoxes, Pixels

RAW = "raw"
PUBLISHED = "anonymized"
"""The variant of photos published by a run."""

Rows = NDArray[np.uint8]
"""(N, 64, 64, 3) uint8 RGB."""


class NotPublished(AnonymizerError):
    """The run has no output for a photo, or one of another size."""

    code = "not_published"


@dataclass(frozen=True, slots=True)
class Variants:
    """The crops that exist in every variant.

    Attributes:
        classes: Class names.
        crops: The crops, the same number for each class.
        has_face: (N,) bool: whether the centre of a face lies in the crop.
        pixels: Crops by variant: `raw`, each method, and `METHOD+decoys`, `METHOD+masks` and `raw+decoys:METHOD`.
        redacted: Number of photos with a redaction, by class.
        refused: Number of photos left out, by error code.
    """

    classes: tuple[str, ...]
    crops: tuple[Crop, ...]
    has_face: NDArray[np.bool_]
    pixels: dict[str, Rows]
    redacted: dict[str, int]
    refused: dict[str, int]

    @property
    def labels(self) -> NDArray[np.int64]:
        """(N,) index of the class."""
        return np.array([crop.photo.label for crop in self.crops], np.int64)


@dataclass(frozen=True, slots=True)
class Making:
    """The variants to make.

    Attributes:
        methods: Methods to apply here, all with the same masks.
        published: The output folder of a run over the same keys; None = none.
        decoys: Whether to make variants with decoys too.
        seed: Seed of the decoys' places.
    """

    methods: tuple[str, ...]
    published: Path | None = None
    decoys: bool = False
    seed: int = 42


@dataclass(frozen=True, slots=True)
class _Read:
    """A photo's size and faces, in pixels."""

    width: int
    height: int
    xyxy: FloatBoxes


def make_variants(listing: Listing, crops: Sequence[Crop], locate: Locate, making: Making) -> Variants:
    """Reads every photo, redacts it with every method, and makes the same crops from all variants.

    A photo that is missing in one variant is left out of all, including `raw`.

    Raises:
        UsageError: A class has no photo left.
    """
    refused: Counter[str] = Counter()
    read = dict(_read(listing, crops, locate, refused))
    donors = [_inside(crop, read[crop.photo]) for crop in crops if crop.photo in read]
    donors = [boxes for boxes in donors if len(boxes)]
    anonymizers = {method: _anonymizer(method) for method in making.methods}
    of_photo: dict[Photo, list[int]] = {}
    for index, crop in enumerate(crops):
        of_photo.setdefault(crop.photo, []).append(index)
    made: dict[int, dict[str, Pixels]] = {}
    for photo in read:
        try:
            pictures = _pictures(listing.root, photo, read[photo].xyxy, anonymizers, making)
        except (ObjectError, NotPublished) as error:
            refused[error.code] += 1
            continue
        for index in of_photo[photo]:
            made[index] = _cut(pictures, crops[index], donors, making, index)
    return _gathered(listing, crops, read, made, refused)


def _read(
    listing: Listing, crops: Sequence[Crop], locate: Locate, refused: Counter[str]
) -> Iterator[tuple[Photo, _Read]]:
    for photo in dict.fromkeys(crop.photo for crop in crops):
        data = (listing.root / photo.key).read_bytes()
        try:
            pixels = seen(data)
            boxes = locate(photo, data)
        except ObjectError as error:
            refused[error.code] += 1
            continue
        yield photo, _Read(pixels.shape[1], pixels.shape[0], boxes)


def seen(data: bytes) -> Pixels:
    """(H, W, 3) uint8 RGB of a file's first frame, upright.

    Raises:
        ObjectError: It cannot be decoded.
    """
    pixels = to_uint8(light_of(codec.decode(data, CodecConfig()).frames[0]))
    return np.dstack([pixels] * 3) if pixels.ndim == 2 else pixels


def _anonymizer(method: str) -> Anonymizer:
    return Anonymizer({"redaction": {"method": method}, "boxes": {"mode": "replace"}})


def _pictures(
    root: Path, photo: Photo, xyxy: FloatBoxes, anonymizers: Mapping[str, Anonymizer], making: Making
) -> dict[str, Pixels]:
    """The whole photo in every variant, decoded from the files that would be published."""
    data = (root / photo.key).read_bytes()
    faces = Detections(xyxy, np.ones(len(xyxy), np.float32), np.zeros(len(xyxy), np.int32))
    pictures = {RAW: seen(data)}
    for method, anonymize in anonymizers.items():
        pictures[method] = seen(anonymize(data, given=GivenBoxes(faces)).data)
    if making.published is not None:
        pictures[PUBLISHED] = seen(published(making.published, photo.key))
    if any(pixels.shape != pictures[RAW].shape for pixels in pictures.values()):
        raise NotPublished
    return pictures


def published(folder: Path, key: str) -> bytes:
    """The output of a key, also if its format changed (`a.heic` → `a.heic.jpg`).

    Raises:
        NotPublished: There is none.
    """
    for path in (folder / key, folder / f"{key}.jpg", folder / f"{key}.png"):
        if path.is_file():
            return path.read_bytes()
    raise NotPublished


def _inside(crop: Crop, photo: _Read) -> FloatBoxes:
    """(N, 4) boxes relative to the crop's side: the faces whose centres lie in the crop."""
    left, top, side = crop.square(photo.width, photo.height)
    boxes = (photo.xyxy - np.array([left, top, left, top], np.float32)) / np.float32(side)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    return boxes[((centres >= 0) & (centres <= 1)).all(axis=1)]


def _cut(
    pictures: Mapping[str, Pixels], crop: Crop, donors: Sequence[FloatBoxes], making: Making, index: int
) -> dict[str, Pixels]:
    """One crop in every variant."""
    height, width = pictures[RAW].shape[:2]
    left, top, side = crop.square(width, height)
    squares = {name: pixels[top : top + side, left : left + side] for name, pixels in pictures.items()}
    cut = {name: small(square) for name, square in squares.items()}
    if making.decoys and donors:
        random = np.random.default_rng((making.seed, index))
        boxes = donors[int(random.integers(len(donors)))] * side
        decoys = augment.scattered(boxes, side, side, random)
        for method in making.methods:
            redaction = RedactionConfig(method=cast("Method", method))
            cut[f"{method}+decoys"] = small(augment.with_decoys(squares[method], decoys, redaction))
            cut[f"{method}+masks"] = small(augment.with_decoys(squares[method], boxes, redaction))
            cut[f"{RAW}+decoys:{method}"] = small(augment.with_decoys(squares[RAW], decoys, redaction))
    return cut


def small(pixels: Pixels) -> Pixels:
    """Resizes pixels to the network's (64, 64, 3) uint8 by area averaging."""
    resized = cv2.resize(pixels, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(resized, dtype=np.uint8)


def _gathered(
    listing: Listing,
    crops: Sequence[Crop],
    read: Mapping[Photo, _Read],
    made: Mapping[int, Mapping[str, Pixels]],
    refused: Mapping[str, int],
) -> Variants:
    complete = [index for index in range(len(crops)) if index in made]
    codes = ", ".join(f"{code} {count}" for code, count in sorted(refused.items()))
    for label, name in enumerate(listing.classes):
        if not any(crops[index].photo.label == label for index in complete):
            raise UsageError(f"no photo of class {name!r} is left (refused: {codes or 'none'})")
    chosen = [complete[index] for index in balanced([crops[index] for index in complete])]
    kept = tuple(crops[index] for index in chosen)
    photos = {crop.photo for crop in kept}
    redacted = Counter(listing.classes[photo.label] for photo in photos if len(read[photo].xyxy))
    return Variants(
        classes=listing.classes,
        crops=kept,
        has_face=np.array([len(_inside(crop, read[crop.photo])) > 0 for crop in kept]),
        pixels={name: np.stack([made[index][name] for index in chosen]) for name in made[chosen[0]]},
        redacted={name: redacted[name] for name in listing.classes},
        refused=dict(sorted(refused.items())),
    )
