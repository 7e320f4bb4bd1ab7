"""The command line of the utility experiment, with a stand-in for what anonymizes and what trains."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from anonymizer.errors import DecodeError
from anonymizer.evaluation import course_network, utility
from anonymizer.evaluation.course_network import Epoch, TrainingSet
from jobs import evaluate_utility

ROOT = Path(__file__).parents[2]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    for name in ("nonpeople", "people"):
        (folder / name).mkdir(parents=True)
        for number in range(5):
            (folder / name / f"{number}.jpg").write_bytes(f"{name} {number}".encode())
    return folder


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Stand-ins for anonymizer, decoder and network; gives the settings that the anonymizers were made with."""
    settings: list[dict[str, Any]] = []

    class FakeAnonymizer:
        def __init__(self, chosen: dict[str, Any]) -> None:
            settings.append(chosen)

        def __call__(self, data: bytes) -> Any:
            if data == b"people 3":
                raise DecodeError
            return SimpleNamespace(data=data, status="anonymized")

    def train(_: TrainingSet, epochs: int, seed: int) -> tuple[Epoch, ...]:
        return (Epoch(0.9, 0.3, 0.8, 0.4),) * epochs

    monkeypatch.setattr(evaluate_utility, "Anonymizer", FakeAnonymizer)
    monkeypatch.setattr(utility, "network_input", lambda _: np.zeros((64, 64, 3), np.uint8))
    monkeypatch.setattr(course_network, "require_keras", lambda: None)
    monkeypatch.setattr(course_network, "train", train)
    return settings


def test_defaults_are_the_page_s(data: Path, made: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    environ: dict[str, str] = {}
    assert evaluate_utility.main([str(data)], environ) == 0
    assert made == [{"redaction": {"method": method}} for method in ("smooth", "blur", "pixelate", "gaussian")]
    assert environ == {"KERAS_BACKEND": "torch"}
    out = capsys.readouterr().out
    assert "10 photos listed, 1 refused, 9 used (nonpeople 5, people 4)" in out
    assert "refused: decode_error 1" in out
    assert "seed 42" in out


def test_json_says_how_to_repeat_it(data: Path, made: list[Any], tmp_path: Path) -> None:
    arguments = ["--methods", "solid,blur,solid", "--epochs", "3", "--seed", "5", "--limit-per-class", "4"]
    target = tmp_path / "out.json"
    assert evaluate_utility.main([str(data), *arguments, "--json", str(target)], {"KERAS_BACKEND": "jax"}) == 0
    measured = json.loads(target.read_text())
    assert set(measured) == {
        "schema_version",
        "settings",
        "seed",
        "counts",
        "refused",
        "variants",
        "page",
        "versions",
    }
    assert measured["settings"]["methods"] == ["solid", "blur"]
    assert measured["settings"]["epochs"] == 3
    assert measured["settings"]["limit_per_class"] == 4
    assert measured["seed"] == 5
    assert [row["name"] for row in measured["variants"]] == ["raw", "solid", "blur"]
    assert measured["versions"]["keras_backend"] == "jax"
    assert {"python", "numpy", "pillow", "opencv-python-headless"} <= set(measured["versions"])


def test_missing_keras_is_one_line_before_any_work(
    data: Path, made: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent(_: str) -> Any:
        raise ModuleNotFoundError

    monkeypatch.undo()
    monkeypatch.setattr(course_network, "import_module", absent)
    assert evaluate_utility.main([str(data)], {}) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "pip install 'ray-anonymizer[utility]'" in captured.err


def test_wrong_data_is_one_line(made: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate_utility.main([str(tmp_path / "absent")], {}) == 2
    assert capsys.readouterr().err == "evaluate_utility: DATA is a folder with one folder per class\n"


@pytest.mark.parametrize(
    "arguments",
    [[], ["x", "--methods", ""], ["x", "--methods", "mosaic"], ["x", "--epochs", "0"], ["x", "--seed", "a"]],
)
def test_wrong_usage_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        evaluate_utility.main(arguments, {})
    assert caught.value.code == 2


def test_starts_as_a_script_without_importing_keras() -> None:
    program = "import runpy, sys; sys.argv[1:] = ['--help']; runpy.run_path('jobs/evaluate_utility.py', run_name='x'); "
    program += "assert not {'keras', 'torch'} & set(sys.modules)"
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    finished = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environ, capture_output=True, check=False)
    assert finished.returncode == 0, finished.stderr.decode()
