"""Run a verification's tasks on Ray workers or in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from anonymizer.config import RunConfig
from anonymizer.errors import ConfigError
from anonymizer.lake.storage import is_local
from anonymizer.run import engine
from anonymizer.run.chunks import Task, as_chunk
from anonymizer.run.worker import ChunkProcessor


def run_on_ray(
    config: RunConfig, make: Callable[[Any], ChunkProcessor], job: Any, tasks: Iterator[Task], sink: engine.Sink
) -> None:
    """Runs the tasks on Ray workers and passes the results to `sink`.

    Raises:
        ConfigError: OUTPUT is a local path that the cluster's nodes do not share.
        RunError: The workers cannot be started.
    """
    with engine.connected(config.engine) as nodes:
        if nodes > 1 and is_local(config.output) and not config.storage.shared:
            raise ConfigError(
                f"{config.output} is a local path and the cluster has {nodes} nodes: "
                "use --address local, or --set storage.shared=true if every node sees the same disk"
            )
        engine.Engine(config.engine, make, job).run(tasks, sink)


def run_in_process(config: RunConfig, processor: ChunkProcessor, tasks: Iterator[Task], sink: engine.Sink) -> None:
    """Runs the tasks in this process, one after the other."""
    limits = config.engine
    for fresh in tasks:
        waiting = [fresh]
        while waiting:
            task = replace(waiting[0], attempt=waiting[0].attempt + 1)
            chunk = as_chunk(task, epoch=0, chunk_time_s=limits.chunk_time_s, image_time_s=limits.image_time_s)
            waiting = list(sink.committed(task, processor.process(chunk)))
