"""Sends planned tasks to workers: marks OUTPUT, connects to Ray and runs the engine until no task is left."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import chain

from anonymizer.errors import ConfigError
from anonymizer.image.codec.jpeg import turbo_library
from anonymizer.lake.storage import is_local
from anonymizer.run import engine
from anonymizer.run.chunks import Task
from anonymizer.run.context import RunContext
from anonymizer.run.driver.inputs import Inputs
from anonymizer.run.recorder import Progress
from anonymizer.run.worker import Job, Worker

log = logging.getLogger(__name__)


class Dispatcher:
    """Sends tasks to workers; without a task it does not start Ray.

    Args:
        run: The run; has begun before the first dispatch.
        inputs: The run's inputs; loaded before the first dispatch.
        progress: Is notified once that the run processes objects.
    """

    def __init__(self, run: RunContext, inputs: Inputs, progress: Progress) -> None:
        self._run = run
        self._inputs = inputs
        self._progress = progress
        self._shown = False

    def dispatch(self, tasks: Iterator[Task], sink: engine.Sink) -> None:
        """Runs all tasks on workers.

        Args:
            tasks: The tasks; taken when a worker can accept one.
            sink: Receives the results.

        Raises:
            RunError: The run cannot continue.
            ConfigError: The cluster has several nodes and a path is local.
        """
        first = next(tasks, None)
        if not self._shown:
            self._progress.start(self._run.run_id, self._run.summary.unchanged)
            self._shown = first is not None
        if first is None:
            return
        self._prepare_places()
        log.info("%s", turbo_library.found())
        with engine.connected(self._run.config.engine) as nodes:
            self._check_paths(nodes)
            workers = engine.Engine(self._run.config.engine, Worker, self._job(), self._run.lease.ticket.epoch)
            workers.run(chain([first], tasks), sink)

    def _prepare_places(self) -> None:
        for root in (self._run.output.root, self._run.manifest_root):
            # Both need conditional writes: the manifest's root for the lease.
            root.check_publishing()
        self._run.output.mark()
        self._run.output.root.sweep()

    def _job(self) -> Job:
        return Job(
            config=self._run.config,
            manifest_uri=self._run.summary.manifest_uri,
            run_id=self._run.run_id,
            as_of=self._run.as_of,
            registry_sha256=self._inputs.registry.sha256,
            weights=self._inputs.weights,
            lease=self._run.lease.ticket,
            output_id=self._run.output.output_id,
        )

    def _check_paths(self, nodes: int) -> None:
        config = self._run.config
        local = [uri for uri in (config.input, config.output, self._run.summary.manifest_uri) if is_local(uri)]
        if nodes > 1 and local and not config.storage.shared:
            raise ConfigError(
                f"{local[0]} is a local path and the cluster has {nodes} nodes: "
                "use an object store, or --set storage.shared=true if every node sees the same disk"
            )
