"""`python -m infra.proof.formats`, or `make formats`: our decoder against every other one that is here.

Without a folder the variants that can be made in code are compared pixel by pixel, and status 1 means that one is out
of its bounds. With one, thumbnails of its files are, and status 1 means that nobody knows why two of them differ.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from infra.docs.generate import pages
from infra.proof.formats import folder, table
from infra.proof.formats.decoders import DECODERS, Decoder, here, versions
from infra.proof.formats.trial import Verdict, trial
from infra.proof.formats.variants import variants
from infra.proof.machine import processor

NAME = "formats"


def main(argv: list[str]) -> int:
    """Compares, and prints a table."""
    options = _parser().parse_args(argv)
    decoders = [decoder for decoder in here() if not options.decoders or decoder.name in options.decoders]
    for decoder in DECODERS:
        if not decoder.is_here:
            print(f"without {decoder.name}: {decoder.install or 'see requirements-dev.lock'}", file=sys.stderr)
    if options.folder is not None:
        return _folder(options.folder, decoders)
    verdicts = list(trial((one for one in variants() if options.only in one.name), decoders))
    made = table.values(verdicts)
    print(f"{processor()}\n\n{table.table(made)}")
    for line in faults(verdicts):
        print(line)
    if options.write:
        note = versions()
        pages.measured(NAME, "make formats WRITE=--write", made, note)
    return int(any(faults(verdicts)))


def faults(verdicts: Sequence[Verdict]) -> list[str]:
    """A line for each variant and decoder that is out of its bounds, and each variant that we do not read."""
    return [
        f"out of bounds: {one.variant.name}, {one.decoder}: {one.unread or one.difference}"
        for one in verdicts
        if not one.ok
    ]


def _folder(path: Path, decoders: Sequence[Decoder]) -> int:
    groups: dict[str, list[folder.Compared]] = {}
    for one in folder.compare(path, decoders):
        groups.setdefault(one.reason, []).append(one)
    for reason, members in sorted(groups.items()):
        print(f"{len(members)} files: {reason or 'nobody knows why they differ'}")
        for one in members if reason not in folder.QUIET else ():
            print(f"  {one.path}: {one.detail}")
    return int("" in groups)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.proof.formats")
    parser.add_argument("folder", nargs="?", type=Path, help="compare thumbnails of the files in it instead")
    parser.add_argument("--decoders", nargs="*", help="names of those to compare with; all that are here without")
    parser.add_argument("--only", default="", help="of the variants those whose names hold this")
    parser.add_argument("--write", action="store_true", help="put the table into infra/docs/formats.md")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
