"""What is said of an outcome: the aim is kept, missed, and how."""

from __future__ import annotations

import pytest

from anonymizer.lab.privacy import result
from anonymizer.lab.privacy.experiment import Outcome
from anonymizer.lab.privacy.result import Measured
from anonymizer.lab.privacy.scores import Share

ANY = Share(0.5, 0.4, 0.6)


def outcome(
    variant: str, attacker: str, beyond: Share | None, area: Share = ANY, setting: str = "raw gallery"
) -> Outcome:
    return Outcome(variant, attacker, setting, Share(0.1, 0.05, 0.2), 0.02, area, beyond)


def measured(*outcomes: Outcome) -> Measured:
    return Measured(outcomes, 20, 10, 2, {"raw": {"no_face": 3}}, (1, 40), {}, (7, 8))


@pytest.mark.parametrize(
    ("beyond", "kept"),
    [
        (Share(0.0, -0.02, 0.02), True),
        (Share(0.01, 0.0, 0.049), True),
        (Share(0.02, 0.001, 0.04), False),
        (Share(0.02, -0.01, 0.05), False),
        (Share(-0.03, -0.05, -0.01), False),
        (None, True),
    ],
)
def test_the_interval_has_to_hold_0_and_end_below_the_margin(beyond, kept):
    assert result.keeps_to_aim(outcome("smooth", "a", beyond)) is kept


def test_a_miss_is_said_with_its_figure():
    kept = outcome("smooth", "a", Share(0.0, -0.02, 0.02))
    missed = outcome("smooth", "b", Share(0.07, 0.03, 0.11))
    said = " ".join(result.evidence(measured(kept, missed)).statements)
    assert "for 1 of 2 attacks" in said
    assert "Exceptions: b, raw gallery +0.070 [+0.030, +0.110]." in said
    both = " ".join(result.evidence(measured(kept)).statements)
    assert "for 1 of 1 attacks" in both
    assert "It does not" not in both


def test_counts_are_said():
    said = result.evidence(measured(outcome("raw", "a", None))).statements
    assert said[0].startswith("10 people with 20 photos were attacked by 1 attackers")
    assert "Photos left out: raw no_face 3." in said
    assert any("For 7 of 8 photos" in sentence for sentence in said)
    assert any("In 1 of 40 near copies" in sentence for sentence in said)
    assert not any("default" in sentence for sentence in said)


def test_the_strongest_attacker_is_shown_for_each_setting():
    low = outcome("smooth", "weak", None, Share(0.55, 0.5, 0.6))
    high = outcome("smooth", "strong", None, Share(0.65, 0.6, 0.7))
    other = outcome("smooth", "other", None, Share(0.6, 0.5, 0.7), setting="redacted gallery")
    assert result.strongest([low, high, other], "smooth", "raw gallery") is high
    assert result.strongest([low, high, other], "blur", "raw gallery") is None
    table = result.evidence(measured(low, high, other)).tables[0]
    assert table.rows == (
        (
            "smooth",
            "strong",
            "0.650 [0.600, 0.700]",
            "0.100 [0.050, 0.200]",
            "other",
            "0.600 [0.500, 0.700]",
            "0.100 [0.050, 0.200]",
        ),
    )


def test_the_terminal_shows_statements_and_short_tables():
    shown = result.text(result.evidence(measured(outcome("smooth", "a", Share(0.0, -0.02, 0.02)))))
    assert "The strongest attacker on each variant" in shown
    assert "smooth   a" in shown
    assert "Every attack" not in shown
