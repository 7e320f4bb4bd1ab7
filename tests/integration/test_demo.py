"""The README shows what `make demo` prints today."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.docs.generate import live, markers

README = Path(__file__).parents[2] / "README.md"


def test_the_demo_prints_what_the_readme_shows() -> None:
    pytest.importorskip("skimage")
    assert live.demo() == dict(markers.bodies(README.read_text(encoding="utf-8")))["demo"], "run `make docs`"
