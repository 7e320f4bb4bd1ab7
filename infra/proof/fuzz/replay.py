"""Replay findings: `python -m infra.proof.fuzz.replay FILE...`; exit status 1 if one can be reproduced."""

from __future__ import annotations

import sys
from pathlib import Path

from infra.proof.fuzz import run, store
from infra.proof.fuzz.tasks import Task


def main(paths: list[str]) -> int:
    """Prints what became of each finding."""
    left = 0
    for path in paths:
        target, sample = store.load(Path(path))
        findings = run.replay(Task(target, sample=sample)).findings
        left += bool(findings)
        print(f"{path}: {', '.join(findings) or 'nothing found'}")
    return int(left > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
