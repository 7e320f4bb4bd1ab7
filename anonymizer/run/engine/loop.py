"""Runs the driver's loop: initializes workers, sends them chunks, handles their results, and detects dead workers."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import ray
from ray.exceptions import ActorDiedError, RayActorError, RayTaskError

from anonymizer.config import EngineConfig
from anonymizer.errors import NoWorkersError, RunError
from anonymizer.run.chunks import Task, TaskQueue, as_chunk
from anonymizer.run.engine import cluster
from anonymizer.run.engine.actor import Actor, check_versions
from anonymizer.run.engine.metrics import RunMetrics
from anonymizer.run.engine.returns import Returns, Sink
from anonymizer.run.engine.slots import IN_FLIGHT, Flight, Slot, actor_options
from anonymizer.run.worker import ChunkProcessor

log = logging.getLogger(__name__)

#: Seconds between two checks of the cluster's size.
FOLLOW_S = 10.0
#: Seconds that workers have to finish current writes when a run is stopped.
STOP_S = 1.5
#: Number of times in a row that a worker may die before it is ready; then the run ends.
STARTS = 5


class Engine:
    """Sends tasks to workers until none is left.

    Args:
        config: Number of workers and time limits.
        make: Creates a worker's processor from `job`, in the worker process.
        job: Is sent to every worker once, through Ray's object store.
        epoch: Epoch of the run's lease.
    """

    def __init__(self, config: EngineConfig, make: Callable[[Any], ChunkProcessor], job: Any, epoch: int = 0) -> None:
        self._config = config
        self._make = make
        self._job = ray.put(job)
        self._epoch = epoch
        self._slots: list[Slot] = []
        self._metrics = RunMetrics()
        self._followed = -FOLLOW_S
        self._last_worker = time.monotonic()

    def run(self, fresh: Iterator[Task], sink: Sink) -> None:
        """Runs every task until `sink.committed` or `sink.poison` has been called for each of its items.

        Raises:
            NoWorkersError: There was no worker for the configured time.
            MixedVersionsError: Workers have other versions than the driver.
            OutputLost: A worker does not find OUTPUT's mark.
            RunError: A worker cannot start, or rows cannot be written.
        """
        queue = TaskQueue(fresh, self._config.attempts)
        returns = Returns(queue, sink, self._metrics, self._config.attempts)
        try:
            while True:
                self._follow_cluster()
                self._feed(queue)
                if queue.exhausted and not any(slot.flights or slot.parked for slot in self._slots):
                    return
                self._wait(returns)
                self._release_expired(returns)
                self._check_workers()
        finally:
            self._stop()

    def _stop(self) -> None:
        """Stops the workers; they may finish the files that they are writing."""
        flights = [ref for slot in self._slots for ref in slot.flights]
        if flights:
            for slot in self._slots:
                slot.actor.stop.remote()
            ray.wait(flights, num_returns=len(flights), timeout=STOP_S)
        for slot in self._slots:
            ray.kill(slot.actor)
        self._slots.clear()

    def _follow_cluster(self) -> None:
        """Adjusts the number of actors to the setting or to the cluster's size; the autoscaler sees pending actors."""
        if time.monotonic() - self._followed < FOLLOW_S:
            return
        self._followed = time.monotonic()
        target = self._config.workers or cluster.worker_capacity(self._config)
        while len(self._slots) < target:
            self._slots.append(self._new_slot())
        for slot in [s for s in self._slots if s.instance is None and not s.parked][: len(self._slots) - target]:
            ray.kill(slot.actor)
            self._slots.remove(slot)

    def _new_slot(self) -> Slot:
        actor: Any = ray.remote(Actor).options(**actor_options(self._config)).remote()
        return Slot(actor, self._greeting(actor))

    def _greeting(self, actor: Any) -> Any:
        return actor.hello.remote(self._make, self._job)

    def _feed(self, queue: TaskQueue) -> None:
        """Sends every worker a first chunk before any gets a second; a suspected task gets a worker without others."""
        for depth in range(IN_FLIGHT):
            for slot in self._slots:
                if slot.instance is None or slot.is_suspect or len(slot.flights) != depth:
                    continue
                task = queue.take(idle=not slot.flights)
                if task is not None:
                    self._send(slot, task)

    def _send(self, slot: Slot, task: Task) -> None:
        chunk = as_chunk(
            task,
            epoch=self._epoch,
            chunk_time_s=self._config.chunk_time_s,
            image_time_s=self._config.image_time_s,
        )
        slot.flights[slot.actor.process.remote(chunk)] = Flight(task, time.monotonic(), chunk.time_s)

    def _wait(self, returns: Returns) -> None:
        """Handles the results that arrive within a second."""
        owners = {ref: slot for slot in self._slots for ref in slot.flights}
        hellos = {slot.hello: slot for slot in self._slots if slot.hello is not None}
        refs = [*owners, *hellos]
        if not refs:
            time.sleep(0.2)
        ready = ray.wait(refs, num_returns=len(refs), timeout=0)[0] if refs else []
        if refs and not ready:
            ready = ray.wait(refs, num_returns=1, timeout=1.0)[0]
        for ref in ready:
            if ref in hellos:
                self._greet(hellos[ref], returns)
            elif ref in owners[ref].flights:
                self._answered(owners[ref], ref, returns)
        for slot in self._slots:
            if slot.instance is None and slot.hello is None and time.monotonic() >= slot.hello_after:
                slot.hello = self._greeting(slot.actor)

    def _greet(self, slot: Slot, returns: Returns) -> None:
        """Handles the reply to `hello`; a reply from a new process proves that the process before it is dead."""
        ref, slot.hello = slot.hello, None
        try:
            hello = ray.get(ref)
        except ActorDiedError:
            slot.starts += 1
            if slot.starts >= STARTS:
                raise RunError("workers die before they are ready; see the logs of Ray") from None
            new = self._new_slot()
            slot.actor, slot.hello = new.actor, new.hello
            return
        except RayActorError:
            slot.hello_after = time.monotonic() + 0.5
            return
        if hello.error is not None:
            raise RunError(f"a worker could not start: {hello.error}")
        check_versions(hello.versions)
        slot.instance, slot.starts = hello.instance, 0
        parked, slot.parked = slot.parked, []
        for flight, suspect in parked:
            returns.lost(flight.task, suspect=suspect)

    def _answered(self, slot: Slot, ref: Any, returns: Returns) -> None:
        """Handles a chunk that returned: with its result, with an error, or because its worker died."""
        try:
            result = ray.get(ref)
        except RayTaskError as error:
            returns.not_committed(slot.flights.pop(ref).task, error)
        except RayActorError:
            self._lost(slot, returns)
        else:
            flight = slot.flights.pop(ref)
            if result.hangs and slot.instance is not None:
                # The result names the image that hangs, so the worker's other chunk is not suspected.
                ray.kill(slot.actor, no_restart=False)
                self._lost(slot, returns, suspect=False)
            returns.committed(flight.task, result)

    def _lost(self, slot: Slot, returns: Returns, *, suspect: bool = True) -> None:
        """Handles a dead worker: uses the results that it returned; the oldest of its other chunks is suspected."""
        flights, slot.flights, slot.instance = slot.flights, {}, None
        log.warning("a worker died with %d chunks; they will be retried", len(flights))
        for ref, flight in flights.items():
            try:
                result = ray.get(ref, timeout=5.0)
            except (RayActorError, RayTaskError, ray.exceptions.GetTimeoutError):
                slot.parked.append((flight, suspect))
                suspect = False
            else:
                returns.committed(flight.task, result)
        slot.hello_after = time.monotonic()

    def _release_expired(self, returns: Returns) -> None:
        """Retries chunks whose deadline has passed: no worker processes them any more, even if it is not known dead."""
        now = time.monotonic()
        for slot in self._slots:
            over = [entry for entry in slot.parked if entry[0].is_over(now)]
            slot.parked = [entry for entry in slot.parked if entry not in over]
            for flight, suspect in over:
                returns.lost(flight.task, suspect=suspect)
            if any(flight.is_over(now) for flight in slot.flights.values()):
                log.warning("a worker did not answer before its deadline and is killed")
                ray.kill(slot.actor, no_restart=False)

    def _check_workers(self) -> None:
        now = time.monotonic()
        ready = sum(slot.instance is not None for slot in self._slots)
        self._metrics.ready(ready)
        if ready:
            self._last_worker = now
        elif now - self._last_worker > self._config.no_worker_s:
            raise NoWorkersError(f"the cluster provided no worker for {self._config.no_worker_s:g} s")
