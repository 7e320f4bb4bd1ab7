"""Who is attacked: people with two labelled photos or more, and the folds that keep training and attack apart."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anonymizer.errors import UsageError

LEAST_PHOTOS = 2


@dataclass(frozen=True, slots=True)
class Labelled:
    """One row of the labels: a photo's key below RAW, and who its largest face is."""

    key: str
    identity: str


def read_labels(path: Path) -> tuple[Labelled, ...]:
    """The rows of a CSV with the columns `image` and `identity`; others are ignored.

    Raises:
        UsageError: There is no such file, a column is missing, a cell is empty, a photo is there twice or its key
            leads out of RAW.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if not {"image", "identity"} <= set(reader.fieldnames or ()):
                raise UsageError("--labels: the file needs the columns image and identity")
            rows = tuple(Labelled(row["image"] or "", row["identity"] or "") for row in reader)
    except (OSError, UnicodeDecodeError, csv.Error):
        raise UsageError("--labels: there is no readable CSV file at this path") from None
    for line, row in enumerate(rows, start=2):
        if not row.key or not row.identity:
            raise UsageError(f"--labels: a cell is empty in row {line}")
        if Path(row.key).is_absolute() or ".." in Path(row.key).parts:
            raise UsageError(f"--labels: the key in row {line} leads out of RAW")
    if len({row.key for row in rows}) < len(rows):
        raise UsageError("--labels: a photo is named twice")
    return rows


def drawn(labels: Sequence[Labelled], most_photos: int, most_people: int | None, seed: int) -> tuple[Labelled, ...]:
    """The photos that are used: of everybody with two or more, so many of each as are asked for, drawn by the seed.

    Args:
        labels: All that there are.
        most_photos: Of one person; few people have many photos, and they must not outweigh the others.
        most_people: Drawn by the seed as well; None = everybody.
        seed: Of both draws.

    Returns:
        Rows in the order of identities.
    """
    by_person: dict[str, list[Labelled]] = {}
    for row in sorted(labels, key=lambda row: row.key):
        by_person.setdefault(row.identity, []).append(row)
    several = [rows for _, rows in sorted(by_person.items()) if len(rows) >= LEAST_PHOTOS]
    generator = np.random.default_rng(seed)
    if most_people is not None and most_people < len(several):
        kept = generator.permutation(len(several))[:most_people]
        several = [several[index] for index in sorted(kept)]
    return tuple(rows[index] for rows in several for index in generator.permutation(len(rows))[:most_photos])


def folds(person_count: int, fold_count: int, seed: int) -> NDArray[np.intp]:
    """(P,) in which fold each person is attacked; in all others their photos train the attackers. Sizes differ by one.

    Raises:
        UsageError: There are fewer than three people for each fold: nobody could be mistaken for anybody else.
    """
    if person_count < 3 * fold_count:
        raise UsageError(
            f"{person_count} people have two usable photos or more; {fold_count} folds need {3 * fold_count}"
        )
    return np.random.default_rng(seed).permutation(person_count) % fold_count
