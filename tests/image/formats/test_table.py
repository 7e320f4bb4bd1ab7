"""Every cell of the table in infra/docs/formats.md is the answer of its check."""

from __future__ import annotations

import re

import pytest

from infra.docs.generate import markers
from tests.image.codec import jxl
from tests.image.codec.samples import MARKER
from tests.image.formats.kinds import FRAMES, KINDS, Kind, frames
from tests.image.formats.probes import COLUMNS, NO, NOT_APPLICABLE, soiled
from tests.image.formats.table import NAME, PAGE, TOOLS, committed
from tests.image.formats.tools import EXIFTOOL, MAT2, clean

#: Without the kinds of JPEG XL where its library is not installed.
TABLE = {name: row for name, row in committed().items() if jxl.IS_HERE or not name.startswith("JPEG XL")}
NAMES = [kind.name for kind in KINDS]
INSTALLED = {"ExifTool": EXIFTOOL, "mat2": MAT2}


def test_the_table_has_every_kind_and_every_column() -> None:
    assert list(TABLE) == NAMES
    for row in TABLE.values():
        assert list(row) == [*COLUMNS, *(f"clean by {tool}" for tool in TOOLS)]


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_a_cell_is_what_its_check_says(kind: Kind, column: str) -> None:
    assert COLUMNS[column](kind) == TABLE[kind.name][column], "run `make docs`"


@pytest.mark.parametrize("tool", TOOLS)
def test_the_cells_of_a_tool_are_what_it_says(tool: str) -> None:
    if INSTALLED[tool] is None:
        pytest.skip(f"{tool} is not here")
    for name, answer in clean(tool, KINDS).items():
        cell = TABLE[name][f"clean by {tool}"]
        # Which formats a tool reads depends on its version and on what is installed beside it.
        assert answer == cell or (answer != NO and NOT_APPLICABLE in (answer, cell)), name


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_the_metadata_of_a_source_are_there_and_do_not_come_out(kind: Kind) -> None:
    assert MARKER in kind.soil(kind.write(frames(FRAMES if kind.moving else 1)))
    assert MARKER not in soiled(kind).data


def test_the_page_has_the_table_once_and_its_links_lead_somewhere() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name, _ in markers.bodies(text)].count(NAME) == 1
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (PAGE.parent / target).exists(), target
