"""What the utility page shows can be run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs import evaluate_utility

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "infra" / "docs" / "utility.md").read_text(encoding="utf-8")


def test_the_example_marks_a_copy() -> None:
    (source,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(source, names)
    photo = np.random.RandomState(0).randint(0, 256, (90, 120, 3)).astype(np.uint8)
    before = photo.copy()
    made = names["augmented"](photo, [[10, 10, 30, 34]])
    changed = (made != before).any(axis=2)
    assert np.array_equal(photo, before)
    # The padded box is 28 × 33.6 pixels; a part of it may lie beyond the border.
    assert 300 < changed.sum() <= 29 * 35


@pytest.mark.parametrize("name", ["infra/docs/utility.md", "Makefile", "infra/docs/course-page.md"])
def test_options_exist(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    commands = re.findall(r"^.*(?:jobs/evaluate_utility\.py|\$\(UTILITY\)) .*$", text, re.MULTILINE)
    options = {option for command in commands for option in re.findall(r"--[a-z-]+", command)}
    known = set(re.findall(r"--[a-z-]+", evaluate_utility._parser().format_help()))
    assert options
    assert options - known - {"--evidence"} == set()
