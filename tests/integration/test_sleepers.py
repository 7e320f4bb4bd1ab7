"""A worker that slept through the end of its run's lease wakes up and can do nothing any more."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from anonymizer.lake.lease import acquire
from anonymizer.lake.storage import open_root
from anonymizer.records import ImageRef
from tests.pictures import photo

#: Nothing but the sleep ends it, however slow the machine.
LEASE_S = 4000.0

WORKER = """
import json, sys, time
from datetime import UTC, datetime
from pathlib import Path
from anonymizer.config import RunConfig, from_mapping
from anonymizer.lake.lease import acquire
from anonymizer.records import NO_CONSENT, Chunk, ImageRef, WorkItem
from anonymizer.lake.storage import open_root
from anonymizer.lake.roots import open_manifest_root, open_output
from anonymizer.run.worker import Job, Worker

given = json.loads(sys.argv[1])
config = from_mapping(RunConfig, given["config"])
held = acquire(open_manifest_root(config, given["manifest"]), given["lease_s"])
open_output(config).set_mark("ab" * 16)
worker = Worker(Job(config, given["manifest"], "r1", datetime.now(UTC), None, None, held.ticket, "ab" * 16))
source = open_root(config.input, config.storage.input)
item = WorkItem(next(iter(source.list())), NO_CONSENT, given["version"])
compute, notes = worker._computer._anonymizer, Path(given["notes"])

class Slow:
    def __call__(self, *what):
        image = compute(*what)
        (notes / "computed").touch()
        while not (notes / "go").exists():
            time.sleep(0.02)
        return image

worker._computer._anonymizer = Slow()
# It was stopped for as long as its lease holds, and its clock says so.
awake = time.monotonic
worker._watch._clock = lambda: awake() + (given["lease_s"] if (notes / "slept").exists() else 0.0)
try:
    result = worker.process(Chunk("c", (item,), 1, held.ticket.epoch, 3600.0))
    print("nothing" if result.unfinished or result.conflicts else "done", flush=True)
except Exception as error:
    print(type(error).__name__, flush=True)
"""


@pytest.fixture(params=["disk", "s3"])
def places(request, tmp_path):
    """URLs of input, output and manifest, and the options that reach them."""
    if request.param == "disk":
        (tmp_path / "in").mkdir()
        return [str(tmp_path / name) for name in ("in", "out", "out.manifest")], {}
    server = request.getfixturevalue("s3_server")
    request.getfixturevalue("s3_client").create_bucket(Bucket="photos")
    return [f"s3://photos/{name}" for name in ("in", "out", "out.manifest")], server.options


class Clock:
    """Time passes only by sleeping."""

    now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.mark.parametrize("output", ["absent", "present", "taken down"])
def test_it_publishes_nothing_and_writes_no_row(places, tmp_path, output):
    (source_uri, output_uri, manifest_uri), options = places
    source, out = open_root(source_uri, options), open_root(output_uri, options)
    source.put("a.png", photo(1))
    if output != "absent":
        out.put("a.png", b"of an earlier night")
    given = {
        "config": {
            "input": source_uri,
            "output": output_uri,
            "detector": {"name": "patch"},
            "storage": dict.fromkeys(("input", "output", "manifest"), options),
        },
        "manifest": manifest_uri,
        "lease_s": LEASE_S,
        "version": out.version("a.png"),
        "notes": str(tmp_path),
    }
    sleeper = subprocess.Popen(
        [sys.executable, "-c", WORKER, json.dumps(given)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    try:
        assert sleeper.stdout is not None
        wait_for(tmp_path / "computed", sleeper)
        sleeper.send_signal(signal.SIGSTOP)
        # Its driver slept with it: to this machine it lives, so it is followed as one of another machine would be.
        root = open_root(manifest_uri, options)
        record = json.loads(root.get("_lease"))
        root.put("_lease", json.dumps({**record, "host": "elsewhere"}).encode())
        clock = Clock()
        with acquire(root, LEASE_S, clock=clock, sleep=clock.sleep):
            if output == "taken down":
                out.purge("a.png")
            before = out.get("a.png") if output == "present" else None
            (tmp_path / "slept").touch()
            (tmp_path / "go").touch()
            sleeper.send_signal(signal.SIGCONT)
            assert sleeper.stdout.readline().strip() in ("nothing", "DeadlinePassed")
            sleeper.wait()
        assert [entry.key for entry in out.list(output=True)] == (["a.png"] if output == "present" else [])
        assert before is None or out.get("a.png") == before
        assert not list(root.names("_journal/"))
    finally:
        sleeper.kill()
        sleeper.wait()
        assert sleeper.stdout is not None
        sleeper.stdout.close()


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    while not path.exists():
        assert process.poll() is None, "the worker ended before it got there"
        time.sleep(0.05)


def test_the_same_worker_awake_does_its_work(tmp_path):
    """The test above proves something only if nothing but the sleep stops the worker."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.png").write_bytes(photo(1))
    (tmp_path / "go").touch()
    given = {
        "config": {"input": str(tmp_path / "in"), "output": str(tmp_path / "out"), "detector": {"name": "patch"}},
        "manifest": str(tmp_path / "out.manifest"),
        "lease_s": LEASE_S,
        "version": None,
        "notes": str(tmp_path),
    }
    command = [sys.executable, "-c", WORKER, json.dumps(given)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert done.stdout == "done\n"
    assert [entry.key for entry in open_root(str(tmp_path / "out")).list() if isinstance(entry, ImageRef)] == ["a.png"]
