"""Simulate the lake over days: its sources, registry, clock and runs."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from infra.proof.days import consents
from infra.proof.days.clock import Clock
from infra.proof.days.consents import BEGIN, Row
from infra.proof.days.habits import Habits
from infra.proof.days.night import Ended, night
from infra.proof.days.places import MAIN, Places
from infra.proof.days.promises import Broken, Promises
from infra.proof.days.sources import Sources
from infra.proof.days.steps import Death, Steps


@dataclass
class Lake:
    """Everything that a team has.

    Args:
        folder: Empty.
        places: Where things are published.
        with_ray: Runs start a real Ray.

    Attributes:
        habits: What runs are given.
        rows: The registry.
        sources: INPUT.
        nights: Runs so far.
        home: The OUTPUT of the latest run that came to its end.
    """

    folder: Path
    places: Places
    with_ray: bool = False
    habits: Habits = field(default_factory=Habits)
    rows: tuple[Row, ...] = ()
    clock: Clock = field(default_factory=Clock)
    sources: Sources = field(init=False)
    nights: int = 0
    home: str = MAIN

    def __post_init__(self) -> None:
        self.sources = Sources(self.folder / "in", self.folder / "elsewhere")
        (self.folder / "settings.toml").write_text(self.places.settings)

    def night(
        self,
        place: str | None = None,
        *,
        told: int | None = None,
        steps: Steps | None = None,
        workers_die: bool = False,
        settled: bool = True,
    ) -> Ended:
        """Does a run and checks its result against the invariants.

        Args:
            place: OUTPUT; `home` without one.
            told: The day that is given with `--as-of`.
            steps: What happens to it.
            workers_die: See `engine.Engine`.
            settled: Nothing moves while it is at work, so that its rows have to be true in the end.

        Raises:
            Broken: A promise was not kept.
        """
        self.nights += 1
        place = place or self.home
        (self.folder / "consent.csv").write_text(consents.text(self.rows))
        ordinary = settled and place == self.home and not (self.places.away or self.clock.back)
        days = self.clock.days(told)
        arguments, now = self._arguments(place, told), self.clock.now()
        ended = night(arguments, now, steps or Steps(), workers_die=workers_die, with_ray=self.with_ray)
        if ended.status is None:
            self.places.bury()
            return ended
        if "unexpected" in ended.said or (ordinary and ended.status not in (0, 3)):
            raise Broken(f"exit status {ended.status}: {ended.said}")
        if ended.status in (0, 3):
            self.clock.decided(told)
            self.home = place
            Promises(self.sources, self.places, self.rows, self.habits).hold(days, place if settled else None)
        return ended

    def dies(self, at: int, *, workers_die: bool) -> Ended:
        """A run, or a worker of it, dies at a step of its storage."""

        def die() -> None:
            raise Death

        return self.night(steps=Steps(at, die), workers_die=workers_die)

    def loses_its_output(self, at: int) -> Ended:
        """OUTPUT vanishes while a run is at work."""
        return self.night(steps=Steps(at, self.places.vanish), settled=False)

    def _arguments(self, place: str, told: int | None) -> list[str]:
        arguments = [str(self.folder / "in"), self.places.url(place), "--manifest", self.places.url("manifest")]
        arguments += ["--consent", str(self.folder / "consent.csv"), "--config", str(self.folder / "settings.toml")]
        arguments += ["--as-of", (BEGIN + timedelta(days=told)).isoformat()] if told is not None else []
        return arguments + self.habits.arguments()

    def remove(self) -> None:
        """Removes all of it."""
        shutil.rmtree(self.folder)
