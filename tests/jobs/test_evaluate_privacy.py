"""The command line of the privacy experiment."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from anonymizer.audit import evidence
from anonymizer.errors import UsageError
from anonymizer.lab.privacy import attackers, measure, plot
from anonymizer.lab.privacy.variants import LADDER
from jobs import evaluate_privacy
from tests.lab.privacy import made
from tests.lab.privacy.made import Known

ROOT = Path(__file__).parents[2]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pytest.importorskip("sklearn")
    monkeypatch.setattr(measure, "_detector", lambda name, weights: Known())
    return made.folder(tmp_path / "raw", people=12, photos=2)


def test_a_run_is_attacked_and_the_evidence_written(root, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    target, picture = tmp_path / "out.json", tmp_path / "out.png"
    asked = [str(root), f"mine={root}", "--labels", str(root / "labels.csv"), "--folds", "2"]
    assert evaluate_privacy.main([*asked, "--json", str(target), "--plot", str(picture)]) == 0
    said = capsys.readouterr()
    assert "12 people with 24 photos were attacked by 8 attackers" in said.out
    assert "mine" in said.out
    assert "looking for faces in 24 photos" in said.err
    found = evidence.loads(target.read_bytes())
    assert found.kind == "privacy"
    assert {row[0] for row in found.tables[0].rows} == {"raw", "mine", "solid"}
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert json.loads(target.read_text())["figures"]["people"] == 12


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[measure.Plan]:
    """What the command line asks for; nothing is measured."""
    pytest.importorskip("sklearn")
    made: list[measure.Plan] = []

    def refuse(plan: measure.Plan, said: object) -> None:
        made.append(plan)
        raise UsageError("that was all")

    monkeypatch.setattr(evaluate_privacy, "measure", refuse)
    return made


def test_without_a_folder_all_methods_are_made_here(plans, capsys):
    assert evaluate_privacy.main(["raw", "--labels", "l.csv"]) == 2
    assert plans[0].methods == ("smooth", "blur", "pixelate", "solid", "gaussian")
    assert plans[0] == measure.Plan(root=Path("raw"), labels=Path("l.csv"), methods=plans[0].methods)
    assert capsys.readouterr().err == "evaluate_privacy: that was all\n"


def test_folders_have_names_and_methods_only_where_asked_for(plans):
    evaluate_privacy.main(["raw", "runs/tuesday", "b=x=y", "--labels", "l.csv"])
    evaluate_privacy.main(
        ["raw", "runs/tuesday", "--labels", "l.csv", "--methods", "smooth,blur:cells=3", "--copies", "8"]
    )
    assert plans[0].folders == (("tuesday", Path("runs/tuesday")), ("b", Path("x=y")))
    assert plans[0].methods == ()
    assert plans[1].methods == ("smooth", "blur:cells=3")
    assert plans[1].copies == 8


def test_strengths_come_on_top(plans):
    evaluate_privacy.main(
        ["raw", "--labels", "l.csv", "--methods", "smooth", "--strengths", "--detectors", "haar,yunet"]
    )
    assert plans[0].methods == ("smooth", *LADDER)
    assert plans[0].detectors == ("haar", "yunet")


@pytest.mark.parametrize(
    "wrong",
    [
        ["raw"],
        ["--labels", "l.csv"],
        ["raw", "--labels", "l.csv", "--folds", "1"],
        ["raw", "--labels", "l.csv", "--copies", "0"],
        ["raw", "--labels", "l.csv", "--photos-per-person", "1"],
        ["raw", "--labels", "l.csv", "--detectors", "eagle"],
        ["raw", "--labels", "l.csv", "--people", "many"],
    ],
)
def test_wrong_usage_is_exit_2(wrong, capsys):
    with pytest.raises(SystemExit) as ended:
        evaluate_privacy.main(wrong)
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_a_missing_extra_is_named_before_any_work(plans, monkeypatch, capsys):
    def missing(module: str) -> None:
        raise ImportError(module)

    monkeypatch.setattr(plot, "import_module", missing)
    assert evaluate_privacy.main(["raw", "--labels", "l.csv", "--plot", "x.png"]) == 2
    monkeypatch.setattr(attackers, "import_module", missing)
    assert evaluate_privacy.main(["raw", "--labels", "l.csv"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said == [f"evaluate_privacy: {plot.INSTALL_HINT}", f"evaluate_privacy: {attackers.INSTALL_HINT}"]
    assert plans == []


def test_it_runs_as_a_script_and_a_wrong_path_is_one_line(tmp_path):
    pytest.importorskip("sklearn")
    ran = subprocess.run(
        [sys.executable, "jobs/evaluate_privacy.py", str(tmp_path / "nowhere"), "--labels", "x.csv"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "evaluate_privacy: RAW: there is no such folder\n"
