"""A folder for a lease, and processes that hold one."""

from __future__ import annotations

import subprocess
import sys

import pytest

from anonymizer.lake.storage import open_root
from tests.lake.lease.holders import HOLDER


@pytest.fixture
def store(tmp_path):
    return open_root(str(tmp_path / "out.manifest"))


@pytest.fixture
def holder(store):
    """Starts a process that holds the lease, for so many seconds without a beat."""
    started: list[subprocess.Popen[str]] = []

    def start(lease_s):
        command = [sys.executable, "-c", HOLDER, store.uri, str(lease_s)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.stdout.close()
