"""Define the task and the report of a child process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from infra.proof.fuzz.explore import Tally
from infra.proof.fuzz.targets import Sample


@dataclass(frozen=True, slots=True)
class Task:
    """What a child does.

    Attributes:
        target: Its name.
        seed: Decides about every mutation.
        seconds: For how long it goes on.
        folder: More sources, or None.
        sample: Only this input is judged, once.
    """

    target: str
    seed: int = 0
    seconds: float = 0.0
    folder: Path | None = None
    sample: Sample | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What a child reports if it comes to its end."""

    tally: Tally
    corpus: int
    base_kib: int
    peak_kib: int
