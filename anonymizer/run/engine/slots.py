"""Defines the driver's state of each worker process and of the chunks that were sent to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from anonymizer.config import EngineConfig
from anonymizer.run.chunks import Task

IN_FLIGHT = 2
"""Number of chunks that a worker has at once: it computes one while it reads or publishes the other."""

GRACE_S = 20.0
"""Seconds after its deadline that the driver waits for a chunk before it kills the worker."""


@dataclass
class Flight:
    """A chunk that was sent to a worker.

    Attributes:
        task: The task that was sent.
        sent: Time of sending, on the monotonic clock.
        time_s: Time limit in seconds.
    """

    task: Task
    sent: float
    time_s: float

    def is_over(self, now: float) -> bool:
        """Whether no worker can still be processing it, because its deadline has passed."""
        return now > self.sent + self.time_s + GRACE_S


@dataclass
class Slot:
    """One worker: a Ray actor, which Ray restarts in a new process when its process dies.

    Attributes:
        actor: Ray's actor handle.
        hello: Object reference of the reply to `hello` while the process is not ready; None otherwise.
        hello_after: Time at which to call `hello` again after the process died, on the monotonic clock.
        instance: Id of the process that is ready; None if none is.
        flights: Chunks that the process has, by the object reference of the result, oldest first.
        parked: Chunks of a process that was lost, and whether each is suspected to have killed it. They are retried
            once that process is certainly dead: when a new process replies, or when their deadline has passed.
        starts: Number of processes in a row that died before they were ready.
    """

    actor: Any
    hello: Any
    hello_after: float = 0.0
    instance: str | None = None
    flights: dict[Any, Flight] = field(default_factory=dict)
    parked: list[tuple[Flight, bool]] = field(default_factory=list)
    starts: int = 0

    @property
    def is_suspect(self) -> bool:
        """Whether it has a chunk that has to run alone."""
        return any(flight.task.alone for flight in self.flights.values())


def actor_options(config: EngineConfig) -> dict[str, Any]:
    """Ray options of a worker actor."""
    return {
        "num_cpus": 1,
        "num_gpus": config.gpus_per_worker or None,
        "max_restarts": -1,
        # No retries by Ray: a poison chunk would kill several workers before the driver learns of it.
        "max_task_retries": 0,
        "max_concurrency": IN_FLIGHT + 1,
    }
