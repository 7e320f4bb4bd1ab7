"""Train all arms on all splits; a journal of finished trainings allows to resume after an interruption."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from anonymizer.errors import ConfigError
from anonymizer.lab.utility.arms import Arm, training_set
from anonymizer.lab.utility.course_network import Epoch, Labelled, Score, TrainingSet
from anonymizer.lab.utility.samples import split
from anonymizer.lab.utility.variants import Variants

History = tuple[Epoch, ...]
Train = Callable[[TrainingSet, int, int], History]
Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Seeds and epochs; each seed gives another split, other initial weights and another batch order."""

    seeds: tuple[int, ...]
    epochs: int


class Journal:
    """A file with one JSON line per finished training, keyed by a hash of its inputs; it contains metrics only."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._done: dict[str, History] = {}
        if path is not None and path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                self._done.update([_parsed(line)])

    def get(self, key: str) -> History | None:
        return self._done.get(key)

    def put(self, key: str, history: History) -> None:
        self._done[key] = history
        if self._path is not None:
            line = json.dumps({"training": key, "epochs": [asdict(epoch) for epoch in history]})
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")


def _parsed(line: str) -> tuple[str, History]:
    try:
        row = json.loads(line)
        return row["training"], tuple(
            Epoch(Score(**epoch["training"]), {name: Score(**score) for name, score in epoch["validation"].items()})
            for epoch in row["epochs"]
        )
    except (ValueError, KeyError, TypeError):
        raise ConfigError("--journal: the file is not one that this evaluation wrote") from None


def train_all(
    variants: Variants,
    arms: Iterable[Arm],
    schedule: Schedule,
    train: Train,
    journal: Journal,
    told: Told = lambda _: None,
) -> dict[Arm, tuple[History, ...]]:
    """Trains every arm with every seed; all arms of a seed share split, initial weights and batch order.

    Args:
        variants: All crops.
        arms: The arms.
        schedule: Seeds and epochs.
        train: The training function.
        journal: Trainings in the journal are not repeated.
        told: Called with a progress message after each training.

    Returns:
        One history per seed, by arm.
    """
    histories: dict[Arm, list[History]] = {arm: [] for arm in arms}
    for seed in schedule.seeds:
        parts = split(variants.crops, seed)
        for arm, done in histories.items():
            photos = training_set(variants, arm, parts, seed)
            key = _fingerprint(photos, schedule.epochs, seed)
            history = journal.get(key)
            if history is None:
                history = train(photos, schedule.epochs, seed)
                journal.put(key, history)
            done.append(history)
            last = ", ".join(f"{name} {score.accuracy:.3f}" for name, score in history[-1].validation.items())
            told(f"seed {seed}: {arm.name}: {last}")
    return {arm: tuple(done) for arm, done in histories.items()}


def _fingerprint(photos: TrainingSet, epochs: int, seed: int) -> str:
    """A hash of all inputs of a training, except library versions."""
    digest = hashlib.sha256(f"{epochs} {seed} {photos.class_count}".encode())
    named: Sequence[tuple[str, Labelled]] = [("", photos.training), *photos.validation.items()]
    for name, part in named:
        digest.update(f"{name} {part.pixels.shape}".encode())
        digest.update(part.pixels.tobytes())
        digest.update(part.labels.tobytes())
    return digest.hexdigest()
