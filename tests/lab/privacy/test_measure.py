"""The whole attack on people made in code: their faces tell who they are, and nothing around them does."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from anonymizer.audit import evidence
from anonymizer.errors import UsageError
from anonymizer.lab.privacy import again, attack, attackers, measure, photos, plot, result, scores, variants
from anonymizer.lab.privacy.measure import Plan
from anonymizer.lab.privacy.people import Labelled
from anonymizer.lab.privacy.result import Measured
from tests.lab.privacy import made
from tests.lab.privacy.made import Known
from tests.lab.privacy.test_recognizer import graph

pytest.importorskip("sklearn")
PEOPLE, PHOTOS = 27, 3


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.folder(tmp_path_factory.mktemp("raw"), PEOPLE, PHOTOS)


def plan(photos: Path, **changes: object) -> Plan:
    chosen = Plan(root=photos, labels=photos / "labels.csv", methods=("smooth", "solid", "pixelate:cells=8"), folds=3)
    return dataclasses.replace(chosen, **changes)  # type: ignore[arg-type]


def run(chosen: Plan, monkeypatch: pytest.MonkeyPatch) -> Measured:
    monkeypatch.setattr(measure, "_detector", lambda name, weights: Known())
    monkeypatch.setattr(scores, "DRAWS", 100)
    return measure.measure(chosen)


@pytest.fixture(scope="module")
def measured(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    file = tmp_path_factory.mktemp("network") / "tiny.onnx"
    file.write_bytes(graph([1, 3, 8, 8]))
    with pytest.MonkeyPatch.context() as patched:
        return run(plan(root, copies=2, recognizer=file), patched)


def test_raw_faces_are_known_and_solid_is_chance_to_every_attacker(measured):
    for outcome in measured.outcomes:
        # Attackers who see the noise around the face as well are drowned by it.
        if outcome.variant == "raw" and "wide" not in outcome.attacker:
            assert outcome.auc.low > 0.65, outcome
            assert outcome.rank_1.low > outcome.chance
        # What is drawn under a mask of one colour is the same for everybody; 95 % intervals of many attacks.
        if outcome.variant == "solid":
            assert 0.35 < outcome.auc.value < 0.65, outcome
    solid = [o for o in measured.outcomes if o.variant == "solid"]
    assert sum(o.auc.low <= 0.5 <= o.auc.high for o in solid) >= 0.8 * len(solid)


def test_the_default_is_chance_and_a_weak_method_is_not(measured: Measured) -> None:
    def best(name: str) -> float:
        return max((o.auc.value for o in measured.outcomes if o.variant == name), default=0.0)

    assert best("smooth") < 0.7 < 0.8 < best("pixelate:cells=8")


def test_every_variant_meets_every_attacker_in_both_settings(measured):
    names = ["raw", "smooth", "solid", "pixelate:cells=8", "smooth ×2", "solid ×2"]
    wanted = {
        (name, attacker, setting)
        for name in names
        for attacker in [*(a.name for a in attackers.ATTACKERS), "recognizer", "recognizer, taught"]
        for setting in attack.SETTINGS
        if (name, setting) != ("raw", attack.AGAINST_REDACTED)
    }
    assert {(o.variant, o.attacker, o.setting) for o in measured.outcomes} == wanted
    assert len(measured.outcomes) == len(wanted)


def test_each_is_held_against_its_solid_and_copies_against_one(measured):
    known = {(o.variant, o.attacker, o.setting): o for o in measured.outcomes}
    for (name, attacker, setting), outcome in known.items():
        solid = {"smooth ×2": "solid ×2", "smooth": "solid", "pixelate:cells=8": "solid"}.get(name)
        if solid is None:
            assert outcome.beyond_solid is None
        else:
            difference = outcome.auc.value - known[solid, attacker, setting].auc.value
            assert outcome.beyond_solid.value == pytest.approx(difference)
            assert outcome.beyond_solid.low <= difference <= outcome.beyond_solid.high
        assert (outcome.beyond_single is None) == ("×" not in name)


def test_counts_and_what_is_still_a_face(measured):
    assert (measured.people, measured.photos, measured.folds) == (PEOPLE, PEOPLE * PHOTOS, 3)
    assert measured.missed_copies == (0, PEOPLE * PHOTOS)
    assert measured.refused == {}
    # The stand-in finds a face wherever there is a picture.
    assert {share.value for share in measured.still["centerface"].values()} == {1.0}


def test_smooth_is_made_of_solid_bit_for_bit(measured):
    assert measured.rebuilt == (PEOPLE * PHOTOS, PEOPLE * PHOTOS)


def test_a_method_that_reads_under_the_mask_is_not_made_of_solid(root):
    subjects = photos.read(root, [Labelled(f"p00/{n}.png", "a") for n in range(2)], Known())
    found = again.rebuilt(subjects.photos, variants.method("solid"), variants.method("pixelate"))
    assert found == (0, 2)


def test_evidence_goes_through_json_and_names_nobody(measured):
    found = result.evidence(measured)
    text = evidence.dumps(found)
    assert evidence.loads(text).tables == found.tables
    assert "p00" not in text
    assert ".png" not in text
    for table in found.tables:
        assert all(len(row) == len(table.columns) for row in table.rows)
    assert [table.title for table in found.tables] == [
        "The strongest attacker on each variant",
        "AUC difference to solid",
        "AUC difference of several copies to one",
        "Every attack",
        "Redacted faces that a detector still finds",
    ]
    assert f"{PEOPLE} people with {PEOPLE * PHOTOS} photos were attacked by 10 attackers" in found.statements[0]
    assert any("lower bounds" in sentence for sentence in found.statements)
    assert len(json.loads(text)["figures"]["outcomes"]) == len(measured.outcomes)


def test_the_plot_is_a_picture(measured, tmp_path):
    pytest.importorskip("matplotlib")
    plot.draw(measured, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_a_run_of_one_s_own_is_attacked_and_what_is_missing_is_counted(root, tmp_path, monkeypatch):
    """Raw photos as "output" are known; two that are missing leave their photos out of every variant."""
    output = tmp_path / "output"
    for photo in sorted(root.glob("*/*.png")):
        if photo.parent.name == "p03" and photo.name != "2.png":
            continue
        target = output / photo.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(photo.read_bytes())
    named = ("nearest, face", "eigenfaces, face")
    monkeypatch.setattr(attackers, "ATTACKERS", [one for one in attackers.ATTACKERS if one.name in named])
    found = run(plan(root, methods=(), folders=(("mine", output),), detectors=()), monkeypatch)
    assert found.refused == {"mine": {"missing": 2}}
    # The third photo of that person is alone now.
    assert (found.people, found.photos) == (PEOPLE - 1, PEOPLE * PHOTOS - 3)
    assert {o.variant for o in found.outcomes} == {"raw", "mine", "solid"}
    mine = {o.attacker: o for o in found.outcomes if (o.variant, o.setting) == ("mine", attack.AGAINST_RAW)}
    raw = {o.attacker: o for o in found.outcomes if o.variant == "raw"}
    assert mine["eigenfaces, face"].auc.value > 0.8
    assert {name: o.rank_1 for name, o in mine.items()}["nearest, face"] == raw["nearest, face"].rank_1
    assert "mine missing 2" in " ".join(result.evidence(found).statements)
    assert found.rebuilt is None


def test_the_same_plan_gives_the_same_figures(root, monkeypatch):
    monkeypatch.setattr(attackers, "ATTACKERS", attackers.ATTACKERS[:4])
    small = plan(root, methods=("smooth",), people=12, folds=2, detectors=())
    figures = run(small, monkeypatch)
    assert run(small, monkeypatch) == figures
    assert run(dataclasses.replace(small, seed=1), monkeypatch) != figures


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"root": Path("/nowhere")}, "RAW: there is no such folder"),
        ({"labels": Path("/nowhere.csv")}, "no readable CSV"),
        ({"folds": 11}, "11 folds need 33"),
        ({"recognizer": Path("/nowhere.onnx")}, "--recognizer: there is no readable file"),
        ({"methods": ("glue",)}, "none of"),
    ],
)
def test_what_cannot_be_had_is_refused_in_one_line(root, monkeypatch, changes, said):
    with pytest.raises(UsageError, match=said) as refused:
        run(dataclasses.replace(plan(root), **changes), monkeypatch)
    assert "\n" not in str(refused.value)


def test_detectors_of_this_project_look_again(root):
    assert measure._detector("haar", None).name == "haar"
    with pytest.raises(UsageError, match="needs its network file"):
        measure._detector("yunet", None)
    with pytest.raises(UsageError, match="--weights: there is no readable file"):
        measure._detector("yunet", root / "nowhere.onnx")


def test_chance_is_that_of_a_fold_s_gallery(measured):
    """A third of the people are in each."""
    assert [o.chance for o in measured.outcomes] == pytest.approx([1 / (PEOPLE / 3)] * len(measured.outcomes))
    assert np.isfinite([o.auc.value for o in measured.outcomes]).all()
