"""Present a classifier's loss of accuracy by anonymization as statements, tables and figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import mean
from typing import Any

from anonymizer.audit.evidence import Evidence, Table
from anonymizer.lab.utility.arms import Arm
from anonymizer.lab.utility.course_network import BATCH_SIZE, SIDE_PX, Epoch, Score
from anonymizer.lab.utility.paired import Paired, paired
from anonymizer.lab.utility.samples import VALIDATION_SHARE, Cutting
from anonymizer.lab.utility.trainings import History, Schedule
from anonymizer.lab.utility.variants import RAW, Variants

TARGET_ACCURACY = 0.85

PAGE: Mapping[str, Mapping[str, float]] = {
    "before": {"training_accuracy": 0.92, "validation_accuracy": 0.88, "loss": 0.25},
    "after": {"training_accuracy": 0.895, "validation_accuracy": 0.867, "loss": 0.38},
}
"""The course page's results on its own photos; "after" is with blurred faces."""

IMAGENET_CHANGE_POINTS: Mapping[str, float] = {"blur": -0.66, "solid": -0.90}
"""Top-1 accuracy on ImageNet, mean over fifteen networks (Yang et al., A Study of Face Obfuscation in ImageNet, ICML
2022)."""

SAME_TITLE = "Trained and validated on the same variant"
RAW_TITLE = "Trained on anonymized photos, validated on raw ones"
CONTROL_TITLE = "Negative control: random labels"

Histories = Mapping[Arm, tuple[History, ...]]


@dataclass(frozen=True, slots=True)
class Measured:
    """The results of an evaluation.

    Attributes:
        variants: The crops used for training and validation.
        histories: One history per seed, by arm, including `Arm("raw")`.
        schedule: Seeds and epochs.
        cutting: How crops were made.
        masks: The source of the masks, as text.
        versions: Software versions.
    """

    variants: Variants
    histories: Histories
    schedule: Schedule
    cutting: Cutting
    masks: str
    versions: Mapping[str, str]

    def last(self, arm: Arm, seen: str | None = None) -> tuple[Score, ...]:
        """An arm's scores after the last epoch, one per seed: on the validation set `seen`, or in training (None)."""
        return tuple(_score(history[-1], seen) for history in self.histories[arm])

    def change(self, arm: Arm, seen: str) -> Paired:
        """Paired difference of an arm's validation accuracy to training and validation on raw, in percentage points."""
        pairs = zip(self.last(arm, seen), self.last(Arm(RAW), RAW), strict=True)
        return paired([100 * (one.accuracy - other.accuracy) for one, other in pairs], VALIDATION_SHARE)


def _score(epoch: Epoch, seen: str | None) -> Score:
    return epoch.training if seen is None else epoch.validation[seen]


def evidence(measured: Measured) -> Evidence:
    """Statements and tables for the report; they name classes and methods, but no keys, people or paths."""
    tables = [_same_table(measured)]
    if any(arm.method != RAW and not arm.control for arm in measured.histories):
        tables.append(_raw_table(measured))
    if any(arm.control for arm in measured.histories):
        tables.append(_control_table(measured))
    tables.append(_others_table())
    return Evidence("utility", _statements(measured), tuple(tables), _figures(measured))


def _plain(measured: Measured) -> list[Arm]:
    return [arm for arm in measured.histories if arm == Arm(arm.method)]


def _same_table(measured: Measured) -> Table:
    rows = []
    for arm in _plain(measured):
        change = measured.change(arm, arm.method)
        validation = measured.last(arm, arm.method)
        above = mean(score.accuracy for score in validation) > TARGET_ACCURACY
        rows.append(
            (
                arm.name,
                _percent(measured.last(arm)),
                _loss(measured.last(arm)),
                _percent(validation),
                _loss(validation),
                *(("", "") if arm.method == RAW else _changes(change)),
                "yes" if above else "no",
            )
        )
    columns = (
        "variant",
        "training accuracy %",
        "training loss",
        "validation accuracy % (min–max)",
        "validation loss",
        "change, points",
        "corrected",
        f"above {TARGET_ACCURACY:.0%}",
    )
    return Table(SAME_TITLE, _note(measured), columns, tuple(rows))


def _raw_table(measured: Measured) -> Table:
    rows = []
    for arm in measured.histories:
        if arm.control:
            continue
        on_raw = measured.last(arm, RAW)
        anonymized = arm.method == RAW
        rows.append(
            (
                arm.name,
                _percent(on_raw),
                _loss(on_raw),
                *(("", "") if arm == Arm(RAW) else _changes(measured.change(arm, RAW))),
                "" if anonymized else _percent(measured.last(arm, arm.method)),
            )
        )
    columns = (
        "trained on",
        "validation accuracy on raw % (min–max)",
        "validation loss",
        "change, points",
        "corrected",
        "on anonymized %",
    )
    return Table(RAW_TITLE, _note(measured), columns, tuple(rows))


def _control_table(measured: Measured) -> Table:
    rows = tuple(
        (arm.name, _percent(measured.last(arm)), _percent(measured.last(arm, arm.method)))
        for arm in measured.histories
        if arm.control
    )
    note = f"Chance is {1 / len(measured.variants.classes):.0%}. A higher accuracy would indicate a data leak."
    return Table(CONTROL_TITLE, note, ("variant", "training accuracy %", "validation accuracy % (min–max)"), rows)


def _others_table() -> Table:
    page = tuple(
        (
            f"the course page, {name}",
            f"{100 * row['training_accuracy']:.1f}",
            f"{100 * row['validation_accuracy']:.1f}",
            f"{row['loss']:.2f}",
            ""
            if name == "before"
            else f"{100 * (row['validation_accuracy'] - PAGE['before']['validation_accuracy']):+.1f}",
        )
        for name, row in PAGE.items()
    )
    study = tuple(
        (f"ImageNet, {name} (top-1, mean of 15 networks)", "", "", "", f"{change:+.2f}")
        for name, change in IMAGENET_CHANGE_POINTS.items()
    )
    columns = ("published result", "training accuracy %", "validation accuracy %", "loss", "change, points")
    return Table("Published results", "On other photos: for orientation, not for comparison.", columns, page + study)


def _note(measured: Measured) -> str:
    seeds, crops = measured.schedule.seeds, measured.variants.crops
    validating = round(VALIDATION_SHARE * len(crops))
    return (
        f"Means over {len(seeds)} seeds, each with its own split by photo and person, initial weights and batch order, "
        f"after {measured.schedule.epochs} epochs. Changes are paired by seed, ± half of Student's 95 % interval (it "
        "assumes independent seeds); corrected: for overlapping splits (Nadeau & Bengio). One of about "
        f"{validating} validation crops is {100 / validating:.1f} points. Masks: {measured.masks}."
    )


def _percent(scores: Sequence[Score]) -> str:
    values = [100 * score.accuracy for score in scores]
    return f"{mean(values):.1f} ({min(values):.1f}–{max(values):.1f})"


def _loss(scores: Sequence[Score]) -> str:
    return f"{mean(score.loss for score in scores):.3f}"


def _changes(change: Paired) -> tuple[str, str]:
    return f"{change.mean:+.1f} ± {change.half_width:.1f}", f"± {change.corrected_half_width:.1f}"


def _statements(measured: Measured) -> tuple[str, ...]:
    said = [_target_statement(measured)]
    redacted = [arm for arm in measured.histories if arm.method != RAW and not arm.control]
    plain = [arm for arm in redacted if arm == Arm(arm.method)]
    for arm in plain[:1]:
        same, raw = measured.change(arm, arm.method), measured.change(arm, RAW)
        said.append(
            f"Trained and validated on photos anonymized with {arm.method}, the network's validation accuracy changes "
            f"by {_said(same)} points against raw; trained on them and validated on raw photos, by {_said(raw)}."
        )
    helped = [arm for arm in redacted if arm not in plain]
    if helped:
        best = max(helped, key=lambda arm: measured.change(arm, RAW).mean)
        said.append(
            f"Among the remedies for networks that will be used on raw photos, {best.name} had the smallest loss: "
            f"{_said(measured.change(best, RAW))} points."
        )
    said.extend(
        f"With random labels ({arm.method}) validation accuracy is {_percent(measured.last(arm, arm.method))} %."
        for arm in measured.histories
        if arm.control
    )
    said.append("These results are for one small network on these photos; others will differ.")
    return tuple(said)


def _target_statement(measured: Measured) -> str:
    missed = [
        arm.name
        for arm in _plain(measured)
        if mean(score.accuracy for score in measured.last(arm, arm.method)) <= TARGET_ACCURACY
    ]
    if missed:
        return f"Validation accuracy is not above {TARGET_ACCURACY:.0%} on: {', '.join(missed)}."
    return f"Validation accuracy is above {TARGET_ACCURACY:.0%} on every variant, raw included."


def _said(change: Paired) -> str:
    return f"{change.mean:+.1f} ± {change.half_width:.1f}"


def _figures(measured: Measured) -> Mapping[str, Any]:
    variants = measured.variants
    groups = {crop.photo.group for crop in variants.crops}
    photos = {crop.photo.key for crop in variants.crops}
    return {
        "settings": {
            **asdict(measured.cutting),
            **asdict(measured.schedule),
            "side_px": SIDE_PX,
            "batch_size": BATCH_SIZE,
            "validation_share": VALIDATION_SHARE,
            "masks": measured.masks,
        },
        "counts": {
            "crops": len(variants.crops),
            "photos": len(photos),
            "groups": len(groups),
            "classes": {name: int((variants.labels == i).sum()) for i, name in enumerate(variants.classes)},
            "crops_with_faces": int(variants.has_face.sum()),
            "photos_redacted": variants.redacted,
            "refused": variants.refused,
        },
        "arms": [_arm_figures(measured, arm) for arm in measured.histories],
        "page": PAGE,
        "imagenet_change_points": IMAGENET_CHANGE_POINTS,
        "versions": measured.versions,
    }


def _arm_figures(measured: Measured, arm: Arm) -> Mapping[str, Any]:
    by_seed = zip(measured.schedule.seeds, measured.histories[arm], strict=True)
    change: Callable[[str], Mapping[str, float]] = lambda seen: asdict(measured.change(arm, seen))  # noqa: E731
    return {
        **asdict(arm),
        "name": arm.name,
        "change_points": {} if arm.control else {seen: change(seen) for seen in dict.fromkeys((RAW, arm.method))},
        "seeds": {str(seed): [asdict(epoch) for epoch in history] for seed, history in by_seed},
    }
