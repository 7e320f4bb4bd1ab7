"""Fuzz the targets and print a table (`make fuzz`, `python -m infra.proof.fuzz`); exit status 1 if anything was found.

SECONDS for each target, SEED, TARGETS (names or beginnings of names) come as options; --write puts the lines into
infra/docs/fuzzing.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.docs.generate import pages
from infra.docs.generate.figures import Measurement, having_prefix, when
from infra.proof.fuzz import run, store
from infra.proof.fuzz.corpus import FOLDER
from infra.proof.fuzz.targets import targets
from infra.proof.fuzz.tasks import Task
from infra.proof.machine import processor

PREFIX = "fuzz "
HEAD = (
    "| target | corpus | executions | accepted | refused | memory refused | slowest, ms | grown, MiB | findings |",
    "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
)


def values(score: run.Score) -> dict[str, Any]:
    """The figures of a target's line, by the names of `Score`; of the findings their number."""
    kept = ("corpus", "executions", "accepted", "refused", "out_of_memory", "slowest_s", "grown_mib")
    return {field: getattr(score, field) for field in kept} | {"findings": len(score.findings)}


def table(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """Markdown: one line for each target, and the sum."""
    lines = [
        f"| `{target}` | {s['corpus']} | {s['executions']:,} | {s['accepted']:,} | {s['refused']:,} | "
        f"{s['out_of_memory']:,} | {s['slowest_s'] * 1000:,.0f} | {s['grown_mib']:,.0f} | {s['findings']} |"
        for target, s in figures.items()
    ]
    executions, findings = (sum(s[field] for s in figures.values()) for field in ("executions", "findings"))
    return "\n".join((*HEAD, *lines, f"| all | | {executions:,} | | | | | | {findings} |"))


def page_table(measurements: Mapping[str, Measurement]) -> str:
    """Of all targets that were ever measured, and when each was."""
    known = having_prefix(measurements, PREFIX)
    return f"{table({name: one.values for name, one in known.items()})}\n\n{when(known)}"


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
    print(f"{processor()}\n\n{table({score.target: values(score) for score in scores})}")
    for score in scores if options.write else ():
        command = f'make fuzz TARGETS="{score.target}" SECONDS={options.seconds:g} WRITE=--write'
        pages.measured(PREFIX + score.target, command, values(score))
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
