"""Runs the software on a small, messy folder and shows what it did: `make demo`.

python infra/demo/demo.py                  writes demo/ and checks what came of every sample
python infra/demo/demo.py --picture FILE   writes the README's before and after
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import make_samples
import numpy as np
import sheet

from anonymizer import Anonymizer
from anonymizer.lake import manifest

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "demo"
EXPECTED_EXIT = 3
"""One sample is a truncated JPEG and fails on purpose (exit status 3)."""
COLUMNS = ("key", "status", "face_count", "redacted_count", "consent_status", "error_code", "metadata_removed")
PICTURE_WIDTH_PX = 560


class Expected(NamedTuple):
    """The expected result for a sample; `redacted` None = any number of redacted faces."""

    status: tuple[str, ...]
    redacted: int | None = None
    consent: str = "unknown"
    code: str | None = None


EXPECTED = {
    # A cat's face may be detected as a face; a false positive is acceptable.
    "animals/cat.jpg": Expected(("no_face", "anonymized")),
    make_samples.GALLERY: Expected(("anonymized",), 5),
    make_samples.LAWN: Expected(("anonymized",), 2, "partial"),
    "groups/path.webp": Expected(("anonymized",), 2),
    "groups/print.png": Expected(("anonymized",), 1),
    "odd/animation.gif": Expected(("anonymized",)),
    "odd/notes.txt": Expected(("skipped",), code="not_an_image"),
    "odd/truncated.jpg": Expected(("failed",), code="decode_error"),
    "places/coffee.jpg": Expected(("no_face",), 0),
    "places/rocket.jpg": Expected(("no_face",), 0),
    make_samples.ASTRONAUT: Expected(("retained",), 0, "granted"),
    make_samples.PHOTOGRAPHER: Expected(("anonymized",), 1, "denied"),
    "portraits/scan.bmp": Expected(("anonymized",), 1),
    "portraits/sideways.jpg": Expected(("anonymized",), 1),
    make_samples.WITHDRAWN: Expected(("anonymized",), 1, "withdrawn"),
}


def main(arguments: Sequence[str]) -> int:
    """Runs the demo, or makes the picture; exit status 0 if all results are as expected."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picture", type=Path, metavar="FILE")
    picture = parser.parse_args(arguments).picture
    if picture is not None:
        write_picture(picture)
        return 0
    return demo()


def demo() -> int:
    """Makes the samples, runs the job, prints the manifest, writes the contact sheet and checks the results."""
    prepare()
    command = ["anonymizer", "run", "demo/in", "demo/out", "--consent", "demo/consent.csv", "--workers", "2"]
    print(f"$ {' '.join(command)}", flush=True)
    program = Path(sys.executable).with_name(command[0])
    status = subprocess.run([program, *command[1:], "--address", "local"], cwd=ROOT, check=False).returncode
    print(f"\nExit status {status}: {_explained(status)}\n")
    rows = sorted(manifest.current(str(DEMO / "out.manifest")).to_pylist(), key=lambda row: row["key"])
    print("The manifest, demo/out.manifest/ (selected columns):\n")
    print_table(rows)
    write_sheet(rows)
    print("\nSee demo/side-by-side.png: inputs above, outputs below. All outputs are in demo/out/.")
    wrong = [*_unexpected(rows), *([] if status == EXPECTED_EXIT else [f"exit status {status}"])]
    for line in wrong:
        print(f"unexpected: {line}", file=sys.stderr)
    return 1 if wrong else 0


def prepare() -> None:
    """Makes new samples and removes the files of an earlier demo."""
    for name in ("in", "out", "out.manifest"):
        shutil.rmtree(DEMO / name, ignore_errors=True)
    make_samples.write_samples(DEMO / "in")
    make_samples.write_registry(DEMO / "consent.csv")


def print_table(rows: Iterable[Mapping[str, Any]]) -> None:
    """Prints selected columns of the manifest, left-aligned."""
    lines = [COLUMNS, *(tuple(_cell(row[column]) for column in COLUMNS) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def write_sheet(rows: Iterable[Mapping[str, Any]]) -> None:
    """Writes `demo/side-by-side.png`; samples that are not images are left out."""
    pairs = []
    for row in rows:
        before = sheet.read_upright(DEMO / "in" / row["key"])
        if before is not None:
            after = sheet.read_upright(DEMO / "out" / row["key"]) if row["output_uri"] else None
            pairs.append(sheet.Pair(before, after, row["key"], _note(row)))
    cv2.imwrite(str(DEMO / "side-by-side.png"), sheet.contact_sheet(pairs))


def write_picture(target: Path) -> None:
    """Writes the group photo before and after as one picture."""
    before = make_samples.gallery_jpeg()
    after = Anonymizer()(before).data
    left, right = (np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), 1), np.uint8) for data in (before, after))
    cv2.imwrite(str(target), sheet.before_after(left, right, PICTURE_WIDTH_PX), [cv2.IMWRITE_JPEG_QUALITY, 82])


def _unexpected(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The differences between the manifest and `EXPECTED`, one line each."""
    found = {row["key"]: row for row in rows}
    wrong = [f"{key}: not expected" for key in found.keys() - EXPECTED.keys()]
    for key, expected in EXPECTED.items():
        row = found.get(key)
        if row is None:
            wrong.append(f"{key}: no row")
        elif not _fits(row, expected):
            wrong.append(f"{key}: {row['status']}, {row['redacted_count']} redacted, {_note(row)}; not {expected}")
    return sorted(wrong)


def _fits(row: Mapping[str, Any], expected: Expected) -> bool:
    return (
        row["status"] in expected.status
        and (expected.redacted is None or row["redacted_count"] == expected.redacted)
        and row["consent_status"] == expected.consent
        and row["error_code"] == expected.code
    )


def _explained(status: int) -> str:
    if status == EXPECTED_EXIT:
        return "as expected; the truncated JPEG cannot be anonymized and has no output, which status 3 reports."
    return f"{EXPECTED_EXIT} was expected, because the truncated JPEG cannot be anonymized."


def _note(row: Mapping[str, Any]) -> str:
    detail = row["error_code"] or row["consent_status"]
    return str(row["status"]) if detail in (None, "unknown") else f"{row['status']}: {detail}"


def _cell(value: object) -> str:
    if isinstance(value, list):
        return _grouped(value) or "-"
    return "-" if value is None else str(value)


def _grouped(names: Iterable[str]) -> str:
    """Shortens `exif`, `exif.gps`, `exif.owner`, `xmp` to `exif(gps owner) xmp`."""
    groups: dict[str, list[str]] = {}
    for name in names:
        family, _, member = name.partition(".")
        groups.setdefault(family, []).extend([member] if member else [])
    return " ".join(f"{family}({' '.join(members)})" if members else family for family, members in groups.items())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
