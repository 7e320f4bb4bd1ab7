"""A Ray that does not start is one line with the reason, and is tried again where that may help."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import ray
from ray._private.node import Node
from ray.exceptions import AuthenticationError, RaySystemError

from anonymizer.config import EngineConfig
from anonymizer.errors import ClusterError
from anonymizer.run import engine
from anonymizer.run.engine import startup
from tests.integration.runs import write
from tests.pictures import photo

REPOSITORY = Path(__file__).parents[3]
#: What Ray 2.60.0 raises when its processes do not come up within its 30 s.
TIMED_OUT = Exception(
    "The current node timed out during startup. This could happen because some of the raylet failed to startup or the "
    "GCS has become overloaded."
)
MISMATCH = RuntimeError(
    "Version mismatch: The cluster was started with:\n    Ray: 2.55.0\n    Python: 3.11.2\nThis process on node "
    "10.0.0.7 was started with:\n    Ray: 2.60.0\n    Python: 3.12.1\n"
)
SHM = ValueError(
    "The configured object store size (0.17 GB) exceeds /dev/shm size (0.06 GB). This will harm performance."
)


class Raised:
    """Fails so often, then comes up."""

    def __init__(self, error: Exception, times: int = 99) -> None:
        self.error, self.times, self.tries = error, times, 0

    def __call__(self) -> None:
        self.tries += 1
        if self.tries <= self.times:
            raise self.error


@pytest.fixture(autouse=True)
def _ray_of_the_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "shutdown", lambda: None)


def start(begin: Raised) -> list[float]:
    pauses: list[float] = []
    startup.start_ray(begin, "Ray did not start", pauses.append)
    return pauses


@pytest.mark.parametrize(
    "error",
    [
        TIMED_OUT,
        RuntimeError("Failed to start GCS.  Last 1 lines of error files:\n E 1 gcs_server.cc: ...\n."),
        TimeoutError("Timed out after 30 seconds while waiting for node to startup."),
        ValueError("Ray component gcs is trying to use a port number 6379 that is used by other components."),
        OSError(errno.EADDRINUSE, "Address already in use"),
        OSError(errno.EAGAIN, "Resource temporarily unavailable"),
    ],
)
def test_what_may_pass_is_tried_again_and_not_for_ever(error):
    begin = Raised(error, 2)
    assert start(begin) == [startup.PAUSE_S] * 2
    begin = Raised(error)
    with pytest.raises(ClusterError, match=r"^Ray did not start: [^\n]+ \([^\n]+\)$"):
        start(begin)
    assert begin.tries == startup.TRIES


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SHM, "make room in /dev/shm"),
        (PermissionError(errno.EACCES, "Permission denied", "/home/x/.ray"), "HOME and RAY_TMPDIR"),
        (OSError(errno.EROFS, "Read-only file system", "/tmp/ray"), "HOME and RAY_TMPDIR"),
        (OSError(errno.ENOSPC, "No space left on device"), "make room in Ray's temporary folder"),
        (OSError("validate_socket_filename failed: AF_UNIX path length cannot exceed 107 bytes"), "a shorter"),
        (AuthenticationError("RAY_AUTH_MODE is token and no token was found"), "the cluster's token"),
        (MISMATCH, r"the versions of this environment .*Ray: 2\.55\.0 Python: 3\.11\.2"),
        (KeyError("new"), "its logs are in .*KeyError 'new'"),
    ],
)
def test_what_will_not_pass_is_said_at_once(error, said):
    begin = Raised(error)
    with pytest.raises(ClusterError, match=f"^Ray did not start: .*{said}") as caught:
        start(begin)
    assert begin.tries == 1
    assert "\n" not in str(caught.value)


def test_the_reason_behind_a_reason_counts():
    outer = ConnectionError("Failed to connect to Ray cluster at 10.0.0.7:6379")
    outer.__cause__ = MISMATCH
    with pytest.raises(ClusterError, match="needs the versions"):
        start(Raised(outer))


@pytest.mark.parametrize(
    "secret", ["http://u:hunter2@10.0.0.7", "RAY_AUTH_TOKEN=hunter2", "Authorization: Bearer hunter2", "hunter2" * 8]
)
def test_what_ray_says_is_shown_without_secrets_and_not_at_length(secret):
    with pytest.raises(ClusterError) as caught:
        start(Raised(ValueError(f"cannot use {secret} " + "and so on " * 90)))
    assert "hunter2" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_processes_of_a_try_that_failed_are_ended(monkeypatch):
    ended = []
    monkeypatch.setattr(Node, "kill_all_processes", lambda self, **_: ended.append(self))

    def timed_out(self: Node) -> None:
        raise TimeoutError

    monkeypatch.setattr(Node, "start_head_processes", timed_out)
    monkeypatch.setattr(Node, "__init__", lambda self: self.start_head_processes())
    node: Any = Node
    with pytest.raises(ClusterError):
        startup.start_ray(lambda: node(), "Ray did not start", lambda _: None)
    assert len(ended) == len(set(map(id, ended))) == startup.TRIES


@pytest.mark.usefixtures("cluster")
def test_a_ray_that_goes_away_is_one_line_too():
    with pytest.raises(ClusterError, match=r"^the Ray cluster was lost \(RaySystemError\)$"), _connected():
        raise RaySystemError("the raylet died")


def _connected():
    return engine.connected(EngineConfig())


def test_an_address_is_shown_without_user_info(monkeypatch):
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with (
        pytest.raises(ClusterError, match=r"^no Ray cluster answers at '127\.0\.0\.1:1'$"),
        engine.connected(EngineConfig(address="ray://user:hunter2@127.0.0.1:1")),
    ):
        pass


def test_the_command_line_says_it_in_one_line(tmp_path):
    write(tmp_path / "in", {"a.png": photo(1)})
    (tmp_path / "file").touch()
    command = [sys.executable, "-m", "anonymizer", "run", str(tmp_path / "in"), str(tmp_path / "out")]
    command += ["--detector", "patch", "--address", "local", "--workers", "1"]
    environment = {**os.environ, "RAY_TMPDIR": str(tmp_path / "file/x")}
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    said = done.stderr.splitlines()[-1]
    assert said.startswith("anonymizer: Ray did not start: HOME and RAY_TMPDIR have to be writable folders (")
    assert "Traceback" not in done.stderr
