"""Fit the weights of the detector's score calibration, and evaluate them by cross-validation."""

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
from anonymizer.image.detectors.centerface import calibration
from anonymizer.image.detectors.centerface.detector import SURE_SCORE, CenterFace, Scores
from anonymizer.image.detectors.centerface.passes import Pass, passes
from anonymizer.image.detectors.centerface.presets import PRESETS, search
from anonymizer.image.detectors.contract import LEAST_SIDE_PX
from infra.proof.detection.photos import LFW_STEP, Photo, fold, photos

Floats = NDArray[np.float64]

FOLDS = 5
#: A proposal is a labelled face from the first intersection over union (IoU) on. From the second IoU on, or if half of
#: it lies in a face to be ignored, it is left out of the fit.
_IS_FACE, _MAY_BE_FACE = 0.4, 0.2
#: False positives are weighted by area: one of a hundredth of the photo weighs four times as much as a tiny one.
_AREA_WEIGHT, _MOST_AREA = 300.0, 0.05
#: In `lfw` the person is in the middle: a box is their face if its centre is within this distance, in photo widths.
_MIDDLE = 0.12
_LOOKED_AT = 12


@dataclass(frozen=True, slots=True)
class Rows:
    """Proposals of one photo with one preset: features, truth (1 face, 0 none, -1 left out) and weights."""

    name: str
    features: Floats
    truth: NDArray[np.int8]
    weight: Floats


def logistic(features: Floats, truth: NDArray[np.int8], weight: Floats, ridge: float = 1.0) -> Floats:
    """Fits a logistic regression by Newton's method, with an L2 penalty on standardised features.

    Args:
        features: (N, K), the first column ones.
        truth: (N,) 0 or 1.
        weight: (N,).
        ridge: L2 penalty of all weights but the intercept.
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
    """(N,) 1 for a labelled face, 0 for none, -1 if undecided."""
    overlap, inside = geometry.iou(xyxy, photo.faces), geometry.inside_share(xyxy, photo.faces)
    counted = ~photo.ignored
    face = (overlap[:, counted] >= _IS_FACE).any(axis=1)
    left_open = (overlap >= _MAY_BE_FACE).any(axis=1) | (inside[:, photo.ignored] >= 0.5).any(axis=1)
    return np.where(face, 1, np.where(left_open, -1, 0)).astype(np.int8)


def centerface(config: DetectorConfig, weights: calibration.Weights = calibration.FITTED) -> CenterFace:
    """The default detector, optionally with other calibration weights."""
    network = detectors.load_weights(config, lambda path: Path(path).read_bytes())
    assert isinstance(network, bytes)  # noqa: S101 - it is one detector, and has a network
    return CenterFace(config, network, weights)


def proposals(detector: CenterFace, photo: Photo, scale: float) -> tuple[geometry.FloatBoxes, Scores, Scores]:
    """Boxes, the network's scores and the scale, from one pass over the whole photo."""
    height, width = photo.pixels.shape[:2]
    share = max(scale, LEAST_SIDE_PX / max(width, height))
    return detector.proposals(photo.pixels, (Pass(share, ((0, 0, width, height),)),))


def context_rows(folders: list[Path]) -> list[Rows]:
    """The calibration's training rows: every photo with every preset's precision and passes."""
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


def rescoring_rows(data: Path, context: Floats) -> list[Rows]:
    """The rescoring's training rows: proposals of photos without a confident detection."""
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
            calibrated = (1 / (1 + np.exp(-features @ context))).astype(np.float32)
            if calibrated.max() >= SURE_SCORE:
                continue
            chosen = np.argsort(-calibrated, kind="stable")[:_LOOKED_AT]
            looks = detector.crop_scores(photo.pixels, xyxy[chosen])
            truth = _in_the_middle(xyxy[chosen], photo) if folder.name == "lfw" else truth_of(xyxy[chosen], photo)
            rows = calibration.rescoring_features(looks, calibrated[chosen])
            found.append(Rows(photo.name, rows, truth, np.ones(len(chosen))))
    return found


def _in_the_middle(xyxy: geometry.FloatBoxes, photo: Photo) -> NDArray[np.int8]:
    height, width = photo.pixels.shape[:2]
    away = np.abs((xyxy[:, :2] + xyxy[:, 2:]) / 2 - np.array([width, height]) / 2).max(axis=1)
    return np.where(away < _MIDDLE * width, 1, 0).astype(np.int8)


def fitted(rows: list[Rows]) -> Floats:
    """Fits weights to all rows; a second fit of shift and slope without sample weights restores calibration."""
    features = np.concatenate([row.features for row in rows])
    truth = np.concatenate([row.truth for row in rows])
    weight = np.concatenate([row.weight for row in rows])
    known = truth >= 0
    first = logistic(features[known], truth[known], weight[known])
    raw = np.stack([np.ones(int(known.sum())), features[known] @ first], axis=1)
    shift, slope = logistic(raw, truth[known], np.ones(len(raw)), ridge=1e-6)
    return np.concatenate([[shift + slope * first[0]], slope * first[1:]])


def left_out(rows: list[Rows]) -> tuple[Floats, NDArray[np.int8]]:
    """(N,) cross-validated scores and the truth."""
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
    rows = context_rows([data / "wider_val", data / "nonface"])
    looks = rescoring_rows(data, fitted(rows))
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


def source(context: Floats, rescoring: Floats) -> str:
    """Source code of the module `anonymizer.image.detectors.centerface.coefficients`."""

    def numbers(values: Floats) -> str:
        return "(" + ", ".join(f"{value:.4f}" for value in values) + ")"

    return (
        '"""The fitted weights of the score calibration; generated by `python -m infra.proof.detection fit --write`."""'
        "\n\n"
        f"#: Logistic weights of `calibration.calibrate`.\nCONTEXT = {numbers(context)}\n\n"
        f"#: Logistic weights of `calibration.rescore`.\nRESCORING = {numbers(rescoring)}\n"
    )


def run(data: Path) -> str:
    """The module's text."""
    context = fitted(context_rows([data / "wider_val", data / "nonface"]))
    return source(context, fitted(rescoring_rows(data, context)))
