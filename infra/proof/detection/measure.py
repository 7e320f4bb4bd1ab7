"""What each preset finds, misses, covers without need, and costs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from anonymizer.config import DetectorConfig, Preset
from anonymizer.image import detectors, geometry
from anonymizer.image.detectors import calibration, weights
from anonymizer.image.detectors.centerface import CenterFace
from anonymizer.image.detectors.contract import Found
from anonymizer.records import Mask
from infra.proof.detection.fit import centerface, proposals
from infra.proof.detection.photos import LFW_STEP, Photo, fold, photos

#: As face_coverage.py counts: faces from this height on, of whose box at least this share is covered; and a margin
#: around every labelled face, in heights and widths, in which covering is no waste.
LEAST_FACE_PX, LEAST_SHARE, MARGIN = 20, 0.8, 0.225
_KINDS = ("occlusion", "pose", "illumination")


@dataclass(slots=True)
class Tally:
    """Counts over the photos of one set."""

    faces: int = 0
    covered: int = 0
    photos: int = 0
    touched: int = 0
    with_faces: int = 0
    complete: int = 0
    stray_px: int = 0
    all_px: int = 0
    cpu_s: float = 0.0
    pass_cpu_s: float = 0.0
    by_kind: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    @property
    def recall(self) -> float:
        return self.covered / max(1, self.faces)

    @property
    def outside(self) -> float:
        return self.stray_px / max(1, self.all_px)


def detector_of(config: DetectorConfig) -> detectors.Detector:
    """As a worker makes it."""
    return detectors.make(config, detectors.load_weights(config, _read))


def _read(path: str) -> bytes:
    return Path(path).read_bytes()


def mask_of(xyxy: geometry.FloatBoxes, photo: Photo, padding: float) -> Mask:
    """(H, W) bool, as the job redacts."""
    height, width = photo.pixels.shape[:2]
    return geometry.head_mask(geometry.round_outward(geometry.grow(xyxy, padding)), width, height, photo.grid)


def count(tally: Tally, photo: Photo, found: Found, padding: float) -> None:
    """Adds one photo."""
    mask = mask_of(found[0], photo, padding)
    near = np.zeros(mask.shape, bool)
    faces = covered = 0
    for (x1, y1, x2, y2), ignored, row in zip(photo.faces.tolist(), photo.ignored, photo.labels, strict=True):
        across, down = MARGIN * (x2 - x1), MARGIN * (y2 - y1)
        near[max(0, int(y1 - down)) : int(y2 + down) + 1, max(0, int(x1 - across)) : int(x2 + across) + 1] = True
        if ignored or y2 - y1 < LEAST_FACE_PX:
            continue
        part = mask[max(0, int(y1)) : int(y2) + 1, max(0, int(x1)) : int(x2) + 1]
        hit = bool(part.size) and float(part.mean()) >= LEAST_SHARE
        faces, covered = faces + 1, covered + hit
        for kind in _KINDS:
            if kind in row:
                sums = tally.by_kind.setdefault((kind, row[kind]), [0, 0])
                sums[0], sums[1] = sums[0] + 1, sums[1] + hit
    tally.faces, tally.covered = tally.faces + faces, tally.covered + covered
    tally.photos, tally.touched = tally.photos + 1, tally.touched + bool(len(found[0]))
    tally.with_faces, tally.complete = tally.with_faces + (faces > 0), tally.complete + (0 < faces == covered)
    tally.stray_px, tally.all_px = tally.stray_px + int((mask & ~near).sum()), tally.all_px + mask.size


def measured(detector: detectors.Detector, plain: CenterFace, photos: Iterator[Photo], padding: float) -> Tally:
    """Over all photos; CPU time beside that of one look of `plain` at 0.75 in the same process."""
    tally = Tally()
    for photo in photos:
        since = time.process_time()
        found = detector.detect(photo.pixels)
        middle = time.process_time()
        proposals(plain, photo, 0.75)
        tally.cpu_s += middle - since
        tally.pass_cpu_s += time.process_time() - middle
        count(tally, photo, found, padding)
    return tally


def turned_recall(detector: detectors.Detector, folder: Path) -> float:
    """Of the portraits whose face is found upright, the share found in all of the three other quarters (mean)."""
    found: dict[int, set[str]] = {}
    for turns in range(4):
        found[turns] = set()
        for photo in photos(folder, turns, LFW_STEP):
            boxes, _ = detector.detect(photo.pixels)
            middle = np.array(photo.pixels.shape[1::-1]) / 2
            away = np.abs((boxes[:, :2] + boxes[:, 2:]) / 2 - middle).max(axis=1)
            if len(away) and away.min() < 0.16 * photo.pixels.shape[1]:
                found[turns].add(photo.name)
    return float(np.mean([len(found[turns] & found[0]) / max(1, len(found[0])) for turns in (1, 2, 3)]))


@dataclass(frozen=True, slots=True)
class Measured:
    """One preset: its line of the table, and faces and finds by kind of label."""

    line: str
    by_kind: dict[tuple[str, str], list[int]]


def measured_preset(data: Path, preset: Preset) -> Measured:
    """All sets, in a process of its own."""
    cv2.setNumThreads(1)
    config = DetectorConfig(preset=preset)
    detector = detector_of(config)
    plain = CenterFace(config, weights.cleaned(weights.centerface(None, _read)))
    wider, masked, others = (
        measured(detector, plain, photos(data / name), config.padding) for name in ("wider_val", "mask853", "nonface")
    )
    line = (
        f"| {preset} | {wider.covered}/{wider.faces} = {wider.recall:.4f} | {wider.outside:.2%} "
        f"| {wider.complete / max(1, wider.with_faces):.1%} | {masked.recall:.4f} "
        f"| {others.touched} of {others.photos} = {others.touched / max(1, others.photos):.1%} "
        f"| {turned_recall(detector, data / 'lfw'):.4f} | {wider.cpu_s / wider.pass_cpu_s:.2f} |"
    )
    return Measured(line, wider.by_kind)


def table(data: Path, presets: tuple[Preset, ...]) -> str:
    """Markdown; presets are measured side by side, on a CPU each."""
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        futures = {preset: pool.submit(measured_preset, data, preset) for preset in presets}
        found = {preset: future.result() for preset, future in futures.items()}
    lines = [
        "| preset | `wider_val`: faces ≥ 20 px covered | outside | photos complete | `mask853` | `nonface` touched "
        "| `lfw` turned | cost |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
        *(one.line for one in found.values()),
    ]
    return "\n".join(lines) + "\n\n" + _by_kind({preset: one.by_kind for preset, one in found.items()})


def crossed_preset(data: Path, preset: Preset, folded: Sequence[calibration.Weights]) -> str:
    """A line of the table of photos that the fit has not seen, in a process of its own."""
    cv2.setNumThreads(1)
    config = DetectorConfig(preset=preset)
    parts = [centerface(config, weights) for weights in folded]
    tallies = []
    for name in ("wider_val", "nonface"):
        tally = Tally()
        for photo in photos(data / name):
            count(tally, photo, parts[fold(photo.name, len(parts))].detect(photo.pixels), config.padding)
        tallies.append(tally)
    wider, others = tallies
    return (
        f"| {preset} | {wider.covered}/{wider.faces} = {wider.recall:.4f} | {wider.outside:.2%} "
        f"| {wider.complete / max(1, wider.with_faces):.1%} "
        f"| {others.touched} of {others.photos} = {others.touched / max(1, others.photos):.1%} |"
    )


def crossed(data: Path, presets: tuple[Preset, ...], folded: Sequence[calibration.Weights]) -> str:
    """Markdown: every photo with the weights of a fit that knew nothing of it.

    Args:
        data: Folder of the labelled sets.
        presets: See `detector.preset`.
        folded: What `fit.folded` gave.
    """
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        lines = list(pool.map(crossed_preset, repeat(data), presets, repeat(folded)))
    head = "| preset | `wider_val`: faces ≥ 20 px covered | outside | photos complete | `nonface` touched |"
    return "\n".join([head, "|---|---:|---:|---:|---:|", *lines])


def _by_kind(kinds: Mapping[Preset, Mapping[tuple[str, str], list[int]]]) -> str:
    lines = ["| of `wider_val`'s faces | number | " + " | ".join(kinds) + " |", "|---|---:|" + "---:|" * len(kinds)]
    for key in sorted({key for found in kinds.values() for key in found}):
        cells = [f"{found[key][1] / max(1, found[key][0]):.3f}" for found in kinds.values()]
        number = max(found[key][0] for found in kinds.values())
        lines.append(f"| {key[0]} {key[1]} | {number} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
