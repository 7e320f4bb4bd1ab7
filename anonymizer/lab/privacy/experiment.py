"""Run all attackers on all variants of the same photos, and compare each variant with `solid`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonymizer.lab.privacy import attack, scores
from anonymizer.lab.privacy.attack import AGAINST_RAW, SETTINGS, People
from anonymizer.lab.privacy.attackers import Attacker
from anonymizer.lab.privacy.features import Floats
from anonymizer.lab.privacy.looks import Look
from anonymizer.lab.privacy.scores import Share
from anonymizer.lab.privacy.variants import RAW, Variant


@dataclass(frozen=True, slots=True)
class Outcome:
    """One attack on one variant.

    Attributes:
        variant: Its name.
        attacker: Its name.
        setting: One of `attack.SETTINGS`; raw probes have a raw gallery only.
        rank_1: Rank-1 identification rate by person.
        chance: Rank-1 rate of random guessing.
        auc: Area under the ROC curve for verification (same person or different people); chance is 0.5.
        beyond_solid: Difference of the AUC to that of `solid` with the same masks and people; None for `solid` itself.
        beyond_single: With several copies of each photo: difference of the AUC to that with one copy.
    """

    variant: str
    attacker: str
    setting: str
    rank_1: Share
    chance: float
    auc: Share
    beyond_solid: Share | None = None
    beyond_single: Share | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Attacked:
    rank_1: Share
    chance: float
    area: float
    drawn: NDArray[np.float64]


def run(
    variants: Sequence[Variant],
    looks: Mapping[str, Look],
    people: People,
    attackers: Sequence[Attacker],
    seed: int,
    said: Callable[[str], None] = lambda _: None,
) -> tuple[Outcome, ...]:
    """Runs all attacks.

    Args:
        variants: The variants, raw first; each one's `solid` and `single` are among them.
        looks: Features by variant, for the same photos in the order of `people`.
        people: The people in the photos.
        attackers: The attackers.
        seed: For ties and for the bootstrap. All attacks use the same bootstrap samples of people.
        said: Called with progress messages.

    Returns:
        Outcomes ordered by attacker, setting and variant.
    """
    outcomes: list[Outcome] = []
    for attacker in attackers:
        for setting in SETTINGS:
            said(f"{attacker.name}, {setting}")
            attacked = {
                variant.name: _attacked(looks, variant.name, people, attacker, (setting, seed))
                for variant in variants
                if variant.name != RAW or setting == AGAINST_RAW
            }
            outcomes.extend(
                _outcome(variant, attacker, setting, attacked) for variant in variants if variant.name in attacked
            )
    return tuple(outcomes)


def _attacked(
    looks: Mapping[str, Look], name: str, people: People, attacker: Attacker, how: tuple[str, int]
) -> _Attacked:
    setting, seed = how
    probe = _floats(looks[name], attacker)
    raw = setting == AGAINST_RAW and name != RAW
    folds = attack.attack(people, attacker, probe, _floats(looks[RAW], attacker) if raw else probe)
    rank_1, chance = scores.rank_1(folds, seed)
    verification = scores.Verification(folds)
    drawn = verification.areas(scores.draws_by_person(folds, scores.DRAWS, seed))
    return _Attacked(rank_1, chance, verification.area(), drawn)


def _floats(look: Look, attacker: Attacker) -> Floats:
    return look.features[attacker.eye].astype(np.float32)


def _outcome(variant: Variant, attacker: Attacker, setting: str, attacked: Mapping[str, _Attacked]) -> Outcome:
    own = attacked[variant.name]
    return Outcome(
        variant.name,
        attacker.name,
        setting,
        own.rank_1,
        own.chance,
        scores.interval(own.area, own.drawn),
        beyond_solid=_beyond(own, attacked[variant.solid]) if variant.name not in (variant.solid, RAW) else None,
        beyond_single=_beyond(own, attacked[variant.single]) if variant.single is not None else None,
    )


def _beyond(own: _Attacked, other: _Attacked) -> Share:
    return scores.interval(own.area - other.area, own.drawn - other.drawn)
