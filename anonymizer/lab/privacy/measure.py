"""Run a complete privacy evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anonymizer.config import DetectorConfig
from anonymizer.errors import UsageError
from anonymizer.image import detectors
from anonymizer.lab.privacy import again, attackers, experiment, looks, people, photos, recognizer, variants
from anonymizer.lab.privacy.attack import People
from anonymizer.lab.privacy.looks import Look
from anonymizer.lab.privacy.photos import Photo, Shot, Subjects
from anonymizer.lab.privacy.result import Measured
from anonymizer.lab.privacy.scores import Share
from anonymizer.lab.privacy.variants import DEFAULT, RAW, SOLID, Variant

Said = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The settings of an evaluation.

    Attributes:
        root: RAW, the folder of the raw photos.
        labels: CSV with `image` and `identity`.
        folders: Names and folders of runs' outputs.
        methods: See `variants.method`.
        copies: Near copies per photo, for the methods at default strength; 1 = no copies.
        detectors: Names of the detectors to run on redacted photos.
        weights: Weights file of yunet.
        recognizer: ONNX file of a face recogniser.
        folds: Number of folds (by person).
        photos_per_person: Maximum number of photos per person.
        people: Maximum number of people; None = all.
        seed: Seed of all random choices.
    """

    root: Path
    labels: Path
    folders: tuple[tuple[str, Path], ...] = ()
    methods: tuple[str, ...] = ()
    copies: int = 1
    detectors: tuple[str, ...] = ("centerface",)
    weights: Path | None = None
    recognizer: Path | None = None
    folds: int = 5
    photos_per_person: int = 6
    people: int | None = None
    seed: int = 42


def measure(plan: Plan, said: Said = lambda _: None) -> Measured:
    """Reads the photos, redacts them and runs the attacks.

    Args:
        plan: The settings.
        said: Called with progress messages.

    Raises:
        UsageError: An input of the plan is missing or unusable.
    """
    if not plan.root.is_dir():
        raise UsageError("RAW: there is no such folder")
    single = variants.chosen(plan.methods, plan.folders)
    several = variants.with_copies(single, plan.copies)
    eyes, all_attackers = _attackers(plan.recognizer)
    second = {name: _detector(name, plan.weights) for name in plan.detectors}
    finder = _detector("centerface", None)
    subjects = _subjects(plan, finder, said)
    copies, missed = _bursts(subjects, plan, finder, said)
    seen = _looks(subjects.photos, single, eyes, None, said) | _looks(subjects.photos, several, eyes, copies, said)
    kept = looks.used([look.usable for look in seen.values()], subjects.persons)
    used = [photo for photo, keep in zip(subjects.photos, kept, strict=True) if keep]
    shown = _people(used, plan)
    outcomes = experiment.run((*single, *several), _kept(seen, kept), shown, all_attackers, plan.seed, said)
    return Measured(
        outcomes=outcomes,
        photos=len(used),
        people=len(shown.fold),
        folds=plan.folds,
        refused=_refused(subjects, seen),
        missed_copies=missed,
        still=_still(used, single, second, said),
        rebuilt=_rebuilt(used, single),
    )


def _subjects(plan: Plan, finder: detectors.Detector, said: Said) -> Subjects:
    """The photos to attack, with their faces.

    Raises:
        UsageError: The photos cannot be read, or there are too few people.
    """
    labelled = people.drawn(people.read_labels(plan.labels), plan.photos_per_person, plan.people, plan.seed)
    said(f"looking for faces in {len(labelled)} photos")
    subjects = photos.read(plan.root, labelled, finder)
    people.folds(subjects.person_count, plan.folds, plan.seed)
    return subjects


def _people(used: Sequence[Photo], plan: Plan) -> People:
    """The people in the used photos, renumbered and assigned to folds."""
    _, person = np.unique([photo.person for photo in used], return_inverse=True)
    return People(person, people.folds(int(person.max(initial=-1)) + 1, plan.folds, plan.seed))


def _attackers(file: Path | None) -> tuple[dict[str, looks.Eye], tuple[attackers.Attacker, ...]]:
    if file is None:
        return dict(attackers.EYES), attackers.ATTACKERS
    try:
        network = recognizer.load(file.read_bytes())
    except OSError:
        raise UsageError("--recognizer: there is no readable file at this path") from None
    return {**attackers.EYES, recognizer.EYE: network}, (*attackers.ATTACKERS, *recognizer.ATTACKERS)


def _detector(name: str, weights: Path | None) -> detectors.Detector:
    config = DetectorConfig(name=name, weights=str(weights) if weights is not None and name == "yunet" else None)
    return detectors.make(config, detectors.load_weights(config, _read_weights))


def _read_weights(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        raise UsageError("--weights: there is no readable file at this path") from None


def _bursts(
    subjects: Subjects, plan: Plan, finder: detectors.Detector, said: Said
) -> tuple[list[list[Shot | None]], tuple[int, int]]:
    if plan.copies == 1:
        return [], (0, 0)
    said(f"making {plan.copies} copies of each photo")
    made = [
        photos.burst(photo.shot(), plan.copies, finder, plan.seed + index)
        for index, photo in enumerate(subjects.photos)
    ]
    return made, (sum(shot is None for burst in made for shot in burst), len(made) * (plan.copies - 1))


def _looks(
    of: Sequence[Photo],
    chosen: Sequence[Variant],
    eyes: Mapping[str, looks.Eye],
    copies: Sequence[Sequence[Shot | None]] | None,
    said: Said,
) -> dict[str, Look]:
    found = {}
    for variant in chosen:
        said(f"photos: {variant.name}")
        found[variant.name] = looks.look(of, variant, eyes, copies)
    return found


def _kept(seen: Mapping[str, Look], kept: NDArray[np.bool_]) -> dict[str, Look]:
    return {
        name: Look({eye: rows[kept] for eye, rows in look.features.items()}, look.usable[kept], look.refused)
        for name, look in seen.items()
    }


def _refused(subjects: Subjects, seen: Mapping[str, Look]) -> dict[str, dict[str, int]]:
    everywhere = {RAW: subjects.refused}
    everywhere.update({name: look.refused for name, look in seen.items() if name != RAW})
    return {name: codes for name, codes in everywhere.items() if codes}


def _still(
    used: Sequence[Photo], single: Sequence[Variant], second: Mapping[str, detectors.Detector], said: Said
) -> dict[str, dict[str, Share]]:
    shares: dict[str, dict[str, Share]] = {}
    for name, detector in second.items():
        said(f"detecting redacted faces with {name}")
        first = again.one_each(used)
        shares[name] = {variant.name: again.still_a_face(first, variant, detector) for variant in single}
    return shares


def _rebuilt(used: Sequence[Photo], single: Sequence[Variant]) -> tuple[int, int] | None:
    known = {variant.name: variant for variant in single}
    return again.rebuilt(used, known[SOLID], known[DEFAULT]) if DEFAULT in known else None
