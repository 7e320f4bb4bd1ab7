"""All processes of a command count, those that left its tree too; another command's do not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.proof.bench import builds, process_tree

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")

_BUSY = "import time\nwhile time.process_time() < {seconds}: pass\n"
_LEAVES = """
import os, subprocess, sys, time
busy = "import sys, time\\nwhile time.process_time() < 0.6: pass\\nopen(sys.argv[1], 'w')"
start = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', *sys.argv[1:]], start_new_session=True)"
subprocess.run([sys.executable, "-c", start, busy, sys.argv[1]], check=True)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.02)
"""
"""Starts a process that starts another one in a session of its own, and is not its parent any more when that works."""


def test_what_a_command_takes_itself_is_counted() -> None:
    usage = process_tree.measured([sys.executable, "-c", _BUSY.format(seconds=0.5)], os.environ)
    assert usage.end.cpu_s >= 0.45
    assert usage.end.wall_s >= 0.4
    assert usage.driver_peak_mib > 1
    assert usage.worker_peak_mib == 0


def test_a_process_that_left_the_tree_is_counted(tmp_path: Path) -> None:
    usage = process_tree.measured([sys.executable, "-c", _LEAVES, str(tmp_path / "done")], os.environ)
    assert usage.end.cpu_s >= 0.3


def test_other_processes_are_not_counted() -> None:
    with subprocess.Popen([sys.executable, "-c", _BUSY.format(seconds=30)]) as other:
        usage = process_tree.measured([sys.executable, "-c", "import time; time.sleep(1)"], os.environ)
        other.kill()
    assert usage.end.cpu_s < 0.5


def test_marks_are_passed_in_order_and_each_must_come(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    code = f"import time; open({str(first)!r}, 'w'); time.sleep(0.3); open({str(second)!r}, 'w'); time.sleep(0.3)"
    usage = process_tree.measured([sys.executable, "-c", code], os.environ, (first.exists, second.exists))
    assert [mark.wall_s for mark in usage.marks] == sorted(mark.wall_s for mark in usage.marks)
    assert usage.marks[1].wall_s < usage.end.wall_s
    with pytest.raises(SystemExit, match="exit status 0"):
        process_tree.measured([sys.executable, "-c", "pass"], os.environ, (lambda: False,))


def test_a_failure_says_what_the_command_said() -> None:
    code = "import sys; print('no such lake', file=sys.stderr); sys.exit(3)"
    with pytest.raises(SystemExit, match="exit status 3\nno such lake"):
        process_tree.measured([sys.executable, "-c", code], os.environ)


def test_a_build_runs_its_own_tree_and_hides_pandas(tmp_path: Path) -> None:
    (tmp_path / "anonymizer").mkdir()
    (tmp_path / "anonymizer/__init__.py").write_text("")
    (tmp_path / "anonymizer/__main__.py").write_text(
        "try:\n    import pandas\nexcept ModuleNotFoundError as error:\n    print(__file__, error.name)\n"
    )
    build = builds.Build("base", tmp_path)
    done = subprocess.run(build.command(), env=build.environ, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(tmp_path / "anonymizer/__main__.py"), "pandas"]


def test_a_commit_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    with pytest.raises(SystemExit, match="BASE=nonesuch: git knows no such commit"):
        builds.of_commit(tmp_path, "nonesuch", tmp_path / "kept")


def test_a_commit_becomes_a_worktree_with_this_python_where_its_lock_is_the_same(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
        subprocess.run(["git", "-C", str(tmp_path), *identity, *arguments], check=True, capture_output=True)

    git("init")
    (tmp_path / builds.LOCK).write_text("numpy==2.1.0\n")
    git("add", ".")
    git("commit", "-m", "one")
    (tmp_path / "later").write_text("")
    for _ in range(2):  # The second time it is there already.
        build = builds.of_commit(tmp_path, "HEAD", tmp_path / "kept")
        assert (build.root / builds.LOCK).read_text() == "numpy==2.1.0\n"
        assert not (build.root / "later").exists()
        assert build.python == sys.executable
