"""What an arm changes: the training side, and nothing that is measured on."""

from __future__ import annotations

import numpy as np
import pytest

from anonymizer.errors import UsageError
from anonymizer.lab.utility import arms, samples
from anonymizer.lab.utility.arms import Arm, training_set
from anonymizer.lab.utility.course_network import TrainingSet
from tests.lab.utility.crops import (
    DECOYS_LEVEL,
    MASKS_LEVEL,
    RAW_DECOYS_LEVEL,
    RAW_LEVEL,
    SMOOTH_LEVEL,
    variants,
)

SEED = 3


def trained_on(arm: Arm, seed: int = SEED) -> TrainingSet:
    made = variants()
    return training_set(made, arm, samples.split(made.crops, seed), seed)


def levels(photos: TrainingSet, label: int) -> dict[int, int]:
    """How many training photos of a class have which level."""
    of_class = photos.training.pixels[photos.training.labels == label][:, 0, 0, 0]
    return dict(zip(*(part.tolist() for part in np.unique(of_class, return_counts=True)), strict=True))


class TestTrainingSide:
    def test_plain(self) -> None:
        photos = trained_on(Arm("smooth"))
        assert levels(photos, 0) == levels(photos, 1) == {SMOOTH_LEVEL: 16}

    @pytest.mark.parametrize(("decoys", "level"), [("decoys", DECOYS_LEVEL), ("masks", MASKS_LEVEL)])
    def test_decoys(self, decoys: arms.Decoys, level: int) -> None:
        photos = trained_on(Arm("smooth", decoys))
        assert levels(photos, 0) == levels(photos, 1) == {level: 16}

    @pytest.mark.parametrize(("share", "count"), [(0.05, 1), (0.2, 3), (1.0, 16)])
    def test_people_who_consented_stay_raw(self, share: float, count: int) -> None:
        photos = trained_on(Arm("smooth", consented=share))
        assert levels(photos, 0)[RAW_LEVEL] == count
        assert sum(levels(photos, 0).values()) == 16
        assert levels(photos, 1) == {SMOOTH_LEVEL: 16}

    def test_with_decoys_on_the_raw_ones_too(self) -> None:
        photos = trained_on(Arm("smooth", "decoys", 0.2))
        assert levels(photos, 0) == {DECOYS_LEVEL: 13, RAW_DECOYS_LEVEL: 3}

    def test_alone_are_repeated_so_that_classes_stay_equal(self) -> None:
        photos = trained_on(Arm("raw", consented=0.2, alone=True))
        assert levels(photos, 0) == levels(photos, 1) == {RAW_LEVEL: 16}
        made = variants()
        drawn = training_set(made, Arm("smooth", consented=0.2, alone=True), samples.split(made.crops, SEED), SEED)
        assert levels(drawn, 0) == {RAW_LEVEL: 16}

    def test_repeated_are_half_of_the_people(self) -> None:
        photos = trained_on(Arm("smooth", consented=0.2, repeated=True))
        assert levels(photos, 0) == {RAW_LEVEL: 8, SMOOTH_LEVEL: 8}
        assert levels(photos, 1) == {SMOOTH_LEVEL: 16}

    def test_who_consented_is_the_same_in_every_arm(self) -> None:
        made = variants()
        made.pixels["smooth"] = np.broadcast_to(
            100 + np.arange(40, dtype=np.uint8)[:, None, None, None], (40, 64, 64, 3)
        )
        made.pixels["smooth+masks"] = made.pixels["smooth"]
        parts = samples.split(made.crops, SEED)
        plain, masks = (
            training_set(made, Arm("smooth", kind, 0.2), parts, SEED).training.pixels[:, 0, 0, 0]
            for kind in ("", "masks")
        )
        assert np.array_equal(plain, masks)

    def test_a_variant_that_was_not_made_is_named(self) -> None:
        with pytest.raises(UsageError, match=r"'blur\+decoys'"):
            trained_on(Arm("blur", "decoys"))


@pytest.mark.parametrize("arm", [Arm("smooth"), *arms.remedies(("smooth",))], ids=lambda arm: arm.name)
def test_validation_is_the_same_untouched_photos(arm: Arm) -> None:
    made = variants()
    parts = samples.split(made.crops, SEED)
    measured = training_set(made, arm, parts, SEED).validation
    assert set(measured) == {"raw", arm.method}
    for name, part in measured.items():
        assert np.array_equal(part.pixels, made.pixels[name][parts.validation])
        assert np.array_equal(part.labels, made.labels[parts.validation])


def test_control_draws_labels_that_know_nothing() -> None:
    photos = trained_on(Arm("raw", control=True))
    made = variants()
    truth = made.labels[samples.split(made.crops, SEED).training]
    assert set(photos.training.labels.tolist()) == {0, 1}
    assert 0.2 < (photos.training.labels == truth).mean() < 0.8
    assert set(photos.validation["raw"].labels.tolist()) <= {0, 1}


def test_names_differ() -> None:
    methods = ("smooth", "blur")
    everything = [*arms.plain(methods), *arms.remedies(methods), *arms.control(methods)]
    assert len({arm.name for arm in everything}) == len(everything)
    assert [arm.name for arm in arms.plain(methods)] == ["raw", "smooth", "blur"]
    assert Arm("smooth", "decoys", 0.05).name == "smooth + decoys + 5% consented"
    assert Arm("raw", consented=0.2, alone=True).name == "raw + 20% consented alone"
    assert Arm("smooth", consented=0.2, repeated=True).name == "smooth + 20% consented, repeated"
