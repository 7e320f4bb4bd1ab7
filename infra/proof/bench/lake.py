"""Make a mixed lake: files in the proportions of an ordinary one, most of which show nobody. Same seed, same lake.

One file in six shows faces (LFW and WIDER val, as they are); the others are crops, flips and scales of photos without
people, parts of WIDER's photos that have no labelled face, textures, and made-up scenes. One in fifty has twelve
megapixels, four in five are JPEG, the rest PNG and WebP. Without the data, pictures of scikit-image take their place.
"""

from __future__ import annotations

import csv
import functools
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
Box = tuple[float, float, float, float]

FACES_SHARE = 1 / 6
LARGE_SHARE = 0.02
LARGE_PX = (4000, 3000)
SIDES_PX = (320, 500, 500, 640, 1024)
"""Longer sides of the pictures without a face; that of ImageNet's photos is 500 in most."""
FORMATS = {".jpg": 0.80, ".png": 0.12, ".webp": 0.08}
EMPTY = {"nonface": 0.70, "texture": 0.12, "part": 0.10, "scene": 0.08}
"""What the files without a face are made from, and how many of each."""
TEXTURES = ("brick", "grass", "gravel", "coffee", "chelsea", "rocket", "hubble_deep_field", "retina", "coins", "moon")
_TRIES = 50
_LEAST_PART_PX = 160
_GRAIN = 4.0
"""Standard deviation of the noise that enlarged pictures get, since a camera's are never smooth."""


@dataclass(frozen=True)
class Sources:
    """What a lake is made from.

    Attributes:
        empty: Photos in which there is nobody.
        portraits: Photos of one person each, 250 × 250 px (LFW).
        crowds: Photos with labelled faces, by path.
    """

    empty: Sequence[Path]
    portraits: Sequence[Path]
    crowds: Mapping[Path, Sequence[Mapping[str, str]]]

    @classmethod
    def within(cls, data: Path) -> Sources:
        """Those below a folder that has `nonface`, `lfw` and `wider_val`; what is not there is left out."""
        crowds: dict[Path, list[Mapping[str, str]]] = {}
        labels = data / "wider_val" / "labels.csv"
        if labels.is_file():
            with labels.open(newline="") as handle:
                for row in csv.DictReader(handle):
                    crowds.setdefault(labels.parent / row["image"], []).append(row)
        empty, portraits = (sorted((data / name).rglob("*.[jJ][pP]*[gG]")) for name in ("nonface", "lfw"))
        return cls(empty, portraits, {path: crowds[path] for path in sorted(crowds) if path.is_file()})


@dataclass
class Lake:
    """The files, and the labels of those that have any.

    Attributes:
        photos: In the order of their names, which is that of their numbers.
        labels: CSV of true faces, as `rivals.labelled` reads it.
    """

    photos: list[Path] = field(default_factory=list)
    labels: Path = Path()


def make(folder: Path, count: int, data: Path, seed: int = 1) -> Lake:
    """Fills a new folder.

    Args:
        folder: Is made; the labels lie beside it.
        count: Of files.
        data: See `Sources.within`.
        seed: Another one gives another lake.
    """
    folder.mkdir(parents=True)
    sources = Sources.within(data)
    lake = Lake(labels=folder.parent / f"{folder.name}.csv")
    rows: list[Mapping[str, str]] = []
    for number, kind in enumerate(_kinds(count, seed)):
        rng = np.random.default_rng([seed, number])
        path, labels = _MAKERS[kind](folder / f"{number:05d}", sources, rng)
        lake.photos.append(path)
        rows += [{**row, "image": path.name.partition("-")[2]} for row in labels]
    columns = ["image", "x", "y", "w", "h", "ignore", "invalid"]
    with lake.labels.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return lake


def _kinds(count: int, seed: int) -> list[str]:
    """One kind for each file, in the proportions above to the file, in an order that has no pattern."""
    faces = round(count * FACES_SHARE)
    with_faces = _shares(faces, {"large faces": LARGE_SHARE, "portrait": 0.49, "crowd": 0.49})
    small = {name: share * (1 - LARGE_SHARE) for name, share in EMPTY.items()}
    without = _shares(count - faces, {"large": LARGE_SHARE, **small})
    found = [*with_faces, *without]
    return [found[index] for index in np.random.default_rng(seed).permutation(len(found))]


def _shares(count: int, shares: Mapping[str, float]) -> list[str]:
    """Each name as often as its share says; the last takes what rounding leaves."""
    names = list(shares)
    bounds = np.round(np.cumsum(list(shares.values())) / sum(shares.values()) * count).astype(int)
    return [names[int(np.searchsorted(bounds, index, side="right"))] for index in range(count)]


_Made = tuple[Path, Sequence[Mapping[str, str]]]


def _portrait(stem: Path, sources: Sources, rng: np.random.Generator) -> _Made:
    if not sources.portraits:
        return _written(stem, "portrait", _astronaut(), rng), ()
    return _copied(stem, _one_of(sources.portraits, rng), rng), ()


def _crowd(stem: Path, sources: Sources, rng: np.random.Generator) -> _Made:
    if not sources.crowds:
        return _portrait(stem, sources, rng)
    path = _one_of(list(sources.crowds), rng)
    return _copied(stem, path, rng), sources.crowds[path]


def _nonface(stem: Path, sources: Sources, rng: np.random.Generator) -> _Made:
    if not sources.empty:
        return _texture(stem, sources, rng)
    path = _one_of(sources.empty, rng)
    return _written(stem, path.stem, _varied(_read(path), rng), rng), ()


def _texture(stem: Path, sources: Sources, rng: np.random.Generator) -> _Made:
    del sources
    name = str(rng.choice(TEXTURES))
    return _written(stem, name, _varied(_sample(name), rng), rng), ()


def _part(stem: Path, sources: Sources, rng: np.random.Generator) -> _Made:
    """A part of a crowd's photo that holds no labelled face; another picture where there is none."""
    for _ in range(_TRIES if sources.crowds else 0):
        path = _one_of(list(sources.crowds), rng)
        picture = _read(path)
        height, width = picture.shape[:2]
        w, h = (int(rng.integers(_LEAST_PART_PX, max(side, _LEAST_PART_PX + 1))) for side in (width, height))
        x, y = int(rng.integers(0, max(1, width - w))), int(rng.integers(0, max(1, height - h)))
        if w <= width and h <= height and not any(_touches(row, (x, y, w, h)) for row in sources.crowds[path]):
            return _written(stem, f"part-{path.stem}", picture[y : y + h, x : x + w], rng), ()
    return _nonface(stem, sources, rng)


def _touches(row: Mapping[str, str], part: Box) -> bool:
    """Whether a labelled box, a quarter larger on each side, reaches into a part."""
    x, y, w, h = (float(row[name]) for name in ("x", "y", "w", "h"))
    left, top, right, bottom = x - w / 4, y - h / 4, x + 1.25 * w, y + 1.25 * h
    return left < part[0] + part[2] and right > part[0] and top < part[1] + part[3] and bottom > part[1]


def _scene(stem: Path, sources: Sources, rng: np.random.Generator) -> _Made:
    """A sky, a ground, a few bodies and a line of text, with noise."""
    del sources
    width = int(rng.choice(SIDES_PX))
    height = width * 3 // 4
    sky, ground = rng.integers(40, 230, (2, 3))
    ramp = np.linspace(0, 1, height)[:, None, None]
    picture = np.ascontiguousarray(np.broadcast_to((1 - ramp) * sky + ramp * ground, (height, width, 3)))
    for _ in range(int(rng.integers(3, 12))):
        corners = (rng.random((int(rng.integers(3, 7)), 2)) * (width, height)).astype(np.int32)
        cv2.fillPoly(picture, [corners], rng.integers(0, 255, 3).tolist())
    cv2.putText(picture, f"No. {rng.integers(10_000)}", (width // 9, height // 2), 0, width / 320, (250, 250, 240), 2)
    return _written(stem, "scene", _grained(picture, rng), rng), ()


def _large(stem: Path, sources: Sources, rng: np.random.Generator) -> _Made:
    return _written(stem, "large", background(sources, rng), rng), ()


def _large_faces(stem: Path, sources: Sources, rng: np.random.Generator) -> _Made:
    picture = with_three_faces(background(sources, rng), sources, rng)
    return _written(stem, "large-faces", picture, rng), ()


_MAKERS: Mapping[str, Callable[[Path, Sources, np.random.Generator], _Made]] = {
    "portrait": _portrait,
    "crowd": _crowd,
    "nonface": _nonface,
    "texture": _texture,
    "part": _part,
    "scene": _scene,
    "large": _large,
    "large faces": _large_faces,
}


def background(sources: Sources, rng: np.random.Generator) -> Pixels:
    """Twelve megapixels that show nobody: an enlarged photo with a camera's noise."""
    picture = _read(_one_of(sources.empty, rng)) if sources.empty else _sample(str(rng.choice(TEXTURES)))
    return _grained(cv2.resize(picture, LARGE_PX, interpolation=cv2.INTER_CUBIC), rng)


def with_three_faces(picture: Pixels, sources: Sources, rng: np.random.Generator) -> Pixels:
    """A copy with three portraits in its left, middle and right third, 250 to 700 px wide."""
    copy = picture.copy()
    height, width = picture.shape[:2]
    for third in range(3):
        portrait = _read(_one_of(sources.portraits, rng)) if sources.portraits else _astronaut()
        side = int(rng.integers(250, 700))
        x = third * width // 3 + int(rng.integers(0, width // 3 - side))
        y = int(rng.integers(0, height - side))
        copy[y : y + side, x : x + side] = cv2.resize(portrait, (side, side), interpolation=cv2.INTER_CUBIC)
    return copy


def _varied(picture: Pixels, rng: np.random.Generator) -> Pixels:
    """A part of at least six tenths of each side, perhaps mirrored, at one of `SIDES_PX`, brighter or darker."""
    height, width = picture.shape[:2]
    w, h = (int(side * rng.uniform(0.6, 1.0)) for side in (width, height))
    x, y = int(rng.integers(0, width - w + 1)), int(rng.integers(0, height - h + 1))
    part = picture[y : y + h, x : x + w]
    part = part[:, ::-1] if rng.random() < 0.5 else part
    factor = float(rng.choice(SIDES_PX)) / max(part.shape)
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    sized = cv2.resize(np.ascontiguousarray(part), None, fx=factor, fy=factor, interpolation=way)
    return _bytes(sized * rng.uniform(0.85, 1.15))


def _grained(picture: NDArray[Any], rng: np.random.Generator) -> Pixels:
    noise = rng.normal(0, _GRAIN, (512, 512, 1)).astype(np.float32)
    height, width = picture.shape[:2]
    tiled = np.tile(noise, (height // 512 + 1, width // 512 + 1, 1))[:height, :width]
    return _bytes(picture + tiled)


def _bytes(samples: NDArray[Any]) -> Pixels:
    return np.asarray(np.clip(samples, 0, 255), np.uint8)


def _copied(stem: Path, source: Path, rng: np.random.Generator) -> Path:
    """The file itself where it is to be a JPEG, else its pixels."""
    suffix = _suffix(rng)
    path = stem.with_name(f"{stem.name}-{source.stem}{suffix}")
    if suffix == ".jpg":
        shutil.copyfile(source, path)
    else:
        _save(path, _read(source), rng)
    return path


def _written(stem: Path, name: str, picture: Pixels, rng: np.random.Generator) -> Path:
    path = stem.with_name(f"{stem.name}-{name}{_suffix(rng)}")
    _save(path, picture, rng)
    return path


def _suffix(rng: np.random.Generator) -> str:
    return str(rng.choice(list(FORMATS), p=list(FORMATS.values())))


def _save(path: Path, picture: Pixels, rng: np.random.Generator) -> None:
    quality, is_progressive = int(rng.integers(75, 96)), bool(rng.random() < 0.15)
    settings: dict[str, Any] = {
        ".jpg": {"quality": quality, "progressive": is_progressive},
        ".png": {"compress_level": 3},
        ".webp": {"quality": quality, "method": 2},
    }
    Image.fromarray(np.ascontiguousarray(picture)).save(path, **settings[path.suffix])


def _one_of(paths: Sequence[Path], rng: np.random.Generator) -> Path:
    return paths[int(rng.integers(len(paths)))]


def _read(path: Path) -> Pixels:
    with Image.open(path) as opened:
        return np.asarray(opened.convert("RGB"))


@functools.cache
def _sample(name: str) -> Pixels:
    """A picture of scikit-image, RGB."""
    import skimage.data

    picture = np.asarray(getattr(skimage.data, name)(), np.uint8)
    return np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture[..., :3]


def _astronaut() -> Pixels:
    """The face of scikit-image's astronaut, with about the margins of LFW."""
    return _sample("astronaut")[0:250, 100:350]
