"""What the README repeats is what the code says."""

from __future__ import annotations

import argparse
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

import anonymizer
from anonymizer.cli.commands import run
from anonymizer.config import RunConfig, fields_of
from anonymizer.lake.manifest import SCHEMA

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def generator() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "infra" / "docs" / "settings_table.py"))


def test_table_of_settings_is_up_to_date(generator: dict[str, Any]) -> None:
    assert generator["embedded"](README) == README, "run `make docs`"


def test_table_has_every_setting(generator: dict[str, Any]) -> None:
    shown = re.findall(r"^\| `([a-z_.]+)` \|", generator["table"](), re.MULTILINE)
    assert shown == [name for name, _, _ in fields_of(RunConfig)]


def test_missing_marker_is_an_error(generator: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no table"):
        generator["embedded"]("# Title\n")


@pytest.mark.parametrize("page", ["README.md", "infra/docs/running.md"])
def test_options_exist(page: str) -> None:
    known = set(re.findall(r"--[a-z-]+", _run_help()))
    text = (ROOT / page).read_text(encoding="utf-8")
    commands = re.findall(r"^ *(?:[$] )?anonymizer run .*$", text, re.MULTILINE)
    options = {option for command in commands for option in re.findall(r"--[a-z-]+", command)}
    assert options, "the page shows a command"
    assert options - known == set()


def _run_help() -> str:
    parser = argparse.ArgumentParser()
    run.COMMAND.add_arguments(parser)
    return parser.format_help()


@pytest.mark.parametrize("page", ["README.md", "infra/docs/running.md"])
def test_settings_exist(page: str) -> None:
    known = {name for name, _, _ in fields_of(RunConfig)}
    text = (ROOT / page).read_text(encoding="utf-8")
    for name in re.findall(r"--set ([a-z_.]+)", text):
        # `storage.input.ANYTHING` goes to fsspec; `section.key` stands for all of them.
        assert name in known or name.rpartition(".")[0] in known or name == "section.key"


@pytest.mark.parametrize("page", ["README.md", "infra/docs/running.md"])
def test_links_lead_somewhere(page: str) -> None:
    path = ROOT / page
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


def test_manifest_columns_exist() -> None:
    block = README.partition("<!-- columns -->")[2].partition("<!-- /columns -->")[0]
    named = re.findall(r"`([a-z_0-9]+)`", block)
    assert named
    assert set(named) - set(SCHEMA.names) == set()


def test_public_names_exist() -> None:
    imported = re.findall(r"^ *from anonymizer import (.+)$", README, re.MULTILINE)
    assert imported
    for name in ", ".join(imported).split(", "):
        assert hasattr(anonymizer, name) or name == "manifest"


def test_picture_is_small() -> None:
    size_bytes = (ROOT / "infra" / "docs" / "before-after.jpg").stat().st_size
    assert 0 < size_bytes < 150_000
