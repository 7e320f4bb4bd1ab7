"""What the driver knows of each worker process, and of the chunks that are with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from anonymizer.config import EngineConfig
from anonymizer.run.chunks import Task

IN_FLIGHT = 2
"""Chunks that a worker holds at once: it computes one and reads ahead or publishes behind for the other."""

GRACE_S = 20.0
"""How long after its deadline a chunk may still be answered before its worker is ended."""


@dataclass
class Flight:
    """A chunk that was sent to a worker.

    Attributes:
        task: What was sent.
        sent: When, on the monotonic clock.
        time_s: Seconds that the worker has for it.
    """

    task: Task
    sent: float
    time_s: float

    def is_over(self, now: float) -> bool:
        """Whether nobody works on it any more, whatever became of its worker."""
        return now > self.sent + self.time_s + GRACE_S


@dataclass
class Slot:
    """A place for one worker: an actor, which Ray starts again in a new process when its process dies.

    Attributes:
        actor: Ray's handle.
        hello: The answer that is waited for while the process is not known to be ready; None otherwise.
        hello_after: When a process that died is to be greeted anew, on the monotonic clock.
        instance: Names the process that is ready; None while none is.
        flights: Chunks that it holds, by the answer that is waited for, oldest first.
        parked: Chunks that a process held when it was lost, and whether each is under suspicion to have killed it.
            They are sent again once that process is certainly dead: when a new one answers, or when their time is over.
        starts: Processes that died before they were ready, in a row.
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
        """Whether it holds a chunk that has to run alone."""
        return any(flight.task.alone for flight in self.flights.values())


def actor_options(config: EngineConfig) -> dict[str, Any]:
    """What each worker asks Ray for."""
    return {
        "num_cpus": 1,
        "num_gpus": config.gpus_per_worker or None,
        "max_restarts": -1,
        # Ray retries nothing: a poison chunk would run four times before the driver hears of it.
        "max_task_retries": 0,
        "max_concurrency": IN_FLIGHT + 1,
    }
