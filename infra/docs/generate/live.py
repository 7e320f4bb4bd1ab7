"""Parts that something has to be run for: the demo's output, and the table of formats."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]

#: What differs from one run of the demo to the next, and what the page shows in its place.
_MOVING = (
    (re.compile(r"^(run +)\S+$", re.MULTILINE), r"\1r20260101T080000000000Z-1a2b3c4d"),
    (re.compile(r"^(time +).*$", re.MULTILINE), r"\1… s, … images/s, first results after … s"),
    (
        re.compile(r"^(manifest +file://).*(/ray-anonymizer)?(/demo/\S+)$", re.MULTILINE),
        r"\1/home/you/ray-anonymizer\3",
    ),
)


class Unavailable(Exception):
    """What a part needs is not installed here; the part stays as it stands."""


def demo() -> str:
    """What `make demo` prints, in a block of code; times, the run's id and the folder are always the same.

    Raises:
        RuntimeError: Something else came of a sample than should.
    """
    command = [sys.executable, "infra/demo/demo.py"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the demo did not end as it should: {done.stderr.splitlines()[-1:]}")
    return f"```\n$ make demo\n{stable(done.stdout).rstrip()}\n```"


def stable(text: str) -> str:
    """The demo's output without what differs from run to run."""
    for pattern, shown in _MOVING:
        text = pattern.sub(shown, text)
    return text


def formats() -> str:
    """The table of formats, each cell the answer of a check (tests/image/formats).

    Raises:
        Unavailable: ExifTool or mat2 is not installed.
    """
    from tests.image.formats.table import table
    from tests.image.formats.tools import EXIFTOOL, MAT2

    if EXIFTOOL is None or MAT2 is None:
        raise Unavailable("the table of formats needs exiftool and mat2 on PATH")
    return table()
