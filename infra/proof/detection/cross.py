"""The presets with every photo scored by a fit that knew nothing of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2

from anonymizer.config import DetectorConfig, Preset
from anonymizer.image.detectors.centerface import calibration
from infra.docs.generate.figures import FORMS
from infra.proof.detection import shares
from infra.proof.detection.fit import centerface
from infra.proof.detection.photos import fold, photos
from infra.proof.detection.seen import Seen, judged


def measured(data: Path, presets: Sequence[Preset], folded: Sequence[calibration.Weights]) -> dict[str, Any]:
    """Figures by name (`wider_val.balanced.recall20`); presets side by side, on a CPU each.

    Args:
        data: Folder of the labelled sets.
        presets: See `detector.preset`.
        folded: What `fit.folded` gave.
    """
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        found = pool.map(crossed_preset, repeat(data), presets, repeat(folded))
        return {name: value for values in found for name, value in values.items()}


def crossed_preset(data: Path, preset: Preset, folded: Sequence[calibration.Weights]) -> dict[str, Any]:
    """Those of one preset, in a process of its own."""
    cv2.setNumThreads(1)
    config = DetectorConfig(preset=preset)
    parts = [centerface(config, weights) for weights in folded]

    def seen(name: str) -> list[Seen]:
        return [
            judged(photo, parts[fold(photo.name, len(parts))].detect(photo.pixels)[0], config.padding)
            for photo in photos(data / name)
        ]

    wider, nobody = seen("wider_val"), seen("nonface")
    return {
        f"wider_val.{preset}.recall20": shares.of_faces(shares.covered(wider)),
        f"wider_val.{preset}.complete": shares.complete(wider),
        f"wider_val.{preset}.outside": round(shares.outside(wider), 5),
        f"nonface.{preset}.touched": shares.touched(nobody),
    }


def table(values: Mapping[str, Any]) -> str:
    """Markdown: a line for each preset."""
    lines = [
        "| preset | `wider_val`: faces ≥ 20 px covered | photos complete | outside | `nonface` touched |",
        "|---|---:|---:|---:|---:|",
    ]
    presets = [name.split(".")[1] for name in values if name.endswith(".recall20")]
    for preset in presets:
        recall, touched = values[f"wider_val.{preset}.recall20"], values[f"nonface.{preset}.touched"]
        cells = [
            f"{FORMS['counts'](recall)} = {FORMS['plain'](recall)}",
            FORMS["plain"](values[f"wider_val.{preset}.complete"]),
            FORMS["percent"](values[f"wider_val.{preset}.outside"]),
            f"{FORMS['counts'](touched)} = {FORMS['plain'](touched)}",
        ]
        lines.append(f"| {preset} | {' | '.join(cells)} |")
    return "\n".join(lines)
