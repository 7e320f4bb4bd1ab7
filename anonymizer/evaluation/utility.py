"""What anonymization costs a classifier: the course page's experiment, for every redaction method.

The same network is trained on the raw photos and on each anonymized variant of the same photos, with the same split
and the same initial weights, so that only the preprocessing differs. Nothing here writes a photo anywhere.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymizer import codec
from anonymizer.config import CodecConfig
from anonymizer.errors import ObjectError, UsageError
from anonymizer.evaluation.course_network import SIDE_PX, Epoch, TrainingSet
from anonymizer.records import AnonymizedImage, Pixels

RAW = "raw"
VALIDATION_SHARE = 0.2
TARGET_ACCURACY = 0.85
SCHEMA_VERSION = 1

PAGE: Mapping[str, Mapping[str, float]] = {
    "before": {"training_accuracy": 0.92, "validation_accuracy": 0.88, "loss": 0.25},
    "after": {"training_accuracy": 0.895, "validation_accuracy": 0.867, "loss": 0.38},
}
"""The course page's own figures, on its own photos; "after" is with blurred faces."""

Anonymize = Callable[[bytes], AnonymizedImage]
Train = Callable[[TrainingSet, int, int], tuple[Epoch, ...]]


@dataclass(frozen=True, slots=True)
class Plan:
    """The settings of one evaluation; `limit_per_class` None = all photos."""

    methods: tuple[str, ...]
    epochs: int
    seed: int
    limit_per_class: int | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A folder per class: sorted class names, sorted keys (`class/…/name`) and the class index of each key."""

    root: Path
    classes: tuple[str, ...]
    keys: tuple[str, ...]
    labels: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Variants:
    """All photos that every method accepted, in every variant.

    Attributes:
        pixels: By variant (`raw` and each method): (N, 64, 64, 3) uint8 RGB.
        labels: (N,) int64 class indices.
        statuses: By method, then class name: how many photos came out as `anonymized`, `no_face`, `retained`.
        refused: Photos left out of all variants, by the error code of their first refusal.
    """

    pixels: dict[str, NDArray[np.uint8]]
    labels: NDArray[np.int64]
    statuses: dict[str, dict[str, dict[str, int]]]
    refused: dict[str, int]


def list_photos(root: Path, plan: Plan) -> Listing:
    """Lists the files below each class folder, in the order of their keys; links are not followed.

    With `limit_per_class` so many of each class are drawn by the seed, not taken from the alphabet's beginning.

    Raises:
        UsageError: There is no such folder, or it does not hold at least two class folders with files.
    """
    if not root.is_dir():
        raise UsageError("DATA is a folder with one folder per class")
    found = {folder.name: sorted(_keys_below(root, folder)) for folder in root.iterdir() if _is_class(folder)}
    classes = tuple(sorted(name for name, keys in found.items() if keys))
    if len(classes) < 2:
        raise UsageError(f"DATA holds {len(classes)} class folders with files; at least 2 are needed")
    limited = {name: _drawn(found[name], plan) for name in classes}
    rows = sorted((key, classes.index(name)) for name in classes for key in limited[name])
    return Listing(root, classes, tuple(key for key, _ in rows), tuple(label for _, label in rows))


def _is_class(folder: Path) -> bool:
    return folder.is_dir() and not folder.is_symlink()


def _keys_below(root: Path, folder: Path) -> Iterator[str]:
    for parent, _, names in os.walk(folder, followlinks=False):
        for path in (Path(parent, name) for name in names):
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(root).as_posix()


def _drawn(keys: Sequence[str], plan: Plan) -> list[str]:
    if plan.limit_per_class is None:
        return list(keys)
    order = np.random.RandomState(plan.seed).permutation(len(keys))
    return [keys[index] for index in order[: plan.limit_per_class]]


def split(count: int, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Training and validation indices of `count` sorted photos; not stratified, as on the page.

    `RandomState(seed).permutation`, of which the first `ceil(0.2 * count)` validate: the very indices of
    scikit-learn's `train_test_split(test_size=0.2, random_state=seed)`.
    """
    order = np.random.RandomState(seed).permutation(count)
    validation_count = math.ceil(VALIDATION_SHARE * count)
    return order[validation_count:], order[:validation_count]


def network_input(data: bytes) -> Pixels:
    """One file as the network sees it: the upright first frame, shrunk (by area) to 64 × 64, RGB.

    Returns:
        (64, 64, 3) uint8; gray pictures have three equal channels, alpha is ignored.

    Raises:
        ObjectError: The file cannot be decoded.
    """
    pixels = codec.decode(data, CodecConfig()).frames[0].pixels
    small = cv2.resize(pixels, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    colour = small if small.ndim == 3 else np.repeat(small[:, :, None], 3, axis=2)
    return np.ascontiguousarray(colour, dtype=np.uint8)


def make_variants(listing: Listing, anonymizers: Mapping[str, Anonymize]) -> Variants:
    """Reads every photo once and makes every variant of it.

    A photo that any anonymizer refuses is left out of all variants, `raw` included: the networks have to learn from
    the same photos.

    Raises:
        UsageError: So many photos were refused that a class has none left.
    """
    pixels: dict[str, list[Pixels]] = {name: [] for name in (RAW, *anonymizers)}
    statuses = {method: {name: Counter[str]() for name in listing.classes} for method in anonymizers}
    refused: Counter[str] = Counter()
    labels: list[int] = []
    for key, label in zip(listing.keys, listing.labels, strict=True):
        data = (listing.root / key).read_bytes()
        try:
            made = {method: anonymize(data) for method, anonymize in anonymizers.items()}
            small = {RAW: network_input(data)} | {method: network_input(image.data) for method, image in made.items()}
        except ObjectError as error:
            refused[error.code] += 1
            continue
        labels.append(label)
        for name, variant in small.items():
            pixels[name].append(variant)
        for method, image in made.items():
            statuses[method][listing.classes[label]][image.status] += 1
    _require_all_classes(listing, labels, refused)
    return Variants(
        {name: np.stack(rows) for name, rows in pixels.items()},
        np.asarray(labels, dtype=np.int64),
        {method: {name: dict(sorted(c.items())) for name, c in rows.items()} for method, rows in statuses.items()},
        dict(sorted(refused.items())),
    )


def _require_all_classes(listing: Listing, labels: Sequence[int], refused: Mapping[str, int]) -> None:
    for index, name in enumerate(listing.classes):
        if index not in labels:
            codes = ", ".join(f"{code} {count}" for code, count in sorted(refused.items()))
            raise UsageError(f"no photo of class {name!r} is left (refused: {codes or 'none'})")


def train_all(listing: Listing, variants: Variants, plan: Plan, train: Train) -> dict[str, tuple[Epoch, ...]]:
    """Trains one network per variant, all with the same split, the same seed and hence the same initial weights."""
    training, validation = split(len(variants.labels), plan.seed)
    return {
        name: train(
            TrainingSet(pixels, variants.labels, training, validation, len(listing.classes)), plan.epochs, plan.seed
        )
        for name, pixels in variants.pixels.items()
    }


def result(listing: Listing, variants: Variants, plan: Plan, histories: Mapping[str, tuple[Epoch, ...]]) -> Any:
    """Everything that was measured, ready for JSON; holds class names, but no key and no path."""
    training, validation = split(len(variants.labels), plan.seed)
    return {
        "schema_version": SCHEMA_VERSION,
        "settings": {
            "methods": list(plan.methods),
            "epochs": plan.epochs,
            "limit_per_class": plan.limit_per_class,
            "side_px": SIDE_PX,
            "validation_share": VALIDATION_SHARE,
        },
        "seed": plan.seed,
        "counts": {
            "listed": len(listing.keys),
            "refused": sum(variants.refused.values()),
            "used": len(variants.labels),
            "training": len(training),
            "validation": len(validation),
            "classes": {name: int((variants.labels == i).sum()) for i, name in enumerate(listing.classes)},
        },
        "refused": variants.refused,
        "variants": [
            {
                "name": name,
                **asdict(history[-1]),
                "above_target": history[-1].validation_accuracy > TARGET_ACCURACY,
                "statuses": variants.statuses.get(name, {}),
                "epochs": [asdict(epoch) for epoch in history],
            }
            for name, history in histories.items()
        ],
        "page": {**PAGE, "target_validation_accuracy": TARGET_ACCURACY},
    }


def table(measured: Any) -> str:
    """The page's figures and ours, as lines for a terminal.

    Args:
        measured: What `result` gave.
    """
    counts = measured["counts"]
    used = ", ".join(f"{name} {count}" for name, count in counts["classes"].items())
    lines = [
        f"{counts['listed']} photos listed, {counts['refused']} refused, {counts['used']} used ({used})",
        *(f"  refused: {code} {count}" for code, count in measured["refused"].items()),
        f"{counts['training']} for training, {counts['validation']} for validation "
        f"(one photo = {100 / counts['validation']:.1f} points), seed {measured['seed']}",
        f"{'':22}{'train acc %':>12}{'val acc %':>12}{'val loss':>10}{'change':>9}   above {TARGET_ACCURACY:.0%}",
    ]
    before = measured["variants"][0]["validation_accuracy"]
    lines.extend(
        _table_line(row["name"], row, row["validation_loss"], row["validation_accuracy"] - before)
        for row in measured["variants"]
    )
    lines.append("the course page, its own photos:")
    page_change = PAGE["after"]["validation_accuracy"] - PAGE["before"]["validation_accuracy"]
    lines.append(_table_line("  page, before", PAGE["before"], PAGE["before"]["loss"], 0.0))
    lines.append(_table_line("  page, after blur", PAGE["after"], PAGE["after"]["loss"], page_change))
    return "\n".join(lines)


def _table_line(label: str, row: Mapping[str, Any], loss: float, change: float) -> str:
    accuracies = f"{100 * row['training_accuracy']:12.1f}{100 * row['validation_accuracy']:12.1f}"
    verdict = "yes" if row["validation_accuracy"] > TARGET_ACCURACY else "no"
    return f"{label:22}{accuracies}{loss:10.3f}{100 * change:+9.1f}   {verdict}"
