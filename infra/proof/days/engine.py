"""Replace the engine by one that runs workers in this process, one after the other, without Ray; workers may die."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from anonymizer.config import EngineConfig
from anonymizer.run import engine
from anonymizer.run.chunks import Task, TaskQueue, as_chunk
from anonymizer.run.worker import ChunkProcessor
from infra.proof.days.steps import Death, Steps


class Engine:
    """Replaces `engine.Engine`."""

    #: Of the process that the engine runs in.
    steps = Steps()
    #: What dies is a worker, as long as one is at work.
    workers_die = False

    def __init__(self, config: EngineConfig, make: Callable[[Any], ChunkProcessor], job: Any, epoch: int = 0) -> None:
        self._config = config
        self._make = make
        self._job = job
        self._epoch = epoch

    def run(self, fresh: Iterator[Task], sink: engine.Sink) -> None:
        """Runs every task."""
        queue = TaskQueue(fresh, self._config.attempts)
        worker = self._make(self._job)
        while (task := queue.take(idle=True)) is not None:
            times = {"chunk_time_s": self._config.chunk_time_s, "image_time_s": self._config.image_time_s}
            try:
                result = worker.process(as_chunk(task, epoch=self._epoch, **times))
            except Death:
                if not self.workers_die:
                    raise
                self.steps.dead = False
                worker = self._make(self._job)
                self._again(queue, sink, sink.refresh(task))
            else:
                for again in sink.committed(task, result):
                    queue.put_back(again)

    def _again(self, queue: TaskQueue, sink: engine.Sink, task: Task) -> None:
        poison = queue.killed_worker(task) if task.items else None
        if poison is not None:
            sink.poison(poison)


@contextmanager
def in_this_process(steps: Steps, *, workers_die: bool) -> Iterator[None]:
    """Runs start no Ray."""

    @contextmanager
    def connected(_: EngineConfig) -> Iterator[int]:
        yield 1

    made = type("Engine", (Engine,), {"steps": steps, "workers_die": workers_die})
    with patch.object(engine, "Engine", made), patch.object(engine, "connected", connected):
        yield
