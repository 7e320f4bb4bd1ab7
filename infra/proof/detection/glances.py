"""What glances would rule out if every box were looked at in full: the evidence for `crop_rescoring.GLANCES`.

Each doubtful box of the labelled photographs gets all glances and the full second look. A glance's *shortfall* is how
far its logit lies below the logit of the look that would lift the box over the threshold. The margin of a glance must
be larger than the shortfall of every box that its full look lifts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymizer.config import DetectorConfig, Preset
from anonymizer.image.detectors.centerface import calibration
from anonymizer.image.detectors.centerface.crop_rescoring import FULL, GLANCES, STRONGEST, TURNS
from anonymizer.image.detectors.centerface.detector import to_rescore
from anonymizer.image.detectors.centerface.passes import passes
from anonymizer.image.detectors.centerface.presets import search
from infra.proof.detection.fit import centerface
from infra.proof.detection.photos import LFW_STEP, photos

NOBODY = "nonface"
SETS = (NOBODY, "wider_val", "wider_events", "mask853", "mask_wearing149", "lfw@90", "lfw@180", "lfw@270")


@dataclass(frozen=True, slots=True)
class Looked:
    """The doubtful boxes of one photo, the strongest first.

    Attributes:
        folder: Name of the set.
        lifted: (N,) whether the full look lifts the box over the threshold.
        shortfalls: (N, G) of each glance.
    """

    folder: str
    lifted: NDArray[np.bool_]
    shortfalls: NDArray[np.float64]


def measured(data: Path, presets: Sequence[Preset]) -> dict[str, Any]:
    """Figures by name (`balanced.lifted`); presets side by side, on a CPU each.

    Args:
        data: Folder of the labelled sets.
        presets: See `detector.preset`.
    """
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        found = pool.map(_of_preset, repeat(data), presets)
        return {
            f"{preset}.{name}": value for preset, values in zip(presets, found, strict=True) for name, value in values
        }


def _of_preset(data: Path, preset: Preset) -> list[tuple[str, Any]]:
    cv2.setNumThreads(1)
    return list(figures(list(looked(data, DetectorConfig(preset=preset), SETS))))


def looked(data: Path, config: DetectorConfig, names: Iterable[str]) -> Iterator[Looked]:
    """Every photo of these sets that has doubtful boxes."""
    detector, how = centerface(config), search(config)
    least = max(how.min_score, how.lone_score)
    for name in names:
        folder, _, degrees = name.partition("@")
        for photo in photos(data / folder, int(degrees or 0) // 90, LFW_STEP if folder == "lfw" else 1):
            height, width = photo.pixels.shape[:2]
            xyxy, score, share = detector.proposals(photo.pixels, passes(width, height, how))
            calibrated = calibration.calibrate(xyxy, score, share)
            doubtful = to_rescore(calibrated, how)
            if not len(doubtful):
                continue
            boxes, before = xyxy[doubtful], calibrated[doubtful]
            needed = needed_logits(before, least)
            full = calibration.logit(detector.crop_scores(photo.pixels, boxes))
            glances = [calibration.logit(detector.glance_scores(photo.pixels, boxes, one.crop)) for one in GLANCES]
            shortfalls = needed[:, None] - np.stack(glances, axis=1)
            yield Looked(name, full >= needed, shortfalls)


def needed_logits(
    calibrated: NDArray[np.float32], least: float, weights: calibration.Weights = calibration.FITTED
) -> NDArray[np.float64]:
    """(N,) logits of the looks that give boxes the score `least`; the inverse of `calibration.rescore`."""
    intercept, of_look, of_score = weights.rescoring
    wanted = calibration.logit(np.array([least], np.float32))
    return np.asarray((wanted - intercept - of_score * calibration.logit(calibrated)) / of_look)


def passed(one: Looked, margins: Sequence[float]) -> NDArray[np.bool_]:
    """(N, G) which boxes are left after each glance, as the detector looks at them."""
    left = np.logical_and.accumulate(one.shortfalls <= np.array(margins), axis=1)
    if not left[:STRONGEST, -1].any():
        left[STRONGEST:] = False
    return left


def figures(all_looked: Sequence[Looked]) -> Iterator[tuple[str, Any]]:
    """Name and value of each figure of one preset."""
    margins = [one.margin for one in GLANCES]
    left = [passed(one, margins)[:, -1] for one in all_looked]
    yield "boxes", sum(len(one.lifted) for one in all_looked)
    yield "lifted", sum(int(one.lifted.sum()) for one in all_looked)
    yield "lost", sum(int((one.lifted & ~there).sum()) for one, there in zip(all_looked, left, strict=True))
    for glance, worst in zip(GLANCES, _largest(all_looked).tolist(), strict=True):
        yield f"shortfall.{glance.crop.side_px}", round(worst, 2)
    nobody = [one for one in all_looked if one.folder == NOBODY]
    yield "nobody.boxes", sum(len(one.lifted) for one in nobody)
    seen, full = sum(_pixels(one, margins) for one in nobody), sum(_full_pixels(len(one.lifted)) for one in nobody)
    yield "nobody.pixels", round(seen / max(1, full), 3)


def _largest(some: Iterable[Looked]) -> NDArray[np.float64]:
    """(G,) largest shortfall of a lifted box at each glance; 0 if there is none."""
    lifted = np.concatenate([np.zeros((1, len(GLANCES))), *(one.shortfalls[one.lifted] for one in some)])
    return np.asarray(lifted.max(axis=0))


def _full_pixels(boxes: int) -> int:
    """Pixels that the network sees of boxes looked at in full: in all turns and mirrored (not every box needs that)."""
    return boxes * (TURNS + 1) * FULL.side_px**2


def _pixels(one: Looked, margins: Sequence[float]) -> int:
    """Pixels that it sees of a photo's boxes, glances first."""
    left = passed(one, margins)
    first = len(left) if left[:STRONGEST, -1].any() else min(STRONGEST, len(left))
    before = [first, *left[:first, :-1].sum(axis=0).tolist()]
    glances = sum(count * TURNS * each.crop.side_px**2 for count, each in zip(before, GLANCES, strict=True))
    return int(glances) + _full_pixels(int(left[:, -1].sum()))


def table(values: Mapping[str, Any]) -> str:
    """Markdown: a line for each preset."""
    sides = [one.crop.side_px for one in GLANCES]
    heads = " | ".join(f"largest shortfall at {one.crop.side_px} px (margin {one.margin})" for one in GLANCES)
    lines = [
        f"| preset | doubtful boxes | lifted by the full look | of these ruled out | {heads} "
        "| pixels looked at in `nonface` |",
        "|---|---:|---:|---:|" + "---:|" * len(sides) + "---:|",
    ]
    for preset in [name.partition(".")[0] for name in values if name.endswith(".lifted")]:
        counts = [f"{values[f'{preset}.{name}']:,}" for name in ("boxes", "lifted", "lost")]
        worst = [f"{values[f'{preset}.shortfall.{side}']:.2f}" for side in sides]
        pixels = f"{values[f'{preset}.nobody.pixels']:.1%}".replace("%", " %")
        lines.append(f"| {preset} | {' | '.join([*counts, *worst, pixels])} |")
    return "\n".join(lines)
