"""Provide what all faults share: the lake, the undisturbed run and new trials."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from infra.proof.faults.lake import Lake, lake
from infra.proof.faults.sampler import Sampler
from infra.proof.faults.trial import Reference, Trial

#: Fast detection, and a short lease so that a restart need not wait for a dead run.
ARGUMENTS = (
    *("--address", "local", "--workers", "2", "--set", "detector.preset=fast", "--set", "engine.lease_s=8"),
    *("--set", "engine.chunk_keys=16"),
)


@dataclass(frozen=True)
class Harness:
    """The parameters of an evaluation.

    Args:
        folder: An empty folder to work in.
        count: Number of objects.
        kills: Number of killed drivers, and of killed workers.
        seed: Seed of all random choices.
        more: Additional arguments for every run.
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
        """A new trial with its own OUTPUT for the same INPUT."""
        _ = self.lake
        source, log = str(self.folder / "in"), self.folder / f"{name}.log"
        return Trial(source, str(self.folder / name), self.arguments, log, environ or {}, module)

    def sampler(
        self, trial: Trial, good: Mapping[str, bytes] | None = None, before: Mapping[str, bytes] | None = None
    ) -> Sampler:
        """A sampler for a trial on the local disk."""
        return Sampler(Path(trial.output), self.reference.outputs if good is None else good, before)

    def dice(self, name: str) -> random.Random:
        """A fault's random number generator, seeded by its name."""
        return random.Random(f"{self.seed} {name}")  # noqa: S311 - faults, no secrets
