"""What all faults share: the lake, the undisturbed run, fresh trials."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from infra.proof.faults.lake import Lake, lake
from infra.proof.faults.sampler import Sampler
from infra.proof.faults.trial import Reference, Trial

#: Cheap detection; a dead run's lease is over soon.
ARGUMENTS = (
    *("--address", "local", "--workers", "2", "--set", "detector.preset=fast", "--set", "engine.lease_s=8"),
    *("--set", "engine.chunk_keys=16"),
)


@dataclass(frozen=True)
class Harness:
    """Where faults happen.

    Args:
        folder: Empty.
        count: Of objects.
        kills: Of drivers, and of workers.
        seed: Of everything random.
        more: Arguments for every run.
        patch: See `lake`.
    """

    folder: Path
    count: int
    kills: int
    seed: int
    more: tuple[str, ...] = ()
    patch: tuple[int, int, int] | None = None

    @cached_property
    def lake(self) -> Lake:
        made = lake(self.count, self.patch)
        made.write(self.folder / "in")
        return made

    @cached_property
    def reference(self) -> Reference:
        """The undisturbed run."""
        return self.trial("undisturbed").reference()

    @property
    def arguments(self) -> tuple[str, ...]:
        return (*ARGUMENTS, "--consent", str(self.folder / "consent.csv"), *self.more)

    def trial(self, name: str, environ: Mapping[str, str] | None = None, module: str = "anonymizer") -> Trial:
        """One more OUTPUT for the same INPUT."""
        _ = self.lake
        source, log = str(self.folder / "in"), self.folder / f"{name}.log"
        return Trial(source, str(self.folder / name), self.arguments, log, environ or {}, module)

    def sampler(
        self, trial: Trial, good: Mapping[str, bytes] | None = None, before: Mapping[str, bytes] | None = None
    ) -> Sampler:
        """For a trial on the local disk."""
        return Sampler(Path(trial.output), self.reference.outputs if good is None else good, before)

    def dice(self, name: str) -> random.Random:
        """Random numbers of a fault, always the same ones."""
        return random.Random(f"{self.seed} {name}")  # noqa: S311 - faults, no secrets
