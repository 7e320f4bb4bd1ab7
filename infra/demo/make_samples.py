"""Write the demo's input: a small, mixed photo folder and a consent registry beside it.

python infra/demo/make_samples.py FOLDER      FOLDER/... and FOLDER's neighbour consent.csv
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable
from pathlib import Path

import scenes
from PIL import Image
from telltale import XMP, exif, png_text

ASTRONAUT = "portraits/astronaut.jpg"
WITHDRAWN = "portraits/withdrawn.jpg"
PHOTOGRAPHER = "portraits/photographer.jpg"
LAWN = "groups/lawn.jpg"
GALLERY = "groups/gallery.jpg"

REGISTRY_COLUMNS = (
    *("key", "status", "record_id", "subject_id", "valid_from", "valid_until"),
    *("x", "y", "w", "h", "width", "height"),
)


def write_samples(folder: Path) -> None:
    """Writes every sample below `folder` (made if absent)."""
    for key, make in SAMPLES.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(make())


def write_registry(path: Path) -> None:
    """Writes a consent registry with rows for four of the samples.

    One person granted consent, one granted and withdrew it, one refused, and one of three people on a photo granted it
    for the region that shows them.
    """
    background, prints = scenes.lawn()
    x, y, w, h = prints[0].region
    window = {"valid_from": "2024-01-01", "valid_until": ""}
    rows = [
        {"key": ASTRONAUT, "status": "granted", "record_id": "c-001", "subject_id": "p-1", **window},
        {"key": WITHDRAWN, "status": "granted", "record_id": "c-002", "subject_id": "p-2", **window},
        {"key": WITHDRAWN, "status": "withdrawn", "record_id": "c-003", "subject_id": "p-2"},
        {"key": PHOTOGRAPHER, "status": "denied", "record_id": "c-004", "subject_id": "p-3"},
        {"key": LAWN, "status": "granted", "record_id": "c-005", "subject_id": "p-4", **window}
        | {"x": x, "y": y, "w": w, "h": h, "width": background.shape[1], "height": background.shape[0]},
    ]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, REGISTRY_COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(rows)


def gallery_jpeg() -> bytes:
    """The group photo that the README shows."""
    return _jpeg(scenes.gallery()[0], thumbnail=True, xmp=True)


def _jpeg(pixels: scenes.Pixels, *, orientation: int | None = 1, thumbnail: bool = False, xmp: bool = False) -> bytes:
    """A JPEG file; `orientation` None = without any metadata."""
    picture = Image.fromarray(pixels)
    extra: dict[str, bytes] = {}
    if orientation is not None:
        extra["exif"] = exif(picture if thumbnail else None, orientation)
    if xmp:
        extra["xmp"] = XMP
    return _saved(picture, "JPEG", quality=88, **extra)


def _sideways() -> bytes:
    """As stored by a camera that was held upright: rotated by 90° counter-clockwise, orientation 6."""
    upright = Image.fromarray(scenes.enlarged(scenes.mirrored(scenes.astronaut()), 1.2)[:, 60:520])
    stored = upright.transpose(Image.Transpose.ROTATE_90)
    return _saved(stored, "JPEG", quality=88, exif=exif(stored, 6))


def _animation() -> bytes:
    """A GIF animation of two frames, each with a face."""
    first = Image.fromarray(scenes.portrait()).convert("P")
    second = Image.fromarray(scenes.mirrored(scenes.portrait())).convert("P")
    return _saved(first, "GIF", save_all=True, append_images=[second], duration=400)


def _truncated() -> bytes:
    """A truncated JPEG, as from an interrupted upload."""
    whole = gallery_jpeg()
    return whole[: len(whole) * 2 // 3]


def _saved(picture: Image.Image, image_format: str, **options: object) -> bytes:
    target = io.BytesIO()
    picture.save(target, image_format, **options)
    return target.getvalue()


SAMPLES: dict[str, Callable[[], bytes]] = {
    "animals/cat.jpg": lambda: _jpeg(scenes.still("chelsea"), thumbnail=True),
    GALLERY: gallery_jpeg,
    LAWN: lambda: _jpeg(scenes.lawn()[0], thumbnail=True),
    "groups/path.webp": lambda: _saved(Image.fromarray(scenes.gravel_path()), "WEBP", quality=85, exif=exif(), xmp=XMP),
    "groups/print.png": lambda: _saved(Image.fromarray(scenes.coffee_table()), "PNG", pnginfo=png_text()),
    "odd/animation.gif": _animation,
    "odd/notes.txt": lambda: b"Names of the people in the pictures: see the other folder.\n",
    "odd/truncated.jpg": _truncated,
    "places/coffee.jpg": lambda: _jpeg(scenes.still("coffee"), thumbnail=True),
    "places/rocket.jpg": lambda: _jpeg(scenes.still("rocket"), thumbnail=True, xmp=True),
    ASTRONAUT: lambda: _jpeg(scenes.astronaut(), thumbnail=True, xmp=True),
    PHOTOGRAPHER: lambda: _jpeg(scenes.photographer(), orientation=None),
    "portraits/scan.bmp": lambda: _saved(Image.fromarray(scenes.warm(scenes.portrait())), "BMP"),
    "portraits/sideways.jpg": _sideways,
    WITHDRAWN: lambda: _jpeg(scenes.mirrored(scenes.warm(scenes.astronaut())), thumbnail=True),
}
"""Function that makes each sample, by key."""


if __name__ == "__main__":
    target = Path(sys.argv[1])
    write_samples(target)
    write_registry(target.parent / "consent.csv")
