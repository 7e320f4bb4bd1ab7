"""Present the results of the attacks as statements, tables and figures, without names of people and photos."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

from anonymizer.audit.evidence import Evidence, Table
from anonymizer.lab.privacy.attack import AGAINST_RAW, SETTINGS
from anonymizer.lab.privacy.experiment import Outcome
from anonymizer.lab.privacy.scores import Share
from anonymizer.lab.privacy.variants import DEFAULT

#: Maximum AUC difference between the default method and `solid` that counts as equivalent.
MARGIN = 0.05


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything that was measured.

    Attributes:
        outcomes: See `Outcome`.
        photos: Number of photos used.
        people: Number of people in them.
        folds: Number of folds.
        refused: Number of photos left out, by variant (or `raw`) and reason.
        missed_copies: Number of near copies in which the detector missed the face, and number of copies made.
        still: By detector and variant: share of redacted faces that it detects.
        rebuilt: Number of photos for which `smooth` makes the same file from the output of `solid`, and number of
            comparisons.
    """

    outcomes: tuple[Outcome, ...]
    photos: int
    people: int
    folds: int
    refused: Mapping[str, Mapping[str, int]]
    missed_copies: tuple[int, int]
    still: Mapping[str, Mapping[str, Share]]
    rebuilt: tuple[int, int] | None


def evidence(measured: Measured) -> Evidence:
    """The results in the form that the report shows."""
    tables = [_strongest(measured), _beyond_solid(measured), _all(measured)]
    if any(outcome.beyond_single is not None for outcome in measured.outcomes):
        tables.insert(2, _copies(measured))
    if measured.still:
        tables.append(_still(measured))
    return Evidence("privacy", tuple(_statements(measured)), tuple(tables), asdict(measured))


def keeps_to_aim(outcome: Outcome) -> bool:
    """Whether the interval of the difference to `solid` contains 0 and ends below the margin."""
    beyond = outcome.beyond_solid
    return beyond is None or (beyond.low <= 0 <= beyond.high and beyond.high < MARGIN)


def strongest(outcomes: Sequence[Outcome], variant: str, setting: str) -> Outcome | None:
    """The attack with the largest AUC; selecting the maximum makes it look slightly stronger than it is."""
    own = [outcome for outcome in outcomes if (outcome.variant, outcome.setting) == (variant, setting)]
    return max(own, key=lambda outcome: outcome.auc.value, default=None)


def shown(share: Share) -> str:
    """`0.646 [0.619, 0.671]`."""
    return f"{share.value:.3f} [{share.low:.3f}, {share.high:.3f}]"


def signed(share: Share) -> str:
    """`+0.052 [+0.020, +0.081]`."""
    return f"{share.value:+.3f} [{share.low:+.3f}, {share.high:+.3f}]"


def _statements(measured: Measured) -> list[str]:
    attackers = len({outcome.attacker for outcome in measured.outcomes})
    said = [
        f"{measured.people} people with {measured.photos} photos were attacked by {attackers} attackers, each trained "
        f"on photos of other people with the same redaction ({measured.folds} folds by person).",
        _left_out(measured.refused),
        *_default_beside_solid(measured),
    ]
    if measured.rebuilt is not None:
        equal, compared = measured.rebuilt
        said.append(
            f"For {equal} of {compared} photos, smooth makes the same file from the output of solid as from the "
            "original, so it reveals nothing that solid does not."
        )
    copies, made = measured.missed_copies
    if made:
        said.append(
            f"In {copies} of {made} near copies of photos the detector missed a face that it found in the original."
        )
    said.append(
        "These are lower bounds: a stronger attacker, a recogniser trained on millions of faces, or somebody who knows "
        "the person may recognise more."
    )
    return [sentence for sentence in said if sentence]


def _left_out(refused: Mapping[str, Mapping[str, int]]) -> str:
    parts = [f"{where} {code} {count}" for where, codes in refused.items() for code, count in codes.items()]
    return f"Photos left out: {', '.join(parts)}." if parts else "No photo was left out."


def _default_beside_solid(measured: Measured) -> list[str]:
    compared = [o for o in measured.outcomes if o.variant == DEFAULT and o.beyond_solid is not None]
    if not compared:
        return []
    missed = [o for o in compared if not keeps_to_aim(o)]
    said = (
        "The AUC of the default (smooth) minus that of solid, for the same people, has a 95 % confidence interval that "
        f"contains 0 and ends below +{MARGIN:.2f} for {len(compared) - len(missed)} of {len(compared)} attacks."
    )
    misses = "; ".join(f"{o.attacker}, {o.setting} {signed(o.beyond_solid)}" for o in missed if o.beyond_solid)
    return [said, f"Exceptions: {misses}."] if missed else [said]


def _names(outcomes: Sequence[Outcome]) -> list[str]:
    return list(dict.fromkeys(outcome.variant for outcome in outcomes))


def _strongest(measured: Measured) -> Table:
    rows = []
    for name in _names(measured.outcomes):
        cells = [name]
        for setting in SETTINGS:
            best = strongest(measured.outcomes, name, setting)
            cells += ["", "", ""] if best is None else [best.attacker, shown(best.auc), shown(best.rank_1)]
        rows.append(tuple(cells))
    chance = measured.outcomes[0].chance
    note = (
        f"Chance: AUC 0.5, rank-1 {chance:.3f}. 95 % confidence intervals: AUC by bootstrap over people, rank-1 exact. "
        "raw is without redaction; solid shows what the surroundings of the mask reveal."
    )
    columns = (
        "variant",
        *(f"{setting}: {what}" for setting in SETTINGS for what in ("attacker", "AUC", "rank-1")),
    )
    return Table("The strongest attacker on each variant", note, columns, tuple(rows))


def _beyond_solid(measured: Measured) -> Table:
    """The differences to `solid`, one row per attacker and variant."""
    rows = [
        (o.variant, o.attacker, *_both(measured, o, lambda found: found.beyond_solid))
        for o in measured.outcomes
        if o.setting == AGAINST_RAW and o.beyond_solid is not None and ":" not in o.variant
    ]
    note = "AUC minus that of solid with the same masks, for the same people."
    return Table("AUC difference to solid", note, ("variant", "attacker", *SETTINGS), tuple(rows))


def _copies(measured: Measured) -> Table:
    rows = [
        (o.variant, o.attacker, *_both(measured, o, lambda found: found.beyond_single))
        for o in measured.outcomes
        if o.setting == AGAINST_RAW and o.beyond_single is not None
    ]
    note = "AUC with several near copies of each photo (shifted by a pixel, saved again) minus that with one."
    return Table("AUC difference of several copies to one", note, ("variant", "attacker", *SETTINGS), tuple(rows))


def _both(measured: Measured, outcome: Outcome, of: Callable[[Outcome], Share | None]) -> list[str]:
    """A difference of one variant and attacker, in both settings."""
    own = {
        o.setting: of(o) for o in measured.outcomes if (o.variant, o.attacker) == (outcome.variant, outcome.attacker)
    }
    differences = [own.get(setting) for setting in SETTINGS]
    return ["" if difference is None else signed(difference) for difference in differences]


def _all(measured: Measured) -> Table:
    rows = tuple((o.variant, o.attacker, o.setting, shown(o.auc), shown(o.rank_1)) for o in measured.outcomes)
    return Table("Every attack", "", ("variant", "attacker", "gallery", "AUC", "rank-1"), rows)


def _still(measured: Measured) -> Table:
    names = _names(measured.outcomes)
    rows = tuple(
        (name, *(shown(shares[name]) if name in shares else "" for shares in measured.still.values())) for name in names
    )
    note = "One photo per person; exact 95 % confidence intervals. This shows where a person is, not who it is."
    return Table("Redacted faces that a detector still finds", note, ("variant", *measured.still), rows)


def text(found: Evidence) -> str:
    """Statements and all tables but the longest, for the terminal."""
    lines = [*found.statements]
    for table in found.tables:
        if table.title != "Every attack":
            lines += ["", table.title, *_aligned((table.columns, *table.rows)), table.note]
    return "\n".join(lines)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
