"""Decides what follows when a chunk returns or its worker dies: count it, retry it, or give it up as poison."""

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
    """Receives the results of tasks from the engine."""

    def committed(self, task: Task, result: ChunkResult) -> Iterable[Task]:
        """Counts a result; returns the tasks to retry (conflicts, unfinished items)."""

    def poison(self, task: Task) -> None:
        """Writes the row of a single item that kills its workers."""

    def refresh(self, task: Task) -> Task:
        """Looks up the current output versions of a task whose worker died, because it may have published some."""


class Returns:
    """Passes results to the sink, and queues the tasks to retry.

    Args:
        queue: The run's queue.
        sink: The run's sink.
        metrics: The run's metrics.
        attempts: Number of times that writing the rows of a chunk may fail before the run ends.
    """

    def __init__(self, queue: TaskQueue, sink: Sink, metrics: RunMetrics, attempts: int) -> None:
        self._queue = queue
        self._sink = sink
        self._metrics = metrics
        self._attempts = attempts

    def committed(self, task: Task, result: ChunkResult) -> None:
        """Handles a chunk whose rows are in the manifest; some of its items may have to be retried."""
        self._metrics.committed(result)
        for again in self._sink.committed(task, result):
            self._queue.put_back(again)

    def not_committed(self, task: Task, error: RayTaskError) -> None:
        """Handles a chunk whose worker is alive but could not write the rows: retries it, and finally ends the run.

        Raises:
            OutputLost: The worker does not find OUTPUT's mark.
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
        """Handles a task whose worker is certainly dead, or whose deadline has passed.

        Args:
            task: The task.
            suspect: It may have killed the worker: it is split, runs alone, and is given up after some attempts.
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
