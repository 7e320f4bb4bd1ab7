"""`python -m infra.proof.fuzz`, or `make fuzz`: fuzzes and prints a table; status 1 if anything was found.

SECONDS for each target, SEED, TARGETS (names or beginnings of names) come as options; --write puts the table into
infra/docs/fuzzing.md, between its markers.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from infra.proof.fuzz import run, store
from infra.proof.fuzz.corpus import FOLDER
from infra.proof.fuzz.targets import targets
from infra.proof.fuzz.tasks import Task

PAGE = Path(__file__).parents[2] / "docs" / "fuzzing.md"
BEGIN, END = "<!-- figures: begin (make fuzz WRITE=--write) -->", "<!-- figures: end -->"
HEAD = (
    "| target | corpus | executions | accepted | refused | memory refused | slowest, ms | grown, MiB | findings |",
    "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
)


def table(scores: list[run.Score]) -> str:
    """Markdown: one line for each target, and the sum."""
    lines = [
        f"| `{s.target}` | {s.corpus} | {s.executions:,} | {s.accepted:,} | {s.refused:,} | {s.out_of_memory:,} | "
        f"{s.slowest_s * 1000:,.0f} | {s.grown_mib:,.0f} | {len(s.findings)} |"
        for s in scores
    ]
    executions, findings = sum(s.executions for s in scores), sum(len(s.findings) for s in scores)
    return "\n".join((*HEAD, *lines, f"| all | | {executions:,} | | | | | | {findings} |"))


def embedded(text: str, figures: str) -> str:
    """The page with other figures between its markers.

    Raises:
        ValueError: A marker is missing.
    """
    before, _, rest = text.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"no table between {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{figures}\n{END}{after}"


def main(argv: list[str]) -> int:
    """Runs the chosen targets one after the other."""
    options = _parser().parse_args(argv)
    folder = options.folder if options.folder.is_dir() else None
    names = [name for name in targets() if not options.targets or name.startswith(tuple(options.targets))]
    scores = []
    for name in names:
        score = run.fuzz(Task(name, options.seed, options.seconds, folder))
        scores.append(score)
        print(f"{name}: {score.executions:,} executions, {len(score.findings)} findings", file=sys.stderr)
        for place, finding in score.findings.items():
            print(f"  {place}: {store.save(name, options.seed, finding)}", file=sys.stderr)
    print(table(scores))
    if options.write:
        PAGE.write_text(embedded(PAGE.read_text(encoding="utf-8"), table(scores)), encoding="utf-8")
    return int(any(score.findings for score in scores))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.proof.fuzz")
    parser.add_argument("targets", nargs="*", help="names of targets, or how they begin; all of them without")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="more files to begin with, where it is there")
    parser.add_argument("--write", action="store_true", help="put the table into infra/docs/fuzzing.md")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
