"""The loop that feeds workers, with processors that die, fail or hang on purpose."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from anonymizer.config import EngineConfig
from anonymizer.errors import MixedVersionsError, NoWorkersError, OutputLost, RunError, StorageUnavailable
from anonymizer.records import NO_CONSENT, Chunk, ChunkResult, ImageRef, WorkItem
from anonymizer.run import engine
from anonymizer.run.chunks import Task, chunk_id
from anonymizer.run.engine import actor, cluster, loop, slots

pytestmark = pytest.mark.usefixtures("cluster")


class Processor:
    """Commits nothing; does what the keys say. `job` is a folder for notes that outlive the process."""

    def __init__(self, job: str) -> None:
        self._folder = Path(job)

    def process(self, chunk: Chunk) -> ChunkResult:
        for item in chunk.items:
            self._obey(item.ref.key)
        keys = [item.ref.key for item in chunk.items]
        endless = [key for key in keys if key.startswith("endless")]
        leave = keys[keys.index(endless[0]) + 1 :] if endless else ()
        return replace(committed(chunk, leave), hangs=bool(endless))

    def stop(self) -> None:
        """Nothing is being written."""

    def _obey(self, key: str) -> None:
        if key.startswith("poison"):
            os.kill(os.getpid(), signal.SIGKILL)
        note = self._folder / f"seen-{key}"
        first = not note.exists()
        note.touch()
        if first and key.startswith("die-once"):
            os.kill(os.getpid(), signal.SIGKILL)
        if first and key.startswith("hang-once"):
            threading.Event().wait()
        if key.startswith("unmounted"):
            raise OutputLost("OUTPUT has lost its mark")
        if key.startswith("unwritable") or (first and key.startswith("unwritten-once")):
            raise StorageUnavailable("a detail that stays in the worker")


def unable(job: str) -> Processor:
    raise ValueError(f"detail of {job}")


def committed(chunk: Chunk, leave: Iterable[str] = ()) -> ChunkResult:
    keys = [item.ref.key for item in chunk.items if item.ref.key not in leave]
    return ChunkResult(
        chunk_id=chunk_id(chunk.items),
        attempt=chunk.attempt,
        statuses=dict.fromkeys(keys, "no_face"),
        codes={},
        conflicts=(),
        renamed={},
        unfinished=tuple(leave),
        unsafe_left=(),
        face_count=0,
        redacted_count=0,
        source_bytes=0,
        output_bytes=0,
        busy_s=0.0,
    )


@dataclass
class Recorder:
    """A sink that remembers."""

    done: Counter[str] = field(default_factory=Counter)
    attempts: dict[str, int] = field(default_factory=dict)
    poisoned: list[str] = field(default_factory=list)
    refreshed: list[str] = field(default_factory=list)

    def committed(self, task: Task, result: ChunkResult) -> list[Task]:
        self.done.update(result.statuses.keys())
        self.attempts |= dict.fromkeys(result.statuses, result.attempt)
        left = tuple(item for item in task.items if item.ref.key in result.unfinished)
        return [replace(task, items=left)] if left else []

    def poison(self, task: Task) -> None:
        self.poisoned += [item.ref.key for item in task.items]

    def refresh(self, task: Task) -> Task:
        self.refreshed += [item.ref.key for item in task.items]
        return task


def tasks(*chunks: Iterable[str]) -> Iterable[Task]:
    for keys in chunks:
        yield Task(tuple(WorkItem(ImageRef(key, key, "v", 1, None), NO_CONSENT, None) for key in keys))


CONFIG = EngineConfig(workers=2, attempts=2)


def run(tmp_path: Path, *chunks: Iterable[str], config: EngineConfig = CONFIG) -> Recorder:
    sink = Recorder()
    engine.Engine(config, Processor, str(tmp_path)).run(iter(tasks(*chunks)), sink)
    return sink


def test_everything_is_done_once(tmp_path):
    sink = run(tmp_path, *[[f"{i}-{j}" for j in range(3)] for i in range(12)])
    assert len(sink.done) == 36
    assert set(sink.done.values()) == {1}
    assert set(sink.attempts.values()) == {1}


def test_a_killed_worker_loses_nothing(tmp_path):
    chunks = [["a", "b"], ["c", "die-once", "d"], *[[f"more-{i}"] for i in range(8)]]
    sink = run(tmp_path, *chunks)
    assert set(sink.done) == {key for keys in chunks for key in keys}
    assert sink.poisoned == []
    assert sink.attempts["die-once"] > 1
    assert {"c", "die-once", "d"} <= set(sink.refreshed)


def test_a_poison_image_stands_alone_at_the_end(tmp_path):
    sink = run(tmp_path, ["a", "b", "poison", "c"], ["d", "e"], ["f"])
    assert sink.poisoned == ["poison"]
    assert set(sink.done) == set("abcdef")


def test_a_worker_that_hangs_is_ended_and_its_chunk_sent_again(tmp_path, monkeypatch):
    hangs = tmp_path / "seen-hang-once"

    def clock() -> float:
        """Its time is over as soon as it hangs."""
        return time.monotonic() + (CONFIG.chunk_time_s + slots.GRACE_S if hangs.exists() else 0.0)

    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=clock, sleep=time.sleep))
    sink = run(tmp_path, ["hang-once"], ["a"], ["b"])
    assert set(sink.done) == {"hang-once", "a", "b"}


def test_a_worker_that_says_that_it_hangs_is_ended_at_once_and_nobody_else_is_suspected(tmp_path):
    sink = run(tmp_path, ["a", "endless", "b"], *[[f"c{i}", f"d{i}"] for i in range(6)])
    assert set(sink.done) == {"a", "endless", "b", *(f"{c}{i}" for c in "cd" for i in range(6))}
    assert set(sink.done.values()) == {1}
    assert sink.attempts["endless"] == 1


def test_rows_that_could_not_be_written_are_tried_again(tmp_path):
    assert set(run(tmp_path, ["unwritten-once"], ["a"]).done) == {"unwritten-once", "a"}


def test_rows_that_cannot_be_written_end_the_run_in_one_line(tmp_path):
    with pytest.raises(RunError) as caught:
        run(tmp_path, ["unwritable"])
    assert str(caught.value) == f"rows of the manifest could not be written: {StorageUnavailable.message}"


def test_a_worker_that_has_lost_output_ends_the_run_at_once(tmp_path):
    sink = Recorder()
    with pytest.raises(OutputLost, match=r"^OUTPUT has lost its mark$"):
        engine.Engine(CONFIG, Processor, str(tmp_path)).run(iter(tasks(["unmounted"])), sink)
    # Looked up in a place that is not OUTPUT, nothing would stand where outputs do.
    assert sink.refreshed == []


def test_a_worker_that_cannot_start_ends_the_run(tmp_path):
    with pytest.raises(RunError, match="a worker could not start: unexpected ValueError"):
        engine.Engine(CONFIG, unable, str(tmp_path)).run(iter(tasks(["a"])), Recorder())


def test_other_versions_end_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr(actor, "__version__", "0.0.0")
    with pytest.raises(MixedVersionsError, match=r"anonymizer .* there, 0\.0\.0 here"):
        run(tmp_path, ["a"])


def test_no_worker_for_too_long_ends_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr(engine.Engine, "_follow_cluster", lambda self: None)
    with pytest.raises(NoWorkersError, match=r"the cluster provided no worker for 1 s"):
        run(tmp_path, ["a"], config=replace(CONFIG, no_worker_s=1))


def test_a_cluster_that_was_killed_is_not_waited_for(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        alive = f"127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setattr(cluster, "canonicalize_bootstrap_address", lambda _: alive)
        assert cluster._running_cluster() == alive
    assert cluster._running_cluster() is None
    monkeypatch.setattr(cluster, "canonicalize_bootstrap_address", lambda _: None)
    assert cluster._running_cluster() is None
