"""What the README repeats is what the code says."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

import anonymizer
from anonymizer.cli.commands import run
from anonymizer.config import RunConfig, fields_of

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = ["README.md", *(str(page.relative_to(ROOT)) for page in sorted((ROOT / "infra/docs").rglob("*.md")))]
#: Longer than one reads in three minutes it may not become again; what is more belongs on a page.
README_LINES = 150


@pytest.mark.parametrize("page", PAGES)
def test_options_exist(page: str) -> None:
    known = set(re.findall(r"--[a-z-]+", _run_help()))
    text = (ROOT / page).read_text(encoding="utf-8")
    commands = re.findall(r"^ *(?:[$] )?anonymizer run .*$", text, re.MULTILINE)
    options = {option for command in commands for option in re.findall(r"--[a-z-]+", command)}
    assert options or page not in ("README.md", "infra/docs/running.md"), "the page shows a command"
    assert options - known == set()


def _run_help() -> str:
    parser = argparse.ArgumentParser()
    run.COMMAND.add_arguments(parser)
    return parser.format_help()


@pytest.mark.parametrize("page", PAGES)
def test_settings_exist(page: str) -> None:
    known = {name for name, _, _ in fields_of(RunConfig)}
    text = (ROOT / page).read_text(encoding="utf-8")
    # `make bench-detection` has a --set of its own, which names a set of photos.
    for name in re.findall(r"(?<!misses )--set ([a-z_.]*[a-z_])", text):
        # `storage.input.ANYTHING` goes to fsspec; `section.key` stands for all of them.
        assert name in known or name.rpartition(".")[0] in known or name == "section.key"


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    path = ROOT / page
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", path.read_text(encoding="utf-8")):
        file = (path.parent / target) if target else path
        assert file.exists(), target
        if anchor:
            assert anchor in _anchors(file), f"{target}#{anchor}"


def _anchors(page: Path) -> set[str]:
    """Those that headings get where Markdown is shown: lower case, blanks to hyphens, other signs dropped."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_page_can_be_reached() -> None:
    links = {
        (ROOT / page).parent.joinpath(target).resolve()
        for page in PAGES
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / page).read_text(encoding="utf-8"))
    }
    folders = {link for link in links if link.is_dir()}
    alone = [
        page for page in PAGES[1:] if not {(ROOT / page).resolve(), (ROOT / page).resolve().parent} & (links | folders)
    ]
    assert not alone


def test_the_readme_is_read_in_three_minutes() -> None:
    assert len(README.splitlines()) <= README_LINES


def test_the_licence_part_names_what_the_networks_were_trained_on() -> None:
    for page in ("README.md", "infra/docs/model-card.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        assert "WIDER FACE" in text
        assert "derived data" in text
        assert "--detector yunet --weights" in text


@pytest.mark.parametrize("page", ["infra/docs/python.md", "infra/docs/manifest.md"])
def test_public_names_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    imported = re.findall(r"^ *from anonymizer import (.+)$", text, re.MULTILINE)
    assert imported
    for name in ", ".join(imported).split(", "):
        assert hasattr(anonymizer, name) or name == "manifest"


def test_picture_is_small() -> None:
    size_bytes = (ROOT / "infra" / "docs" / "before-after.jpg").stat().st_size
    assert 0 < size_bytes < 150_000
