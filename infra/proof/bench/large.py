"""Part h: this job against deface on photographs of twelve megapixels, composed of labelled photos at original size."""

from __future__ import annotations

import csv
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from anonymizer.pipeline import Anonymizer
from anonymizer.records import NO_CONSENT
from infra.proof.bench import rivals
from infra.proof.bench.figures import Figure, at_most, ratios

SIDES_PX = (4096, 3072)
SHEETS = 8
MIN_FACE_PX = 40
_GAP_PX = 16
_GREY = 127


def sheets(labels: Path, folder: Path) -> tuple[list[Path], Path]:
    """Composes large photos of labelled ones, evenly chosen, row by row.

    Args:
        labels: CSV of true faces (`image,x,y,w,h,...`), beside the photos.
        folder: Is made.

    Returns:
        The sheets and the CSV of their faces.
    """
    folder.mkdir(parents=True)
    with labels.open(newline="") as handle:
        faces: dict[str, list[dict[str, str]]] = {}
        for row in csv.DictReader(handle):
            faces.setdefault(row["image"], []).append(row)
    names = sorted(faces, key=lambda name: (sum(map(ord, name)) % 97, name))  # Photos beside each other are alike.
    made, rows = [], []
    photos = _decoded(labels.parent, names)
    for number in range(SHEETS):
        sheet = np.full((SIDES_PX[1], SIDES_PX[0], 3), _GREY, np.uint8)
        name = f"sheet{number}.jpg"
        for photo, x, y in _placed(photos):
            picture, image = photo
            height, width = picture.shape[:2]
            sheet[y : y + height, x : x + width] = picture
            rows += [
                face | {"image": name, "x": float(face["x"]) + x, "y": float(face["y"]) + y} for face in faces[image]
            ]
        path = folder / f"{number:05d}-{name}"
        cv2.imwrite(str(path), sheet, [cv2.IMWRITE_JPEG_QUALITY, 92])
        made.append(path)
    written = folder.parent / f"{folder.name}.csv"
    with written.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return made, written


def _decoded(folder: Path, names: Sequence[str]) -> Iterator[tuple[np.ndarray, str]]:
    for name in names:
        picture = cv2.imread(str(folder / name))
        if picture is not None and picture.shape[0] <= SIDES_PX[1] // 2 and picture.shape[1] <= SIDES_PX[0] // 2:
            yield picture, name


def _placed(photos: Iterator[tuple[np.ndarray, str]]) -> Iterator[tuple[tuple[np.ndarray, str], int, int]]:
    """Yields photos with the position of their upper left corner, until a sheet is full."""
    x = y = row = 0
    for photo in photos:
        height, width = photo[0].shape[:2]
        if x + width > SIDES_PX[0]:
            x, y, row = 0, y + row + _GAP_PX, 0
        if y + height > SIDES_PX[1]:
            return
        yield photo, x, y
        x, row = x + width + _GAP_PX, max(row, height)


def against_deface(
    photos: Sequence[Path], labels: Path, command: Path, presets: Sequence[str], rounds: int
) -> list[Figure]:
    """Seconds per photo of deface with its defaults (all cores) and of this job on one core, and the faces each covers.

    Args:
        photos: See `sheets`.
        labels: CSV of their faces.
        command: The `deface` command.
        presets: Values of `detector.preset`.
        rounds: Number of timing rounds.
    """
    faces = rivals.labelled(labels, photos, MIN_FACE_PX)
    theirs_s: list[float] = []
    ours_s: dict[str, list[float]] = {preset: [] for preset in presets}
    made = {preset: Anonymizer({"detector": {"preset": preset}}) for preset in presets}
    with tempfile.TemporaryDirectory(dir=photos[0].parent.parent) as temporary:
        scratch = Path(temporary)
        for index in range(rounds):
            theirs_s.append(1 / min_rate(photos, scratch / f"theirs-{index}", command))
            for preset, anonymize in made.items():
                ours_s[preset].append(_median_s(anonymize, photos))
        theirs = rivals.covered(faces, rivals.deface_coloured(photos, scratch / "coloured", command))
        found = [
            Figure(
                "h",
                f"`{preset}`, one core, against the faster deface's time",
                ratios(ours_s[preset], theirs_s),
                "",
                at_most(0.1),
            )
            for preset in presets
        ]
        found.append(Figure("h", "deface at its defaults, all cores", tuple(theirs_s), "s"))
        total = sum(map(len, faces.values()))
        found.append(Figure("h", f"of {total} faces from {MIN_FACE_PX} px on: deface covers", (len(theirs),), ""))
        for preset in presets:
            ours = rivals.covered(faces, _coloured(preset, photos, scratch / preset))
            found.append(Figure("h", f"`{preset}` covers", (len(ours),), ""))
            found.append(Figure("h", f"`{preset}` loses of those that deface covers", (len(theirs - ours),), ""))
    return found


def min_rate(photos: Sequence[Path], folder: Path, command: Path) -> float:
    """Photos per second of the faster deface."""
    return max(rivals.rate(photos, folder / backend, command, backend) for backend in rivals.BACKENDS)


def _median_s(anonymize: Anonymizer, photos: Sequence[Path]) -> float:
    seconds = []
    for path in photos:
        data = path.read_bytes()
        began = time.perf_counter()
        anonymize(data, NO_CONSENT)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def _coloured(preset: str, photos: Sequence[Path], folder: Path) -> dict[str, Path]:
    folder.mkdir()
    settings = {"detector": {"preset": preset}, "redaction": {"method": "solid", "fill": "#ff00ff"}}
    anonymize = Anonymizer(settings)
    for path in photos:
        (folder / path.name).write_bytes(anonymize(path.read_bytes(), NO_CONSENT).data)
    return {path.name: folder / path.name for path in photos}
