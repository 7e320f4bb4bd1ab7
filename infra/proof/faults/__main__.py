"""`make faults` (`python -m infra.proof.faults`): hits runs in every way, prints a table; status 1 if one went wrong.

FAULTS (names, or how they begin), COUNT of objects, KILLS and SEED come as options; --write puts the lines that were
measured into infra/docs.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from infra.docs.generate import pages
from infra.proof.faults.faults import FAULTS, Harness
from infra.proof.faults.table import PREFIX, line, values
from infra.proof.machine import processor


def main(argv: list[str]) -> int:
    """Injects the chosen faults one after the other."""
    options = _parser().parse_args(argv)
    names = [name for name in FAULTS if not options.faults or name.startswith(tuple(options.faults))]
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="faults-") as folder:
        harness = Harness(Path(folder), options.count, options.kills, options.seed)
        scores = []
        print(processor(), flush=True)
        for name in names:
            score = FAULTS[name](harness)
            scores.append(score)
            print(line(values(score)), flush=True)
            for wrong in score.wrong[:20]:
                print(f"  {wrong}", file=sys.stderr, flush=True)
            if options.write:
                command = (
                    f'make faults FAULTS="{score.fault}" COUNT={options.count} KILLS={options.kills} WRITE=--write'
                )
                pages.measured(PREFIX + score.fault, command, values(score))
    if options.json:
        options.json.write_text(json.dumps([asdict(score) for score in scores], indent=1), encoding="utf-8")
    return int(any(score.wrong for score in scores))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.proof.faults")
    parser.add_argument("faults", nargs="*", help="names of faults, or how they begin; all of them without")
    parser.add_argument("--count", type=int, default=2000, help="objects")
    parser.add_argument("--kills", type=int, default=20, help="of drivers, and of workers")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="where to work")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    parser.add_argument("--write", action="store_true", help="put the lines into infra/docs/faults.md")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
