"""Define the arms of the experiment: how training photos are processed. Validation photos are the same in all arms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from anonymizer.errors import UsageError
from anonymizer.lab.utility.course_network import Labelled, TrainingSet
from anonymizer.lab.utility.samples import Split
from anonymizer.lab.utility.variants import RAW, Variants

SHARES = (0.05, 0.2)
"""Shares of people with consent."""

Decoys = Literal["", "decoys", "masks"]


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm.

    Attributes:
        method: Variant of the training photos, or `raw`.
        decoys: `decoys`: redactions at random places in the photos of all classes. `masks`: redactions at the places of
            other photos' faces.
        consented: Share of people whose photos stay raw.
        alone: Leave out people without consent.
        repeated: Repeat consented photos until they are half of the photos of people.
        control: Random labels in training and validation (negative control).
    """

    method: str
    decoys: Decoys = ""
    consented: float = 0.0
    alone: bool = False
    repeated: bool = False
    control: bool = False

    @property
    def name(self) -> str:
        """Name in tables and journals."""
        parts = [self.method]
        if self.control:
            parts.append("random labels")
        if self.decoys:
            parts.append(self.decoys)
        if self.consented:
            repeated = ", repeated" if self.repeated else ""
            parts.append(f"{self.consented:.0%} consented{' alone' if self.alone else repeated}")
        return " + ".join(parts)


def training_set(variants: Variants, arm: Arm, split: Split, seed: int) -> TrainingSet:
    """Makes an arm's training data, with the same validation crops for every arm.

    Args:
        variants: All crops.
        arm: The arm.
        split: The split of the crops.
        seed: Selects the people with consent.

    Raises:
        UsageError: The variant was not made.
    """
    random = np.random.RandomState(seed)
    consented = _consented(variants, split, arm.consented, random)
    rows = _rows(variants, arm, split.training, consented, random)
    redacted = _pixels(variants, f"{arm.method}+{arm.decoys}" if arm.decoys else arm.method)
    kept = _pixels(variants, f"{RAW}+decoys:{arm.method}" if arm.decoys == "decoys" else RAW)
    pixels = np.where(consented[rows][:, None, None, None], kept[rows], redacted[rows])
    labels = _random_labels(variants, random) if arm.control else variants.labels
    measured = dict.fromkeys((RAW, arm.method))
    validating = split.validation
    return TrainingSet(
        Labelled(pixels, labels[rows]),
        {name: Labelled(variants.pixels[name][validating], labels[validating]) for name in measured},
        len(variants.classes),
    )


def _pixels(variants: Variants, name: str) -> NDArray[np.uint8]:
    if name not in variants.pixels:
        raise UsageError(f"the variant {name!r} was not made")
    return variants.pixels[name]


def _consented(variants: Variants, split: Split, share: float, random: np.random.RandomState) -> NDArray[np.bool_]:
    """(N,) bool: crops of people with consent, which covers all photos of a person."""
    chosen = np.zeros(len(variants.crops), bool)
    if not share:
        return chosen
    groups = sorted({variants.crops[index].photo.group for index in split.training if variants.has_face[index]})
    count = max(1, round(share * len(groups)))
    drawn = {groups[index] for index in random.permutation(len(groups))[:count]}
    return np.array([crop.photo.group in drawn for crop in variants.crops])


def _rows(
    variants: Variants,
    arm: Arm,
    training: NDArray[np.intp],
    consented: NDArray[np.bool_],
    random: np.random.RandomState,
) -> NDArray[np.intp]:
    """Indices of training crops; `alone` and `repeated` keep the class sizes by repeating crops."""
    if not (arm.alone or arm.repeated):
        return training
    of_consented = training[consented[training]]
    others = training[~consented[training]]
    parts = []
    for label in range(len(variants.classes)):
        in_class = others[variants.labels[others] == label]
        known = of_consented[variants.labels[of_consented] == label]
        if not len(known):
            parts.append(in_class)
            continue
        wanted = len(in_class) + len(known)
        kept = np.setdiff1d(in_class, in_class[variants.has_face[in_class]]) if arm.alone else in_class
        half = wanted - len(kept) if arm.alone else wanted // 2
        parts.append(
            np.concatenate([np.resize(random.permutation(known), half), random.permutation(kept)[: wanted - half]])
        )
    return np.concatenate(parts).astype(np.intp)


def _random_labels(variants: Variants, random: np.random.RandomState) -> NDArray[np.int64]:
    return random.randint(0, len(variants.classes), len(variants.crops)).astype(np.int64)


def plain(methods: Sequence[str]) -> Iterator[Arm]:
    """The arms without remedies: raw and each variant."""
    yield from (Arm(method) for method in (RAW, *methods))


def remedies(methods: Sequence[str]) -> Iterator[Arm]:
    """Arms with remedies for networks that will be used on raw photos; the first method gets additional ones."""
    for share in SHARES:
        yield Arm(RAW, consented=share, alone=True)
    for index, method in enumerate(methods):
        yield Arm(method, "decoys")
        yield from (Arm(method, consented=share) for share in SHARES)
        if index == 0:
            yield from (Arm(method, consented=share, repeated=True) for share in SHARES)
            yield Arm(method, "masks")
            yield Arm(method, "decoys", SHARES[-1])


def control(methods: Sequence[str]) -> Iterator[Arm]:
    """Negative controls with random labels."""
    yield from (Arm(method, control=True) for method in (RAW, *methods[:1]))
