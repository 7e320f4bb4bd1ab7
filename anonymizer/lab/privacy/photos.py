"""The raw photos: decoded once to find their faces, and read again from the disk whenever they are redacted."""

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

#: A box is of the same face if it shares this much with the other (intersection over union).
SAME_FACE = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One file with a face in it.

    Attributes:
        data: The file.
        given: All its faces, as the detector found them.
        main: (4,) float32 `xyxy`, the labelled person's, not padded.
    """

    data: bytes
    given: GivenBoxes
    main: Boxes


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """A usable photo on the disk; see `Shot` for its faces.

    Attributes:
        key: Below RAW.
        path: Of the file.
        person: Index of who it shows.
        given: All its faces.
        main: The person's.
    """

    key: str
    path: Path
    person: int
    given: GivenBoxes
    main: Boxes

    def shot(self) -> Shot:
        """Reads it again."""
        return Shot(self.path.read_bytes(), self.given, self.main)


@dataclass(frozen=True, slots=True)
class Subjects:
    """Everybody who is attacked.

    Attributes:
        photos: Grouped by person, at least two of each.
        person_count: Persons are numbered from 0.
        refused: Photos left out, by reason: the codec's code, `missing`, `no_face`, or `alone` (the last usable one
            of a person).
    """

    photos: tuple[Photo, ...]
    person_count: int
    refused: dict[str, int]

    @property
    def persons(self) -> NDArray[np.intp]:
        """(N,) who each photo shows."""
        return np.array([photo.person for photo in self.photos], dtype=np.intp)


def read(root: Path, labelled: Sequence[Labelled], detector: detectors.Detector) -> Subjects:
    """Finds the faces of all photos. Of several in a photo the largest is the labelled person's.

    Args:
        root: RAW.
        labelled: Photos and whom they show.
        detector: Looks at each photo once.
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
    """A file with its faces, looked for in its first frame and in all others; None without one in the first.

    Raises:
        ObjectError: It cannot be decoded, or the detector gave no answer.
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
    """(H, W, 3) uint8 RGB of the first frame, as it is seen."""
    seen = to_uint8(light_of(picture.frames[0]))
    return np.dstack([seen] * 3) if seen.ndim == 2 else seen


def burst(original: Shot, count: int, detector: detectors.Detector, seed: int) -> list[Shot | None]:
    """So many near copies of one photo, the photo itself first, as a series or a file that is saved again and again.

    Each copy is moved by up to one pixel each way and saved as JPEG at a quality of 70 to 95; its faces are looked
    for anew, as a run would.

    Args:
        original: The photo.
        count: Copies in all, at least one.
        detector: That of the run.
        seed: Of moves and qualities.

    Returns:
        The copies; None where the detector missed the face, so that a run would have published it.
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
    # The attacker knows how the copies lie on each other: the crop moves with the photo, not with the detection.
    return Shot(data, found.given, place)
