"""Provide the photographs for all parts: given ones, or synthetic ones with a face in every second picture."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2

SIDES_PX = (512, 900, 1200)
"""Longer sides of the synthetic photos."""


def gather(source: Path | None, folder: Path, count: int) -> list[Path]:
    """Fills a folder with photos, named so that their order is independent of the scenes.

    Args:
        source: A folder with JPEG files at any depth, which are repeated if there are fewer than `count`; None =
            synthetic photos.
        folder: The folder to create.
        count: Number of photos.

    Returns:
        Their paths, sorted.

    Raises:
        FileNotFoundError: `source` holds no JPEG.
    """
    folder.mkdir(parents=True)
    if source is None:
        _make_up(folder, count)
    else:
        found = sorted(source.rglob("*.jp*g"))
        if not found:
            raise FileNotFoundError(source)
        # Evenly spread: photos beside each other in a data set are alike.
        chosen = [found[index * len(found) // count] for index in range(count)]
        for index, path in enumerate(chosen):
            shutil.copyfile(path, folder / f"{index:05d}-{path.name}")
    return sorted(folder.iterdir())


def _make_up(folder: Path, count: int) -> None:
    import skimage.data

    scenes = [skimage.data.astronaut(), skimage.data.coffee(), skimage.data.astronaut(), skimage.data.rocket()]
    for index in range(count):
        picture = scenes[index % len(scenes)][..., ::-1]
        if index // len(scenes) % 2:
            picture = picture[:, ::-1]
        factor = SIDES_PX[index % len(SIDES_PX)] / max(picture.shape)
        resized = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(folder / f"{index:05d}.jpg"), resized, [cv2.IMWRITE_JPEG_QUALITY, 90])
