"""Start Ceph's object gateway on loopback and stop it again.

The cluster has one monitor (messenger protocol v1 only), one OSD that keeps objects in memory, and no manager. All
files are in a temporary folder. Needs Debian's `radosgw`, `ceph-mon`, `ceph-osd` and `ceph-common`.
"""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("ceph", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")
START_S = 30.0
ATTEMPTS = 3
CONFIGURATION = """
[global]
fsid = {fsid}
mon initial members = a
mon host = [v1:127.0.0.1:{mon_port}/0]
auth cluster required = none
auth service required = none
auth client required = none
ms bind msgr2 = false
public addr = 127.0.0.1
cluster addr = 127.0.0.1
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
osd objectstore = memstore
memstore device bytes = 2147483648
mon data = {folder}/mon
osd data = {folder}/osd
osd uuid = {osd}
run dir = {folder}/run
admin socket = {folder}/run/$name.asok
log file = {folder}/log/$name.log
log to stderr = false
rgw frontends = beast endpoint=127.0.0.1:{port}
rgw data = {folder}/rgw
rgw enable usage log = false
rgw enable gc threads = false
rgw enable lc threads = false
"""


@dataclass(frozen=True)
class Gateway:
    """A running gateway.

    Attributes:
        endpoint_url: URL on loopback.
        access_key: Access key of a temporary user.
        secret_key: Secret key of that user.
    """

    endpoint_url: str
    access_key: str
    secret_key: str


def missing() -> list[str]:
    """Programs that are not installed."""
    return [program for program in PROGRAMS if shutil.which(program) is None]


@contextmanager
def running(access_key: str | None = None, secret_key: str | None = None) -> Iterator[Gateway]:
    """Runs a gateway for the duration of the context.

    Args:
        access_key: Access key of its user; random by default.
        secret_key: Secret key of its user; random by default.

    Raises:
        RuntimeError: A program is missing, or the gateway did not answer in time, three times.
    """
    if absent := missing():
        raise RuntimeError(
            f"not installed: {', '.join(absent)} (apt-get install radosgw ceph-mon ceph-osd ceph-common)"
        )
    with ExitStack() as stack:
        yield _started(stack, access_key or secrets.token_hex(10), secret_key or secrets.token_hex(20))


def _started(stack: ExitStack, access_key: str, secret_key: str) -> Gateway:
    """Starts a cluster and returns its gateway; a cluster that fails to start is stopped before the next attempt."""
    attempt = 0
    while True:
        with ExitStack() as trial:
            folder = Path(trial.enter_context(tempfile.TemporaryDirectory(prefix="radosgw-")))
            cluster = _Cluster(folder, trial)
            try:
                cluster.start_monitor()
                cluster.start_osd()
                gateway = cluster.start_gateway(access_key, secret_key)
            except (subprocess.TimeoutExpired, RuntimeError):
                attempt += 1
                if attempt == ATTEMPTS:
                    raise
                continue
            stack.push(trial.pop_all())
            return gateway


class _Cluster:
    """The daemons of the cluster, which are stopped when the stack unwinds."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._osd = str(uuid.uuid4())
        self._fsid = str(uuid.uuid4())
        self._mon_port, self._port = _free_port(), _free_port()
        for name in ("mon", "osd", "run", "log", "rgw"):
            (folder / name).mkdir()
        self._conf = folder / "ceph.conf"
        self._conf.write_text(
            CONFIGURATION.format(
                fsid=self._fsid, folder=folder, osd=self._osd, mon_port=self._mon_port, port=self._port
            )
        )

    def start_monitor(self) -> None:
        monmap = str(self._folder / "monmap")
        address = f"[v1:127.0.0.1:{self._mon_port}/0]"
        self._do("monmaptool", "--create", "--addv", "a", address, "--fsid", self._fsid, monmap)
        self._do("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap)
        self._daemon("ceph-mon", "-i", "a")

    def start_osd(self) -> None:
        self._do("ceph", "--connect-timeout", str(int(START_S)), "osd", "new", self._osd)
        self._do("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", self._osd)
        self._daemon("ceph-osd", "-i", "0")
        # radosgw-admin creates pools first and would wait for ever without an OSD.
        self._wait(
            lambda: json.loads(self._do("ceph", "osd", "stat", "--format", "json"))["num_up_osds"] == 1, "the OSD"
        )

    def start_gateway(self, access: str, secret: str) -> Gateway:
        self._do(
            *("radosgw-admin", "user", "create", "--uid", "tests", "--display-name", "tests"),
            *("--access-key", access, "--secret-key", secret),
        )
        self._daemon("radosgw", "-n", "client.rgw")
        url = f"http://127.0.0.1:{self._port}"
        self._wait(lambda: _answers(url), "the gateway")
        return Gateway(url, access, secret)

    def _wait(self, ready: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + START_S
        while not ready():
            if time.monotonic() > end:
                raise RuntimeError(f"{what} does not answer within {START_S:.0f} s")
            time.sleep(0.2)

    def _do(self, program: str, *arguments: str) -> str:
        command = [program, "-c", str(self._conf)] if program != "monmaptool" else [program]
        done = subprocess.run(
            [*command, *arguments], capture_output=True, text=True, timeout=START_S, check=False, cwd=self._folder
        )
        if done.returncode:
            raise RuntimeError(f"{program} {arguments[0]}: {done.stderr.strip()[-500:]}")
        return done.stdout

    def _daemon(self, program: str, *arguments: str) -> None:
        process = subprocess.Popen(
            [program, "-c", str(self._conf), "-f", *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
        )
        self._stack.callback(_end, process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(5.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - a URL of ours
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
