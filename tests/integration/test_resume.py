"""A killed run started again, consent decided anew, outputs taken down: nothing lost, nothing done twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from anonymizer.errors import ConfigError, RegistryError, WrongOutput
from anonymizer.lake.lease import Lease
from anonymizer.lake.manifest import from_table
from anonymizer.lake.naming import Places
from anonymizer.lake.storage import open_root
from anonymizer.records import NO_CONSENT, ChunkResult, ImageRef, WorkItem
from anonymizer.run.chunks import Task
from anonymizer.run.driver import Driver
from anonymizer.run.driver import run as run_driver
from anonymizer.run.driver.outcomes import Outcomes
from anonymizer.run.start.paths import resolved
from tests.integration.runs import config, files, rows, run, write
from tests.pictures import decoded, photo

pytestmark = pytest.mark.usefixtures("cluster")

REPOSITORY = Path(__file__).parents[2]


class Killed(Exception):
    """The driver dies here."""


@pytest.fixture
def dying(monkeypatch):
    """Lets the driver die after so many committed chunks."""

    def after(chunks: int) -> None:
        original = Outcomes.committed
        seen = []

        def committed(self, task, result: ChunkResult):
            seen.append(1)
            again = original(self, task, result)
            if len(seen) == chunks:
                raise Killed
            return again

        monkeypatch.setattr(Outcomes, "committed", committed)

    yield after
    monkeypatch.undo()


def test_a_killed_run_goes_on_where_it_stopped(tmp_path, dying, monkeypatch):
    lake = write(tmp_path / "in", {f"{i:02}.png": photo(i) for i in range(20)})
    dying(2)
    with pytest.raises(Killed):
        run(lake, tmp_path / "out")
    monkeypatch.undo()
    before = rows(tmp_path / "out")
    versions = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    assert 0 < len(before) < 20
    write(lake, {"00a.png": photo(50), "zz.png": photo(51)})

    summary = run(lake, tmp_path / "out")
    after = rows(tmp_path / "out")
    assert {row["run_id"] for row in before.values()} == {summary.run_id}
    assert set(after) == set(files(lake)) == set(files(tmp_path / "out"))
    assert summary.unchanged == len(before)
    assert summary.unchanged + summary.written == summary.listed == 22
    for key in before:
        assert (tmp_path / "out" / key).stat().st_mtime_ns == versions[key]
        assert after[key]["processed_at"] == before[key]["processed_at"]


def test_other_arguments_are_another_run(tmp_path, dying, monkeypatch):
    lake = write(tmp_path / "in", {f"{i:02}.png": photo(i) for i in range(8)})
    dying(1)
    with pytest.raises(Killed):
        run(lake, tmp_path / "out")
    monkeypatch.undo()
    summary = run(lake, tmp_path / "out", {"redaction": {"method": "blur"}})
    assert summary.unchanged == 0
    assert {row["method"] for row in rows(tmp_path / "out").values()} == {"blur"}


def test_a_committed_key_whose_decision_changed_is_done_again(tmp_path, dying, monkeypatch):
    lake = write(tmp_path / "in", {f"{i:02}.png": photo(i) for i in range(12)})
    registry = tmp_path / "consent.csv"
    registry.write_text("key,status\n00.png,granted\n01.png,granted\n")
    settings = {"consent": {"registry": str(registry)}}
    dying(1)
    with pytest.raises(Killed):
        run(lake, tmp_path / "out", settings)
    monkeypatch.undo()
    assert rows(tmp_path / "out")["00.png"]["status"] == "retained"
    registry.write_text("key,status\n00.png,withdrawn\n01.png,granted\n")

    summary = run(lake, tmp_path / "out", settings)
    table = rows(tmp_path / "out")
    assert summary.removed_unsafe == 1
    assert (table["00.png"]["status"], table["00.png"]["consent_status"]) == ("anonymized", "withdrawn")
    assert table["01.png"]["status"] == "retained"
    assert {row["run_id"] for row in table.values()} == {summary.run_id}
    x1, y1, x2, y2 = 40, 30, 60, 54
    assert (decoded((tmp_path / "out/00.png").read_bytes())[y1:y2, x1:x2, 1] > 0).all()


def test_a_withdrawn_output_goes_first_even_when_its_source_is_gone(tmp_path):
    lake = write(tmp_path / "in", {"a.png": photo(1), "b.png": photo(2)})
    registry = tmp_path / "consent.csv"
    registry.write_text("key,status\n*,granted\n")
    settings = {"consent": {"registry": str(registry)}}
    run(lake, tmp_path / "out", settings)
    (lake / "b.png").unlink()
    registry.write_text("key,status\na.png,granted\n")
    summary = run(lake, tmp_path / "out", settings)
    table = rows(tmp_path / "out")
    assert (table["b.png"]["status"], table["b.png"]["error_code"], table["b.png"]["attempt"]) == (
        "removed",
        "unsafe",
        0,
    )
    assert set(files(tmp_path / "out")) == {"a.png"}
    assert summary.removed_unsafe == 1


def test_expired_outputs_go_even_when_the_registry_cannot_be_read(tmp_path):
    lake = write(tmp_path / "in", {"a.png": photo(1), "b.png": photo(2)})
    registry = tmp_path / "consent.csv"
    soon = datetime.now(UTC) + timedelta(hours=1)
    registry.write_text(f"key,status,valid_until\na.png,granted,{soon.isoformat()}\nb.png,granted,\n")
    settings = {"consent": {"registry": str(registry)}}
    run(lake, tmp_path / "out", settings)
    assert rows(tmp_path / "out")["a.png"]["retained_until"] is not None
    registry.write_text("no,such,columns\n")
    late = (soon + timedelta(days=1)).isoformat()
    with pytest.raises(RegistryError):
        run(lake, tmp_path / "out", {**settings, "as_of": late})
    assert set(files(tmp_path / "out")) == {"b.png"}
    assert rows(tmp_path / "out")["a.png"]["status"] == "removed"


def test_expired_outputs_go_even_when_a_setting_is_wrong(tmp_path):
    lake = write(tmp_path / "in", {"a.png": photo(1)})
    registry = tmp_path / "consent.csv"
    soon = datetime.now(UTC) + timedelta(hours=1)
    registry.write_text(f"key,status,valid_until\na.png,granted,{soon.isoformat()}\n")
    run(lake, tmp_path / "out", {"consent": {"registry": str(registry)}})
    late = (soon + timedelta(days=1)).isoformat()
    with pytest.raises(ConfigError):
        run(lake, tmp_path / "out", {"redaction": {"method": "solid", "fill": "red"}, "as_of": late})
    assert files(tmp_path / "out") == {}


def test_a_failed_redo_keeps_a_safe_output_and_its_row_says_so(tmp_path):
    lake = write(tmp_path / "in", {"a.png": photo(1)})
    run(lake, tmp_path / "out")
    published = files(tmp_path / "out")
    write(lake, {"a.png": photo(1)[:300]})
    assert run(lake, tmp_path / "out").exit_status == 3
    row = rows(tmp_path / "out")["a.png"]
    assert (row["status"], row["error_code"]) == ("failed", "decode_error")
    assert row["output_uri"] is not None
    assert (row["width"], row["height"], row["format"]) == (120, 90, "png")
    assert files(tmp_path / "out") == published


def test_what_nobody_of_ours_wrote_is_never_deleted(tmp_path):
    lake = write(tmp_path / "in", {"a.png": photo(1)[:300], "notes.txt": b"text"})
    theirs = {"a.png": b"whatever stood here", "notes.txt": b"an old copy"}
    write(tmp_path / "out", theirs)
    with pytest.raises(WrongOutput):
        run(lake, tmp_path / "out")
    for adopt in ("keep", "replace"):
        run(lake, tmp_path / "out", {"adopt": adopt})
        assert files(tmp_path / "out") == theirs
    assert {row["output_uri"] for row in rows(tmp_path / "out").values()} == {None}


def test_a_photo_that_became_a_link_keeps_its_safe_output(tmp_path):
    lake = write(tmp_path / "in", {"a.png": photo(1), "b.png": photo(2)})
    run(lake, tmp_path / "out")
    for name in ("a.png", "b.png"):
        (lake / name).unlink()
        (lake / name).symlink_to("elsewhere")
    write(tmp_path / "out", {"b.png": b"not what the manifest says"})
    run(lake, tmp_path / "out")
    table = rows(tmp_path / "out")
    assert {row["error_code"] for row in table.values()} == {"not_a_regular_file"}
    # What somebody put in the place of b's output is nobody's business of ours, and no row vouches for it.
    assert files(tmp_path / "out")["b.png"] == b"not what the manifest says"
    assert (table["a.png"]["output_uri"] is None, table["b.png"]["output_uri"] is None) == (False, True)


def test_a_poison_image_keeps_its_safe_output(tmp_path):
    lake = write(tmp_path / "in", {"a.png": photo(1)})
    run(lake, tmp_path / "out")
    published = files(tmp_path / "out")
    given, manifest_uri = resolved(config(lake, tmp_path / "out"), inside_job=False)
    driver = Driver(given, manifest_uri, datetime.now(UTC), _Silent(), Places(given.output))
    given_up = driver.context(cast("Lease", SimpleNamespace(check=lambda: None)))
    given_up.output.identify()
    row = from_table(given_up.manifest.current().drop_columns(["run_id"]))[0]
    ref = ImageRef("a.png", "", "v", 1, None)
    driver.summary.run_id = "r99990101T000000000000Z-00000000"
    item = WorkItem(ref, NO_CONSENT, row.output_etag, row)
    objects = Outcomes(given_up, open_root(given.input), lambda given: "")
    objects.poison(Task((item,), attempt=3))
    given_up.recorder.flush()
    assert files(tmp_path / "out") == published
    current = rows(tmp_path / "out")["a.png"]
    assert (current["error_code"], current["attempt"]) == ("poison_image", 4)
    assert current["output_sha256"] == row.output_sha256
    objects.poison(Task((replace(item, kept_output=None),), attempt=4))
    assert files(tmp_path / "out") == {}


def test_an_output_that_cannot_be_removed_is_exit_status_5(tmp_path, monkeypatch):
    from anonymizer.errors import AccessDenied
    from anonymizer.lake.storage.local.root import LocalRoot

    lake = write(tmp_path / "in", {"a.png": photo(1)})
    registry = tmp_path / "consent.csv"
    registry.write_text("key,status\n*,granted\n")
    settings = {"consent": {"registry": str(registry)}}
    run(lake, tmp_path / "out", settings)
    registry.write_text("key,status\n*,denied\n")

    original = LocalRoot.remove

    def denied(self, key, *, expected):
        if key == "a.png":
            raise AccessDenied
        original(self, key, expected=expected)

    monkeypatch.setattr(LocalRoot, "remove", denied)
    summary = run(lake, tmp_path / "out", settings)
    assert (summary.exit_status, summary.unsafe_left) == (5, ["a.png"])


def test_an_early_stop_says_so_and_can_go_on(tmp_path):
    contents = {f"{i:02}.png": photo(i)[:100] for i in range(20)} | {"zz.png": photo(1)}
    lake = write(tmp_path / "in", contents)
    stopped = run(lake, tmp_path / "out", {"max_failures": "3", "engine": {"chunk_keys": 2}})
    assert (stopped.stopped_early, stopped.exit_status) == (True, 3)
    assert 3 < stopped.written < 21


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_cleanly_and_the_next_start_goes_on(tmp_path, number):
    lake = write(tmp_path / "in", {f"{i:02}.png": photo(i) for i in range(40)})
    # It cannot come to its end before the signal does: one picture holds it up.
    command = [sys.executable, "-m", "infra.proof.faults.injected", "run", str(lake), str(tmp_path / "out")]
    command += ["--detector", "patch", "--address", "local", "--workers", "1"]
    command += ["--set", "engine.chunk_keys=2", "--set", "engine.image_time_s=4000"]
    # A shell's background job ignores SIGINT, and so would its children.
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler)
    environment = {**os.environ, "FAULT_HANG": "30.png"}
    process = subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True, env=environment)
    while not list((tmp_path / "out.manifest").glob("_journal/**/*.parquet")):
        assert process.poll() is None, "it ended before it was told to"
        time.sleep(0.1)
    process.send_signal(number)
    _, said = process.communicate()
    assert process.returncode == 1
    assert "stopped; start it again with the same arguments to resume" in said
    assert "Traceback" not in said
    assert not list(tmp_path.glob("out/**/*.tmp"))
    stopped = rows(tmp_path / "out")
    assert 0 < len(stopped) < 40
    values = {"engine": {"chunk_keys": 64, "workers": 2}}
    summary = run_driver(config(lake, tmp_path / "out", values), _Silent())
    assert summary.unchanged >= len(stopped)
    assert len(rows(tmp_path / "out")) == 40 == len(files(tmp_path / "out"))


class _Silent:
    def start(self, run_id: str, unchanged: int) -> None: ...

    def advance(self, images: int, faces: int, failures: int, listed: int) -> None: ...

    def close(self) -> None: ...
