"""Has the workers do what was planned: marks OUTPUT, connects to Ray and runs the engine until nothing is left."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from anonymizer.errors import ConfigError
from anonymizer.lake.storage import is_local
from anonymizer.run import engine
from anonymizer.run.chunks import Task
from anonymizer.run.context import RunContext
from anonymizer.run.driver.inputs import Inputs
from anonymizer.run.recorder import Progress
from anonymizer.run.worker import Job, Worker


class Dispatcher:
    """Sends tasks to workers; where there is nothing to do, nothing is started.

    Args:
        run: Has begun before the first dispatch.
        inputs: Loaded before the first dispatch.
        progress: Told once that the run is at work.
    """

    def __init__(self, run: RunContext, inputs: Inputs, progress: Progress) -> None:
        self._run = run
        self._inputs = inputs
        self._progress = progress
        self._shown = False

    def dispatch(self, tasks: Iterator[Task], sink: engine.Sink) -> None:
        """Has all tasks done.

        Args:
            tasks: Drawn as workers have room for them.
            sink: Told what becomes of each.

        Raises:
            RunError: The work cannot go on.
            ConfigError: The cluster has several nodes and a path is local.
        """
        first = next(tasks, None)
        if not self._shown:
            self._progress.start(self._run.run_id, self._run.summary.unchanged)
            self._shown = first is not None
        if first is None:
            return
        self._prepare_places()
        with engine.connected(self._run.config.engine) as nodes:
            self._check_paths(nodes)
            workers = engine.Engine(self._run.config.engine, Worker, self._job(), self._run.lease.ticket.epoch)
            workers.run(chain([first], tasks), sink)

    def _prepare_places(self) -> None:
        for root in (self._run.output.root, self._run.manifest_root):
            # The lease is written under conditions too, maybe to another store.
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
