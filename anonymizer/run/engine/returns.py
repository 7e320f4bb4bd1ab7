"""What becomes of a chunk that was sent: it is committed, sent again, or given up as poison."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

from ray.exceptions import RayTaskError

from anonymizer.errors import OutputLost, RunError
from anonymizer.records import ChunkResult
from anonymizer.run.chunks import Task, TaskQueue
from anonymizer.run.engine.metrics import RunMetrics

log = logging.getLogger(__name__)


class Sink(Protocol):
    """Whom the engine tells what became of the tasks."""

    def committed(self, task: Task, result: ChunkResult) -> Iterable[Task]:
        """Counts a result; gives back what has to be done again (conflicts, unfinished items)."""

    def poison(self, task: Task) -> None:
        """A single item that no worker survives: the sink writes its row."""

    def refresh(self, task: Task) -> Task:
        """A task whose worker died: output versions are to be looked up anew, it may have published."""


class Returns:
    """Tells the sink what came back, and puts what is to be done again into the queue.

    Args:
        queue: Of the run.
        sink: Of the run.
        metrics: What Prometheus sees.
        attempts: So often the rows of a chunk may fail to be written before the run ends.
    """

    def __init__(self, queue: TaskQueue, sink: Sink, metrics: RunMetrics, attempts: int) -> None:
        self._queue = queue
        self._sink = sink
        self._metrics = metrics
        self._attempts = attempts

    def committed(self, task: Task, result: ChunkResult) -> None:
        """Its rows are in the manifest; items of it may have to be done again."""
        self._metrics.committed(result)
        for again in self._sink.committed(task, result):
            self._queue.put_back(again)

    def not_committed(self, task: Task, error: RayTaskError) -> None:
        """The worker lives but its rows could not be written: try again, then end the run; nothing is lost by it.

        Raises:
            OutputLost: The worker does not find OUTPUT any more.
            RunError: It failed too often.
        """
        cause = error.cause
        if isinstance(cause, OutputLost):
            raise OutputLost(str(cause)) from None
        reason = cause.message if hasattr(cause, "message") else f"unexpected {type(cause).__name__}"
        log.warning("a chunk was not committed: %s", reason)
        if task.errors + 1 >= self._attempts:
            raise RunError(f"rows of the manifest could not be written: {reason}")
        self._queue.put_back(self._sink.refresh(replace(task, errors=task.errors + 1)))

    def lost(self, task: Task, *, suspect: bool) -> None:
        """Its worker is certainly dead, or its time is over.

        Args:
            task: What was lost.
            suspect: It may be what killed the worker: it is split, runs alone, and is poison in the end.
        """
        self._metrics.lost(len(task.items))
        task = self._sink.refresh(task)
        if not task.items:
            return
        if not suspect:
            self._queue.put_back(task)
            return
        poison = self._queue.killed_worker(task)
        if poison is not None:
            self._sink.poison(poison)
