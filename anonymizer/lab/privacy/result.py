"""What the attacks found, as statements, tables and figures; it names no person and no photo."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

from anonymizer.audit.evidence import Evidence, Table
from anonymizer.lab.privacy.attack import AGAINST_RAW, SETTINGS
from anonymizer.lab.privacy.experiment import Outcome
from anonymizer.lab.privacy.scores import Share
from anonymizer.lab.privacy.variants import DEFAULT

#: The default may tell no attacker more than this beyond `solid`.
MARGIN = 0.05


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything that was measured.

    Attributes:
        outcomes: See `Outcome`.
        photos: How many were attacked or trained with.
        people: Who they show.
        folds: How many.
        refused: Photos left out, by where (`raw`, a variant) and reason.
        missed_copies: Of all copies made, those in which the detector missed the face; and how many were made.
        still: By detector, then variant: share of redacted faces that it calls a face.
        rebuilt: Photos of which `smooth` made from what `solid` published is the same file; and how many were compared.
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
    """In the form in which the report shows it."""
    tables = [_strongest(measured), _beyond_solid(measured), _all(measured)]
    if any(outcome.beyond_single is not None for outcome in measured.outcomes):
        tables.insert(2, _copies(measured))
    if measured.still:
        tables.append(_still(measured))
    return Evidence("privacy", tuple(_statements(measured)), tuple(tables), asdict(measured))


def keeps_to_aim(outcome: Outcome) -> bool:
    """Whether the interval of the difference to `solid` holds 0 and ends below the margin."""
    beyond = outcome.beyond_solid
    return beyond is None or (beyond.low <= 0 <= beyond.high and beyond.high < MARGIN)


def strongest(outcomes: Sequence[Outcome], variant: str, setting: str) -> Outcome | None:
    """The attack with the greatest area; picked by that, it looks a little stronger than it is."""
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
        f"on photos of other people, redacted alike ({measured.folds} folds by person).",
        _left_out(measured.refused),
        *_default_beside_solid(measured),
    ]
    if measured.rebuilt is not None:
        equal, compared = measured.rebuilt
        said.append(
            f"Given what solid published, smooth makes the very file that it makes of the original on {equal} of "
            f"{compared} photos: there, whoever has the one has the other."
        )
    copies, made = measured.missed_copies
    if made:
        said.append(
            f"In {copies} of {made} near copies of a photo the detector missed the face that it found in the photo."
        )
    said.append(
        "These are lower bounds: a stronger attacker, a recogniser that was trained on millions of faces, or somebody "
        "who knows the person may find more."
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
        "The area of the default (smooth) minus that of solid, over the same people: its 95 % interval holds 0 and "
        f"ends below +{MARGIN:.2f} for {len(compared) - len(missed)} of {len(compared)} attacks."
    )
    misses = "; ".join(f"{o.attacker}, {o.setting} {signed(o.beyond_solid)}" for o in missed if o.beyond_solid)
    return [said, f"It does not for: {misses}."] if missed else [said]


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
        f"Chance: area 0.5, first guess {chance:.3f}. 95 % intervals: area by bootstrap over people, guess exact. "
        "raw is no redaction at all; solid is what the surroundings of the mask give away."
    )
    columns = (
        "variant",
        *(f"{setting}: {what}" for setting in SETTINGS for what in ("attacker", "area", "first guess")),
    )
    return Table("The strongest attacker on each variant", note, columns, tuple(rows))


def _beyond_solid(measured: Measured) -> Table:
    """Of the variants whose area is compared: one row per attacker and variant."""
    rows = [
        (o.variant, o.attacker, *_both(measured, o, lambda found: found.beyond_solid))
        for o in measured.outcomes
        if o.setting == AGAINST_RAW and o.beyond_solid is not None and ":" not in o.variant
    ]
    note = "Area minus that of solid with the same masks, over the same people."
    return Table("What each method tells beyond solid", note, ("variant", "attacker", *SETTINGS), tuple(rows))


def _copies(measured: Measured) -> Table:
    rows = [
        (o.variant, o.attacker, *_both(measured, o, lambda found: found.beyond_single))
        for o in measured.outcomes
        if o.setting == AGAINST_RAW and o.beyond_single is not None
    ]
    note = "Area with several near copies of each photo (moved by a pixel, saved again) minus that with one."
    return Table("What several copies tell beyond one", note, ("variant", "attacker", *SETTINGS), tuple(rows))


def _both(measured: Measured, outcome: Outcome, of: Callable[[Outcome], Share | None]) -> list[str]:
    """A difference of one variant and attacker, in both settings."""
    own = {
        o.setting: of(o) for o in measured.outcomes if (o.variant, o.attacker) == (outcome.variant, outcome.attacker)
    }
    differences = [own.get(setting) for setting in SETTINGS]
    return ["" if difference is None else signed(difference) for difference in differences]


def _all(measured: Measured) -> Table:
    rows = tuple((o.variant, o.attacker, o.setting, shown(o.auc), shown(o.rank_1)) for o in measured.outcomes)
    return Table("Every attack", "", ("variant", "attacker", "held against", "area", "first guess"), rows)


def _still(measured: Measured) -> Table:
    names = _names(measured.outcomes)
    rows = tuple(
        (name, *(shown(shares[name]) if name in shares else "" for shares in measured.still.values())) for name in names
    )
    note = "One photo of each person; exact 95 % intervals. It tells where somebody is, not who."
    return Table("Redacted faces that a detector still calls a face", note, ("variant", *measured.still), rows)


def text(found: Evidence) -> str:
    """Statements and the tables that are short, for a terminal."""
    lines = [*found.statements]
    for table in found.tables:
        if table.title != "Every attack":
            lines += ["", table.title, *_aligned((table.columns, *table.rows)), table.note]
    return "\n".join(lines)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
