"""The threat model's claims have their tests, options and settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from anonymizer.config import RunConfig, choices, fields_of
from anonymizer.lake import naming
from tests.leaks import planted

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "infra/docs/threat-model.md").read_text(encoding="utf-8")
LEAKS = re.findall(r"^\| (\d+) \| .* \| (.*) \| (.*) \|$", PAGE, re.MULTILINE)


def test_all_leaks_are_there_in_order() -> None:
    assert [int(number) for number, _, _ in LEAKS] == list(range(1, 24))


@pytest.mark.parametrize(("number", "done", "shown"), LEAKS)
def test_each_leak_is_planted_tested_or_documented(number: str, done: str, shown: str) -> None:
    named = re.findall(r"`([^`]+)`", shown)
    paths = [name for name in named if name.startswith("tests/")]
    assert all((ROOT / path).exists() for path in paths)
    there = {leak.name for leak in planted.LEAKS if leak.number == int(number)}
    assert {name for name in named if not name.startswith("tests/")} == there
    assert shown.startswith("planted:") == bool(there)
    assert named or shown == "this page"
    assert ("**documented behaviour**" in done) == (number in ("18", "19", "23"))


def test_settings_and_options_exist() -> None:
    settings = {name for name, _, _ in fields_of(RunConfig)}
    sections = "|".join({name.partition(".")[0] for name in settings if "." in name})
    shown = re.findall(rf"`(?:--set )?((?:{sections})\.[a-z_]+)(?:=[^`]*)?`", PAGE)
    assert len(shown) > 5
    assert set(shown) <= settings
    for name, setting in (("--names hashed", "names"), ("--policy public", "consent.policy")):
        assert f"`{name}`" in PAGE
        assert name.split()[1] in (choices(RunConfig, setting) or ())


def test_methods_are_those_that_exist() -> None:
    for method in choices(RunConfig, "redaction.method") or ():
        assert f"`{method}`" in PAGE


def test_the_secret_is_where_the_page_says() -> None:
    assert f"`{naming.SECRET_VARIABLE}`" in PAGE
    assert f"({naming.SECRET_BYTES} bytes or more" in PAGE
