"""Two builds of this software beside each other: the tree that is here, and a worktree of an earlier commit."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_ABSENT = Path(__file__).with_name("absent")
"""Modules that only development environments have; they raise what a missing one would."""
LOCK = "requirements-dev.lock"
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Build:
    """A source tree and a Python that has what it depends on.

    Attributes:
        name: `new`, or `base` with the commit.
        root: Of the tree; comes first on the path, before any installed version.
        python: The interpreter.
    """

    name: str
    root: Path
    python: str = sys.executable

    @property
    def environ(self) -> Mapping[str, str]:
        path = os.pathsep.join((str(_ABSENT), str(self.root)))
        return os.environ | ONE_THREAD | {"PYTHONPATH": path, "RAY_USAGE_STATS_ENABLED": "0"}

    def command(self, *arguments: str) -> list[str]:
        """Runs this build's `anonymizer`."""
        return [self.python, "-P", "-m", "anonymizer", *arguments]


def here(root: Path) -> Build:
    """The tree that this module is in."""
    return Build("new", root)


def of_commit(root: Path, commit: str, folder: Path) -> Build:
    """A worktree of a commit; kept for the next time.

    Args:
        root: Of the repository.
        commit: Anything that git knows a commit by.
        folder: Where worktrees and virtual environments are kept.

    Raises:
        SystemExit: Git does not know the commit, or pip cannot get what it depends on.
    """
    named = subprocess.run(
        ["git", "-C", str(root), "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}"],
        check=False,
        capture_output=True,
        text=True,
    )
    if named.returncode:
        raise SystemExit(f"BASE={commit}: git knows no such commit")
    sha = named.stdout.strip()
    tree = folder / f"base-{sha[:12]}"
    if not tree.exists():
        subprocess.run(["git", "-C", str(root), "worktree", "prune"], check=True)
        subprocess.run(["git", "-C", str(root), "worktree", "add", "--quiet", "--detach", str(tree), sha], check=True)
    return Build(f"base {sha[:7]}", tree, _python(root, tree, folder / f"base-{sha[:12]}-venv"))


def _python(root: Path, tree: Path, venv: Path) -> str:
    """This interpreter where both depend on the same; else one with what the commit's lock names."""
    if (root / LOCK).read_bytes() == (tree / LOCK).read_bytes():
        return sys.executable
    python, marker = venv / "bin" / "python", venv / "installed"
    if not marker.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        locked = ["--require-hashes", "--no-deps", "-r", str(tree / LOCK)]
        if subprocess.run([*pip, *locked], check=False).returncode:
            raise SystemExit(f"pip could not install {tree.name}/{LOCK}")
        marker.touch()
    return str(python)
