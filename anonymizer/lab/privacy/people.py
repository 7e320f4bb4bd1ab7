"""Select the people to attack (with two labelled photos or more) and assign them to folds."""

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
    """One row of the labels: a photo's key below RAW, and the identity of its largest face."""

    key: str
    identity: str


def read_labels(path: Path) -> tuple[Labelled, ...]:
    """Reads a CSV with the columns `image` and `identity`; other columns are ignored.

    Raises:
        UsageError: The file or a column is missing, a cell is empty, a photo is listed twice or its key leads out of
            RAW.
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
    """Draws a random sample of the photos of people who have at least two.

    Args:
        labels: All labelled photos.
        most_photos: Maximum number of photos per person, so that people with many photos do not dominate.
        most_people: Maximum number of people; None = all.
        seed: Seed of the sample.

    Returns:
        The sampled rows, ordered by identity.
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
    """(P,) the fold in which each person is attacked; in the others they are in training. Sizes differ by at most one.

    Raises:
        UsageError: There are fewer than three people per fold.
    """
    if person_count < 3 * fold_count:
        raise UsageError(
            f"{person_count} people have two usable photos or more; {fold_count} folds need {3 * fold_count}"
        )
    return np.random.default_rng(seed).permutation(person_count) % fold_count
