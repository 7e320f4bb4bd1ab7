"""Fits the coefficients of the detectors' calibration, and tells what they are worth on photos left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonymizer.config import DetectorConfig
from anonymizer.image import detectors, geometry
from anonymizer.image.detectors import calibration
from anonymizer.image.detectors.centerface import SURE_SCORE, CenterFace, Scores
from anonymizer.image.detectors.contract import LEAST_SIDE_PX
from anonymizer.image.detectors.passes import Pass, passes
from anonymizer.image.detectors.presets import PRESETS, search
from infra.proof.detection.photos import LFW_STEP, Photo, fold, photos

Floats = NDArray[np.float64]

FOLDS = 5
#: A proposal is a face that is labelled from the first overlap (intersection over union) on; from the second on, and
#: where it lies half in a face that is to be ignored, it is left out of the fit.
_IS_FACE, _MAY_BE_FACE = 0.4, 0.2
#: A false alarm costs what it covers: one of a hundredth of the photo weighs four times as much as a speck.
_AREA_WEIGHT, _MOST_AREA = 300.0, 0.05
#: `lfw` shows its person in the middle: a box whose centre lies this near, in widths of the photo, is their face.
_MIDDLE = 0.12
_LOOKED_AT = 12


@dataclass(frozen=True, slots=True)
class Rows:
    """Proposals of one photo as one preset makes them: features, whether a face (1, 0, or -1: left out), weight."""

    name: str
    features: Floats
    truth: NDArray[np.int8]
    weight: Floats


def logistic(features: Floats, truth: NDArray[np.int8], weight: Floats, ridge: float = 1.0) -> Floats:
    """Weights of a logistic regression by Newton's method, with a ridge on standardised features.

    Args:
        features: (N, K), the first column ones.
        truth: (N,) 0 or 1.
        weight: (N,).
        ridge: Of all weights but the first.
    """
    middle, spread = features.mean(axis=0), features.std(axis=0) + 1e-9
    middle[0], spread[0] = 0, 1
    scaled = (features - middle) / spread
    penalty = np.diag([0.0] + [ridge] * (features.shape[1] - 1)) + 1e-9 * np.eye(features.shape[1])
    beta = np.zeros(features.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-scaled @ beta))
        slope = scaled.T @ (weight * (truth - chance)) - penalty @ beta
        curve = (scaled * (weight * chance * (1 - chance))[:, None]).T @ scaled + penalty
        step = np.linalg.solve(curve, slope)
        beta += step
        if np.abs(step).max() < 1e-8:
            break
    found = beta / spread
    found[0] = beta[0] - (beta * middle / spread)[1:].sum()
    return np.asarray(found)


def truth_of(xyxy: geometry.FloatBoxes, photo: Photo) -> NDArray[np.int8]:
    """(N,) 1 for a labelled face, 0 for none, -1 where the labels leave it open."""
    overlap, inside = geometry.iou(xyxy, photo.faces), geometry.inside_share(xyxy, photo.faces)
    counted = ~photo.ignored
    face = (overlap[:, counted] >= _IS_FACE).any(axis=1)
    left_open = (overlap >= _MAY_BE_FACE).any(axis=1) | (inside[:, photo.ignored] >= 0.5).any(axis=1)
    return np.where(face, 1, np.where(left_open, -1, 0)).astype(np.int8)


def centerface(config: DetectorConfig, weights: calibration.Weights = calibration.FITTED) -> CenterFace:
    """The default detector as a worker makes it, perhaps with other weights of its scores."""
    network = detectors.load_weights(config, lambda path: Path(path).read_bytes())
    assert isinstance(network, bytes)  # noqa: S101 - it is one detector, and has a network
    return CenterFace(config, network, weights)


def proposals(detector: CenterFace, photo: Photo, scale: float) -> tuple[geometry.FloatBoxes, Scores, Scores]:
    """Boxes, the network's scores and working pixels per pixel, of one look at the whole photo."""
    height, width = photo.pixels.shape[:2]
    share = max(scale, LEAST_SIDE_PX / max(width, height))
    return detector.proposals(photo.pixels, (Pass(share, ((0, 0, width, height),)),))


def company_rows(folders: list[Path]) -> list[Rows]:
    """Every photo as every preset looks at it, with the numbers and the passes that it has."""
    found = []
    for preset in PRESETS:
        config = DetectorConfig(preset=preset)
        detector = centerface(config)
        for folder in folders:
            for photo in photos(folder):
                height, width = photo.pixels.shape[:2]
                planned = passes(width, height, search(config))
                xyxy, score, share = detector.proposals(photo.pixels, planned)
                truth = truth_of(xyxy, photo)
                covered = np.minimum(geometry.area(xyxy) / (width * height), _MOST_AREA)
                weight = 1 + _AREA_WEIGHT * np.where(truth == 0, covered, 0)
                found.append(Rows(photo.name, calibration.features(xyxy, score, share), truth, weight))
    return found


def look_rows(data: Path, company: Floats) -> list[Rows]:
    """Doubtful proposals of photos without a sure face: turned portraits, and photos without a human."""
    found = []
    detector = centerface(DetectorConfig())
    sources = [(data / "lfw", turns, LFW_STEP) for turns in (1, 2, 3)] + [
        (data / "nonface", 0, 1),
        (data / "wider_val", 0, 1),
    ]
    for folder, turns, step in sources:
        for photo in photos(folder, turns, step):
            xyxy, score, share = proposals(detector, photo, 0.75)
            if not len(xyxy):
                continue
            features = calibration.features(xyxy, score, share)
            calibrated = (1 / (1 + np.exp(-features @ company))).astype(np.float32)
            if calibrated.max() >= SURE_SCORE:
                continue
            chosen = np.argsort(-calibrated, kind="stable")[:_LOOKED_AT]
            looks = detector.looks(photo.pixels, xyxy[chosen])
            truth = _in_the_middle(xyxy[chosen], photo) if folder.name == "lfw" else truth_of(xyxy[chosen], photo)
            rows = calibration.look_features(looks, calibrated[chosen])
            found.append(Rows(photo.name, rows, truth, np.ones(len(chosen))))
    return found


def _in_the_middle(xyxy: geometry.FloatBoxes, photo: Photo) -> NDArray[np.int8]:
    height, width = photo.pixels.shape[:2]
    away = np.abs((xyxy[:, :2] + xyxy[:, 2:]) / 2 - np.array([width, height]) / 2).max(axis=1)
    return np.where(away < _MIDDLE * width, 1, 0).astype(np.int8)


def fitted(rows: list[Rows]) -> Floats:
    """Weights over all rows; with unequal weights made probabilities again by a second fit of shift and slope."""
    features = np.concatenate([row.features for row in rows])
    truth = np.concatenate([row.truth for row in rows])
    weight = np.concatenate([row.weight for row in rows])
    known = truth >= 0
    first = logistic(features[known], truth[known], weight[known])
    raw = np.stack([np.ones(int(known.sum())), features[known] @ first], axis=1)
    shift, slope = logistic(raw, truth[known], np.ones(len(raw)), ridge=1e-6)
    return np.concatenate([[shift + slope * first[0]], slope * first[1:]])


def left_out(rows: list[Rows]) -> tuple[Floats, NDArray[np.int8]]:
    """(N,) scores, each by a fit that knew nothing of its photo, and the truth."""
    scores, truths = [], []
    for part in range(FOLDS):
        weights = fitted([row for row in rows if fold(row.name, FOLDS) != part])
        for row in rows:
            if fold(row.name, FOLDS) == part:
                known = row.truth >= 0
                scores.append(1 / (1 + np.exp(-row.features[known] @ weights)))
                truths.append(row.truth[known])
    return np.concatenate(scores), np.concatenate(truths)


def crossed(data: Path) -> tuple[list[calibration.Weights], dict[str, Any]]:
    """A cross-validation: for each part what a fit gives that knew none of its photos, and what those scores are worth.

    Which proposals are looked at again is decided by the fit of all: only their weights are left out.

    Returns:
        Weights of each part, and what `reliability` gives.
    """
    rows = company_rows([data / "wider_val", data / "nonface"])
    looks = look_rows(data, fitted(rows))
    found = []
    for part in range(FOLDS):
        parts = [fitted([row for row in of if fold(row.name, FOLDS) != part]) for of in (rows, looks)]
        found.append(calibration.Weights(*(tuple(part.tolist()) for part in parts)))
    return found, reliability(*left_out(rows))


def reliability(scores: Floats, truth: NDArray[np.int8]) -> dict[str, Any]:
    """How often a box of a score is a face: by range of scores the boxes, their mean score, and the share of faces."""
    edges = (0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0)
    found = {}
    for low, high in pairwise(edges):
        there = (scores >= low) & (scores <= high if high == 1 else scores < high)
        if there.any():
            mean, share = float(scores[there].mean()), float(truth[there].mean())
            found[f"scores.{low:.2f}-{high:.2f}"] = [int(there.sum()), round(mean, 3), round(share, 3)]
    return found


def reliability_table(values: Mapping[str, Any]) -> str:
    """Markdown: a line for each range of scores."""
    lines = ["| score | boxes | mean score | are faces |", "|---|---:|---:|---:|"]
    for name, one in values.items():
        if name.startswith("scores."):
            boxes, mean, share = one
            lines.append(f"| {name.removeprefix('scores.')} | {boxes:,} | {mean:.3f} | {share:.3f} |")
    return "\n".join(lines)


def source(company: Floats, look: Floats) -> str:
    """The module `anonymizer.image.detectors.coefficients`."""

    def numbers(values: Floats) -> str:
        return "(" + ", ".join(f"{value:.4f}" for value in values) + ")"

    return (
        '"""Written by `python -m infra.proof.detection fit --write`; not by hand."""\n\n'
        f"#: Logistic weights of `calibration.company`.\nCOMPANY = {numbers(company)}\n\n"
        f"#: Logistic weights of `calibration.looked_at`.\nSECOND_LOOK = {numbers(look)}\n"
    )


def run(data: Path) -> str:
    """The module's text."""
    company = fitted(company_rows([data / "wider_val", data / "nonface"]))
    return source(company, fitted(look_rows(data, company)))
