"""Tables and sentences: the right network against the right one, paired by seed."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest

from anonymizer.audit import evidence
from anonymizer.lab.utility import curves, utility
from anonymizer.lab.utility.arms import Arm
from anonymizer.lab.utility.course_network import Epoch, Score
from anonymizer.lab.utility.samples import Cutting
from anonymizer.lab.utility.trainings import Schedule
from anonymizer.lab.utility.utility import Measured
from tests.lab.utility.crops import variants

RAW, SMOOTH, DECOYS, CONTROL = Arm("raw"), Arm("smooth"), Arm("smooth", "decoys"), Arm("raw", control=True)


def histories(own: Sequence[float], raw: Sequence[float], method: str) -> tuple[tuple[Epoch, ...], ...]:
    """One history of two epochs for each seed; the first epoch is at chance."""
    start = Epoch(Score(0.5, 0.7), {"raw": Score(0.5, 0.7), method: Score(0.5, 0.7)})
    return tuple(
        (start, Epoch(Score(0.99, 0.1), {method: Score(on_own, 0.25)} | {"raw": Score(on_raw, 1.5)}))
        for on_own, on_raw in zip(own, raw, strict=True)
    )


@pytest.fixture
def measured() -> Measured:
    return Measured(
        variants(),
        {
            RAW: histories([0.90, 0.92], [0.90, 0.92], "raw"),
            SMOOTH: histories([0.95, 0.99], [0.60, 0.58], "smooth"),
            DECOYS: histories([0.80, 0.82], [0.85, 0.85], "smooth"),
            CONTROL: histories([0.52, 0.48], [0.52, 0.48], "raw"),
        },
        Schedule((42, 43), 2),
        Cutting(),
        "labels",
        {"python": "3.11"},
    )


def table(found: evidence.Evidence, title: str) -> dict[str, tuple[str, ...]]:
    """Rows by their first cell."""
    (chosen,) = (each for each in found.tables if each.title == title)
    assert all(len(row) == len(chosen.columns) for row in chosen.rows)
    return {row[0]: row[1:] for row in chosen.rows}


def test_changes_are_paired_by_seed(measured: Measured) -> None:
    change = measured.change(SMOOTH, "smooth")
    assert change.mean == pytest.approx(6.0)  # 5 and 7 points.
    assert change.half_width == pytest.approx(12.706, abs=0.01)  # t(0.975, 1) × √2 / √2
    assert measured.change(SMOOTH, "raw").mean == pytest.approx(-32.0)


def test_the_same_variant(measured: Measured) -> None:
    rows = table(utility.evidence(measured), utility.SAME_TITLE)
    assert list(rows) == ["raw", "smooth"]
    assert rows["raw"] == ("99.0 (99.0–99.0)", "0.100", "91.0 (90.0–92.0)", "1.500", "", "", "yes")
    assert rows["smooth"][2:5] == ("97.0 (95.0–99.0)", "0.250", "+6.0 ± 12.7")
    assert rows["smooth"][6] == "yes"


def test_the_deployed_direction(measured: Measured) -> None:
    rows = table(utility.evidence(measured), utility.RAW_TITLE)
    assert list(rows) == ["raw", "smooth", "smooth + decoys"]
    assert rows["smooth"][:3] == ("59.0 (58.0–60.0)", "1.500", "-32.0 ± 25.4")
    assert rows["smooth + decoys"][2:] == ("-6.0 ± 12.7", "± 15.6", "81.0 (80.0–82.0)")


def test_control_and_the_others_figures(measured: Measured) -> None:
    found = utility.evidence(measured)
    assert table(found, utility.CONTROL_TITLE)["raw + random labels"][1] == "50.0 (48.0–52.0)"
    others = table(found, "Published results")
    assert others["the course page, before"] == ("92.0", "88.0", "0.25", "")
    assert others["the course page, after"] == ("89.5", "86.7", "0.38", "-1.3")
    assert [row[-1] for name, row in others.items() if name.startswith("ImageNet")] == ["-0.66", "-0.90"]


def test_statements_say_what_helped_and_what_was_missed(measured: Measured) -> None:
    said = " ".join(utility.evidence(measured).statements)
    assert "above 85% on every variant" in said
    assert "by +6.0 ± 12.7 points against raw" in said
    assert "smooth + decoys had the smallest loss: -6.0 ± 12.7" in said
    missed = dict(measured.histories) | {SMOOTH: histories([0.85, 0.85], [0.6, 0.6], "smooth")}
    worse = Measured(measured.variants, missed, measured.schedule, measured.cutting, "labels", {})
    assert "not above 85% on: smooth" in utility.evidence(worse).statements[0]


def test_a_single_variant_needs_no_other_table(measured: Measured) -> None:
    alone = Measured(
        measured.variants, {RAW: measured.histories[RAW]}, measured.schedule, measured.cutting, "labels", {}
    )
    titles = [each.title for each in utility.evidence(alone).tables]
    assert titles == [utility.SAME_TITLE, "Published results"]


def test_is_evidence_that_names_no_photo(measured: Measured) -> None:
    text = evidence.dumps(utility.evidence(measured))
    assert evidence.loads(text).kind == "utility"
    assert ".png" not in text
    figures = json.loads(text)["figures"]
    assert figures["counts"]["classes"] == {"people": 20, "things": 20}
    assert figures["counts"]["refused"] == {"decode_error": 1}
    arm = figures["arms"][1]
    assert arm["name"] == "smooth"
    assert arm["seeds"]["43"][1]["validation"]["raw"] == {"accuracy": 0.58, "loss": 1.5}
    assert arm["change_points"]["raw"]["mean"] == pytest.approx(-32.0)


def test_curves_are_a_picture(measured: Measured) -> None:
    pytest.importorskip("matplotlib", reason="the `utility` extra is not installed")
    import cv2

    data = curves.png(measured)
    assert data.startswith(b"\x89PNG")
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    assert min(pixels.shape[:2]) > 500
    assert pixels.std() > 5
