"""The command line of the utility experiment, with a stand-in for the network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from anonymizer.audit import evidence
from anonymizer.lab.utility import course_network
from anonymizer.lab.utility.course_network import Epoch, Score, TrainingSet
from jobs import evaluate_utility
from tests.pictures import encoded, scene

ROOT = Path(__file__).parents[2]


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Five photos in each of two classes, and labels for the faces of the first."""
    folder = tmp_path / "raw"
    lines = ["image,x,y,w,h"]
    for number in range(10):
        name = ("people", "things")[number % 2]
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / f"{number}.png").write_bytes(encoded(scene(64, 64, seed=number)))
        if name == "people":
            lines.append(f"people/{number}.png,20,16,20,24")
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def labelled(raw: Path) -> list[str]:
    return [str(raw), "--labels", str(raw.parent / "labels.csv")]


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[tuple[TrainingSet, int, int]]:
    """A stand-in for the network; gives what it was asked to learn."""
    seen: list[tuple[TrainingSet, int, int]] = []

    def train(photos: TrainingSet, epochs: int, seed: int) -> tuple[Epoch, ...]:
        seen.append((photos, epochs, seed))
        return (Epoch(Score(0.9, 0.3), dict.fromkeys(photos.validation, Score(0.8, 0.4))),) * epochs

    monkeypatch.setattr(course_network, "require_keras", lambda: None)
    monkeypatch.setattr(course_network, "train", train)
    return seen


def test_defaults(labelled: list[str], trained: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    environ: dict[str, str] = {}
    assert evaluate_utility.main(labelled, environ) == 0
    assert environ == {"KERAS_BACKEND": "torch"}
    assert len(trained) == 6 * 5  # Raw and five methods, five seeds.
    assert {(epochs, seed) for _, epochs, seed in trained} == {(10, seed) for seed in range(42, 47)}
    out = capsys.readouterr().out
    assert "10 crops of 10 photos (people 5, things 5)" in out
    assert "Trained and validated on the same variant" in out
    assert "Masks: labels" in out
    assert "the course page, before" in out


def test_writes_evidence_and_says_each_training(
    labelled: list[str], trained: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out.json"
    options = ["--methods", "solid,blur,solid", "--epochs", "3", "--seed", "5", "--seeds", "2", "--crops", "2"]
    options += ["--centre", "0.75", "--limit-per-class", "8", "--control", "--verbose", "--json", str(target)]
    assert evaluate_utility.main([*labelled, *options], {"KERAS_BACKEND": "jax"}) == 0
    found = evidence.loads(target.read_text())
    settings = found.figures["settings"]
    assert (settings["epochs"], settings["seeds"], settings["crops"], settings["centre"]) == (3, [5, 6], 2, 0.75)
    assert found.figures["counts"]["classes"] == {"people": 8, "things": 8}
    assert [arm["name"] for arm in found.figures["arms"]] == [
        "raw",
        "solid",
        "blur",
        "raw + random labels",
        "solid + random labels",
    ]
    assert found.figures["versions"]["keras_backend"] == "jax"
    assert "people/" not in target.read_text()
    assert capsys.readouterr().err.count("\n") == 10


def test_remedies(labelled: list[str], trained: list[Any], tmp_path: Path) -> None:
    target = tmp_path / "out.json"
    options = ["--methods", "solid", "--seeds", "1", "--remedies", "--json", str(target)]
    assert evaluate_utility.main([*labelled, *options], {}) == 0
    names = [arm["name"] for arm in evidence.loads(target.read_text()).figures["arms"]]
    assert {"solid + decoys", "solid + 20% consented", "raw + 5% consented alone"} <= set(names)


def test_what_a_run_published_is_one_variant(labelled: list[str], raw: Path, trained: list[Any]) -> None:
    output = raw.parent / "out"
    for path in raw.rglob("*.png"):
        (output / path.parent.name).mkdir(parents=True, exist_ok=True)
        (output / path.relative_to(raw)).write_bytes(encoded(scene(64, 64)))
    assert evaluate_utility.main([labelled[0], str(output), *labelled[1:], "--seeds", "1"], {}) == 0
    assert [set(photos.validation) for photos, _, _ in trained] == [{"raw"}, {"raw", "anonymized"}]


def test_a_journal_spares_trainings(labelled: list[str], trained: list[Any], tmp_path: Path) -> None:
    options = ["--methods", "solid", "--seeds", "1", "--journal", str(tmp_path / "journal.jsonl")]
    assert evaluate_utility.main([*labelled, *options], {}) == 0
    assert evaluate_utility.main([*labelled, *options], {}) == 0
    assert len(trained) == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--masks", "truth"], "--masks truth needs --labels"),
        (["--faceless", "cats"], "no class folder 'cats'"),
        (["--classes", "people,cats"], "no class folder 'cats'"),
        (["absent"], "ANONYMIZED is not a folder"),
        (["--labels", "absent.csv"], "--labels: no such file"),
    ],
)
def test_what_does_not_fit_is_one_line(
    raw: Path, trained: list[Any], capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert evaluate_utility.main([str(raw), *options], {}) == 2
    err = capsys.readouterr().err
    assert err.startswith("evaluate_utility: ")
    assert err.count("\n") == 1
    assert said in err


def test_missing_keras_is_one_line_before_any_work(
    labelled: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent(_: str) -> Any:
        raise ModuleNotFoundError

    monkeypatch.setattr(course_network, "import_module", absent)
    assert evaluate_utility.main(labelled, {}) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "pip install 'ray-anonymizer[utility]'" in captured.err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["x", "--methods", ""],
        ["x", "--methods", "mosaic"],
        ["x", "--epochs", "0"],
        ["x", "--seed", "a"],
        ["x", "--centre", "0"],
        ["x", "--masks", "guess"],
    ],
)
def test_wrong_usage_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        evaluate_utility.main(arguments, {})
    assert caught.value.code == 2


def test_starts_as_a_script_without_importing_keras() -> None:
    program = "import runpy, sys; sys.argv[1:] = ['--help']; runpy.run_path('jobs/evaluate_utility.py', run_name='x'); "
    program += "assert not {'keras', 'torch', 'matplotlib'} & set(sys.modules)"
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    finished = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environ, capture_output=True, check=False)
    assert finished.returncode == 0, finished.stderr.decode()
