"""A chunk on a folder, without Ray: what is published, what comes back, what the rows say."""

from __future__ import annotations

import threading
import time
from concurrent.futures import wait
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from anonymizer.config import RunConfig, from_mapping
from anonymizer.errors import AccessDenied, DetectionFailed
from anonymizer.lake import lease
from anonymizer.lake.manifest import ManifestStore, from_table
from anonymizer.lake.storage import open_root
from anonymizer.records import NO_CONSENT, Chunk, ImageRef, WorkItem
from anonymizer.run.worker import Job, Worker
from anonymizer.run.worker import computer as computer_module
from anonymizer.run.worker import deadline as deadline_module
from tests.pictures import photo

RUN_ID = "r20260101T000000000000Z-00000000"
OUTPUT_ID = "ab" * 16
AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
#: No machine is so slow that it runs out by itself.
LONG_S = 4000.0


class Bench:
    """A worker on three folders."""

    def __init__(self, folder, **settings):
        (folder / "in").mkdir()
        self.input = open_root(str(folder / "in"))
        self.output = open_root(str(folder / "out"))
        self.manifest = ManifestStore(open_root(str(folder / "out.manifest")))
        values = {"input": self.input.uri, "output": self.output.uri, "detector": {"name": "patch"}, **settings}
        config = from_mapping(RunConfig, values)
        self.lease = lease.acquire(open_root(f"{self.output.uri}.manifest"), LONG_S)
        self.output.set_mark(OUTPUT_ID)
        where = (config, f"{self.output.uri}.manifest", RUN_ID, AS_OF, None, None)
        self.worker = Worker(Job(*where, self.lease.ticket, OUTPUT_ID))

    def chunk(self, *keys, time_s=LONG_S, attempt=1, **changes):
        refs = {entry.key: entry for entry in self.input.list() if isinstance(entry, ImageRef)}
        items = tuple(replace(WorkItem(refs[key], NO_CONSENT, None), **changes) for key in keys)
        return Chunk("c0ffee", items, attempt, 0, time_s)

    def rows(self):
        return {row.key: row for row in from_table(self.manifest.current().drop_columns(["run_id"]))}


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    for i in range(10):
        (tmp_path / "in" / f"{i}.png").write_bytes(photo(i))
    yield made
    made.lease.release()


def names(root):
    return [entry.key for entry in root.list(output=True)]


def test_a_chunk_is_published_and_committed(bench):
    result = bench.worker.process(bench.chunk(*(f"{i}.png" for i in range(10))))
    assert set(result.statuses.values()) == {"anonymized"}
    assert result.face_count == result.redacted_count == 10
    assert names(bench.output) == sorted(result.statuses)
    row = bench.rows()["3.png"]
    assert row.attempt == 1
    assert row.as_of == AS_OF
    assert row.output_etag == bench.output.version("3.png")
    assert row.duration_ms > 0


def test_an_output_that_changed_is_a_conflict_without_a_row(bench):
    bench.output.put("1.png", b"somebody else's")
    result = bench.worker.process(bench.chunk("0.png", "1.png"))
    assert result.conflicts == ("1.png",)
    assert set(result.statuses) == set(bench.rows()) == {"0.png"}
    assert bench.output.get("1.png") == b"somebody else's"


def test_past_its_deadline_a_worker_does_nothing(bench):
    result = bench.worker.process(bench.chunk("0.png", "1.png", time_s=0.0))
    assert result.unfinished == ("0.png", "1.png")
    assert result.statuses == {}
    assert names(bench.output) == []
    assert bench.rows() == {}


def test_a_deadline_during_computing_lets_nothing_out(bench, monkeypatch):
    inner = bench.worker._computer._anonymizer
    clock = SimpleNamespace(monotonic=time.monotonic)
    monkeypatch.setattr(deadline_module, "time", clock)

    def slow(*arguments):
        image = inner(*arguments)
        clock.monotonic = lambda: time.monotonic() + LONG_S
        return image

    monkeypatch.setattr(bench.worker._computer, "_anonymizer", _Wrapped(inner, slow))
    result = bench.worker.process(bench.chunk("0.png", "1.png", time_s=LONG_S))
    assert result.unfinished == ("0.png", "1.png")
    assert names(bench.output) == []


class _Wrapped:
    def __init__(self, inner, call):
        self._inner, self._call = inner, call

    def __call__(self, *arguments):
        return self._call(*arguments)

    def __getattr__(self, name):
        return getattr(self._inner, name)


def test_a_stopped_worker_leaves_the_rest_unfinished(bench):
    bench.worker.stop()
    assert bench.worker.process(bench.chunk("0.png")).unfinished == ("0.png",)


@pytest.mark.parametrize(
    ("raised", "code"), [(DetectionFailed(), "detection_failed"), (ValueError("MARKER"), "internal_error")]
)
def test_one_bad_image_stays_one(bench, monkeypatch, caplog, raised, code):
    inner = bench.worker._computer._anonymizer
    bad = photo(1)

    def call(data, *more):
        if data == bad:
            raise raised
        return inner(data, *more)

    monkeypatch.setattr(bench.worker._computer, "_anonymizer", _Wrapped(inner, call))
    result = bench.worker.process(bench.chunk("0.png", "1.png", "2.png"))
    assert result.codes == {"1.png": code}
    assert names(bench.output) == ["0.png", "2.png"]
    assert "MARKER" not in caplog.text
    assert "MARKER" not in repr(bench.rows()["1.png"])


def test_a_source_that_changed_or_vanished_is_a_row(bench, tmp_path):
    chunk = bench.chunk("0.png", "1.png", "2.png")
    (tmp_path / "in/0.png").write_bytes(photo(77))
    (tmp_path / "in/1.png").unlink()
    result = bench.worker.process(chunk)
    assert result.codes == {"0.png": "source_changed", "1.png": "source_gone"}
    assert [bench.rows()[key].retryable for key in ("0.png", "1.png", "2.png")] == [True, True, None]


def test_a_file_above_the_limit_is_not_even_read(tmp_path, monkeypatch):
    bench = Bench(tmp_path, codec={"max_bytes": 10})
    (tmp_path / "in/a.png").write_bytes(photo(1))
    monkeypatch.setattr(bench.worker._reader._source, "read", lambda ref: pytest.fail("it was read"))
    assert bench.worker.process(bench.chunk("a.png")).codes == {"a.png": "too_large"}


def test_a_failure_removes_what_no_row_vouches_for(bench, tmp_path):
    (tmp_path / "in/a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    bench.output.put("a.png", b"stray")
    version = bench.output.version("a.png")
    assert bench.worker.process(bench.chunk("a.png", output_version=version)).codes == {"a.png": "decode_error"}
    assert names(bench.output) == []


def test_what_cannot_be_removed_is_told(bench, tmp_path, monkeypatch):
    (tmp_path / "in/a.png").write_bytes(b"text")
    bench.output.put("a.png", b"stray")

    def denied(key, *, expected):
        raise AccessDenied

    monkeypatch.setattr(bench.worker._output, "remove", denied)
    chunk = bench.chunk("a.png", output_version=bench.output.version("a.png"))
    assert bench.worker.process(chunk).unsafe_left == ("a.png",)


def test_a_picture_that_never_ends_is_failed_and_the_rest_is_left_to_another_worker(bench, tmp_path, monkeypatch):
    began, ends = threading.Event(), threading.Event()

    def until_it_hangs(futures, limit_s):
        assert limit_s == bench.worker._job.config.engine.image_time_s
        while not (done := wait(futures, 0.01)).done and not began.is_set():
            pass
        return done

    monkeypatch.setattr(computer_module, "wait", until_it_hangs)
    original = bench.worker._computer._anonymizer
    hanging = (tmp_path / "in/2.png").read_bytes()

    class Hanging:
        def __call__(self, data, *more):
            if data != hanging:
                return original(data, *more)
            began.set()
            return ends.wait()

    monkeypatch.setattr(bench.worker._computer, "_anonymizer", Hanging())
    result = bench.worker.process(bench.chunk(*(f"{i}.png" for i in range(5))))
    ends.set()
    assert result.hangs
    assert result.codes == {"2.png": "timeout"}
    assert {*result.statuses, *result.unfinished} == {f"{i}.png" for i in range(5)}
    assert {"3.png", "4.png"} <= set(result.unfinished)
    assert set(bench.rows()) == set(result.statuses)


def test_two_chunks_share_a_worker_one_computing_at_a_time(bench):
    results = []
    chunks = [bench.chunk(*(f"{i}.png" for i in half)) for half in (range(5), range(5, 10))]
    chunks[1] = replace(chunks[1], chunk_id="decaf")
    threads = [threading.Thread(target=lambda c=c: results.append(bench.worker.process(c))) for c in chunks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(len(result.statuses) for result in results) == 10
    assert len(bench.rows()) == 10


def test_a_repeated_chunk_finds_what_it_would_write(bench):
    bench.worker.process(bench.chunk("0.png"))
    version = bench.output.version("0.png")
    again = bench.worker.process(bench.chunk("0.png", attempt=3))
    assert again.statuses == {"0.png": "anonymized"}
    assert bench.output.version("0.png") == version == bench.rows()["0.png"].output_etag
    assert bench.worker.process(bench.chunk("0.png", attempt=4, output_version=version)).statuses
    assert bench.rows()["0.png"].attempt == 4
