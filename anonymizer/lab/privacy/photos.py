"""Read the raw photos and find their faces; the files are read again whenever they are redacted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymizer.config import CodecConfig
from anonymizer.errors import ObjectError
from anonymizer.image import codec, detectors, geometry
from anonymizer.image.views import light_of, to_uint8
from anonymizer.lab.privacy.people import LEAST_PHOTOS, Labelled
from anonymizer.pipeline import detect
from anonymizer.records import Boxes, GivenBoxes, Picture, Pixels

#: Two boxes with at least this intersection over union (IoU) are the same face.
SAME_FACE = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One file with a labelled face.

    Attributes:
        data: The file's content.
        given: All detected faces.
        main: (4,) float32 `xyxy` of the labelled person's face, not padded.
    """

    data: bytes
    given: GivenBoxes
    main: Boxes


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """A usable photo on disk; see `Shot` for its faces.

    Attributes:
        key: Key below RAW.
        path: Path of the file.
        person: Index of the person.
        given: All detected faces.
        main: The person's face.
    """

    key: str
    path: Path
    person: int
    given: GivenBoxes
    main: Boxes

    def shot(self) -> Shot:
        """Reads the file."""
        return Shot(self.path.read_bytes(), self.given, self.main)


@dataclass(frozen=True, slots=True)
class Subjects:
    """The photos and people to attack.

    Attributes:
        photos: Grouped by person, at least two of each.
        person_count: Number of people, who are numbered from 0.
        refused: Number of photos left out, by reason: the codec's code, `missing`, `no_face`, or `alone` (the only
            usable photo of a person).
    """

    photos: tuple[Photo, ...]
    person_count: int
    refused: dict[str, int]

    @property
    def persons(self) -> NDArray[np.intp]:
        """(N,) the person in each photo."""
        return np.array([photo.person for photo in self.photos], dtype=np.intp)


def read(root: Path, labelled: Sequence[Labelled], detector: detectors.Detector) -> Subjects:
    """Detects the faces of all photos; the largest in a photo is taken for the labelled person's.

    Args:
        root: RAW.
        labelled: The labelled photos.
        detector: The face detector.
    """
    refused: Counter[str] = Counter()
    by_person: dict[str, list[tuple[Labelled, Shot]]] = {}
    for row in labelled:
        try:
            found = shot((root / row.key).read_bytes(), detector)
        except OSError:
            refused["missing"] += 1
            continue
        except ObjectError as error:
            refused[error.code] += 1
            continue
        if found is None:
            refused["no_face"] += 1
        else:
            by_person.setdefault(row.identity, []).append((row, found))
    return _numbered(root, by_person.values(), refused)


def _numbered(root: Path, by_person: Iterable[Sequence[tuple[Labelled, Shot]]], refused: Counter[str]) -> Subjects:
    photos: list[Photo] = []
    person = 0
    for rows in by_person:
        if len(rows) < LEAST_PHOTOS:
            refused["alone"] += len(rows)
            continue
        photos.extend(Photo(row.key, root / row.key, person, found.given, found.main) for row, found in rows)
        person += 1
    return Subjects(tuple(photos), person, dict(sorted(refused.items())))


def shot(data: bytes, detector: detectors.Detector) -> Shot | None:
    """Detects the faces of a file in all frames; None if there is none in the first.

    Raises:
        ObjectError: The file cannot be decoded, or the detector failed.
    """
    found = detect(detector, codec.decode(data, CodecConfig()).frames)
    first = found.xyxy[found.frame == 0]
    if not len(first):
        return None
    return Shot(data, GivenBoxes(found), first[int(np.argmax(geometry.area(first)))])


def first_frame(data: bytes) -> Pixels:
    """(H, W, 3) uint8 RGB of a file, upright.

    Raises:
        ObjectError: It cannot be decoded.
    """
    return rgb(codec.decode(data, CodecConfig()))


def rgb(picture: Picture) -> Pixels:
    """(H, W, 3) uint8 RGB of the first frame."""
    seen = to_uint8(light_of(picture.frames[0]))
    return np.dstack([seen] * 3) if seen.ndim == 2 else seen


def burst(original: Shot, count: int, detector: detectors.Detector, seed: int) -> list[Shot | None]:
    """Makes near copies of a photo, as in a burst of photos or a file that was saved repeatedly.

    Each copy is shifted by up to one pixel per axis and saved as JPEG with a quality of 70 to 95; its faces are
    detected again, as in a run.

    Args:
        original: The photo.
        count: Number of copies including the photo itself, at least one.
        detector: The run's detector.
        seed: Seed of shifts and qualities.

    Returns:
        The copies, the photo itself first; None for a copy in which the detector missed the face.
    """
    generator = np.random.default_rng(seed)
    pixels = first_frame(original.data)
    copies: list[Shot | None] = [original]
    for _ in range(count - 1):
        right, down = (int(v) for v in generator.integers(-1, 2, 2))
        quality = int(generator.integers(70, 96))
        data = cv2.imencode(".jpg", _moved(pixels, right, down)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        copies.append(_again(data.tobytes(), original.main + np.tile([right, down], 2), detector))
    return copies


def _moved(pixels: Pixels, right: int, down: int) -> Pixels:
    padded = np.pad(pixels, ((1, 1), (1, 1), (0, 0)), mode="edge")
    return padded[1 - down : 1 - down + pixels.shape[0], 1 - right : 1 - right + pixels.shape[1]]


def _again(data: bytes, main: Boxes, detector: detectors.Detector) -> Shot | None:
    found = shot(data, detector)
    place = main.astype(np.float32)
    if found is None or float(geometry.iou(found.given.faces.xyxy, place).max()) < SAME_FACE:
        return None
    # The attacker is assumed to know the shifts: the crop follows the photo, not the detection.
    return Shot(data, found.given, place)
