"""All attackers on all variants of the same photos, and what each variant gives beyond `solid`."""

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
        setting: One of `attack.SETTINGS`; raw photos are only held against raw ones.
        rank_1: Share of people who were named at the first guess.
        chance: What guessing gives there.
        auc: Area under the curve of telling pairs of one person from pairs of strangers; chance is 0.5.
        beyond_solid: The area minus that of `solid` with the same masks, over the same people; None for that itself.
        beyond_single: Of several copies: the area minus that of a single one.
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
    """Attacks.

    Args:
        variants: Raw first; each one's `solid` and `single` are among them.
        looks: By variant, of the same photos in the same order: those of `people`.
        people: Who the photos show.
        attackers: All of them.
        seed: Of equal likenesses and of the bootstrap. All attacks have the same draws of people.
        said: Is told what is being done.

    Returns:
        By attacker, setting and variant.
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
