"""Every arm with every seed, on the same split; what a journal holds is not trained again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anonymizer.errors import ConfigError
from anonymizer.lab.utility import arms, trainings
from anonymizer.lab.utility.arms import Arm
from anonymizer.lab.utility.course_network import Epoch, Score, TrainingSet
from anonymizer.lab.utility.trainings import Journal, Schedule
from tests.lab.utility.crops import variants

ARMS = (Arm("raw"), Arm("smooth"), Arm("smooth", "decoys", 0.2))


class Network:
    """Remembers what it was given; its figures follow from it."""

    def __init__(self) -> None:
        self.seen: list[tuple[TrainingSet, int, int]] = []

    def __call__(self, photos: TrainingSet, epochs: int, seed: int) -> tuple[Epoch, ...]:
        self.seen.append((photos, epochs, seed))
        score = Score(len(self.seen) / 10, float(photos.training.pixels.mean()))
        return (Epoch(score, dict.fromkeys(photos.validation, score)),) * epochs


def test_all_arms_of_a_seed_share_the_split() -> None:
    network, lines = Network(), list[str]()
    found = trainings.train_all(variants(), ARMS, Schedule((42, 43), 2), network, Journal(None), lines.append)
    assert list(found) == list(ARMS)
    assert all(len(histories) == 2 and len(histories[0]) == 2 for histories in found.values())
    assert [seed for _, _, seed in network.seen] == [42] * 3 + [43] * 3
    first = [photos.validation["raw"] for photos, _, seed in network.seen if seed == 42]
    assert all(np.array_equal(part.labels, first[0].labels) for part in first)
    assert len(lines) == 6
    assert lines[1].startswith("seed 42: smooth: raw 0.200, smooth 0.200")


def test_a_journal_spares_what_is_done(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    first, again = Network(), Network()
    found = trainings.train_all(variants(), ARMS, Schedule((42,), 2), first, Journal(path))
    longer = trainings.train_all(variants(), ARMS, Schedule((42, 43), 2), again, Journal(path))
    assert [seed for _, _, seed in again.seen] == [43] * 3
    assert all(longer[arm][0] == found[arm][0] for arm in ARMS)
    assert "png" not in path.read_text()


@pytest.mark.parametrize("change", ["photos", "epochs"])
def test_other_photos_or_settings_are_trained_again(tmp_path: Path, change: str) -> None:
    path, again = tmp_path / "journal.jsonl", Network()
    trainings.train_all(variants(), ARMS[:1], Schedule((42,), 2), Network(), Journal(path))
    other = variants()
    if change == "photos":
        other.pixels["raw"] = other.pixels["raw"] + np.uint8(1)
    trainings.train_all(other, ARMS[:1], Schedule((42,), 3 if change == "epochs" else 2), again, Journal(path))
    assert len(again.seen) == 1


@pytest.mark.parametrize("line", ["no json", "{}", '{"training": "a", "epochs": [{"training": {}}]}', "[1]"])
def test_another_file_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "other"
    path.write_text(line + "\n")
    with pytest.raises(ConfigError, match="--journal"):
        Journal(path)


def test_every_arm_of_the_experiment_can_be_trained() -> None:
    everything = [*arms.plain(("smooth",)), *arms.remedies(("smooth",)), *arms.control(("smooth",))]
    found = trainings.train_all(variants(), everything, Schedule((1,), 1), Network(), Journal(None))
    assert len(found) == len(everything) == 2 + 9 + 2
