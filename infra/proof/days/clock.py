"""Simulate the clock of the machine, which may be set back, and the times at which consent may be evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from infra.proof.days.consents import BEGIN

#: Noon: windows of consent open and close at midnight.
HALF_A_DAY = 0.5


@dataclass
class Clock:
    """Days since `consents.BEGIN`.

    Attributes:
        today: What the machine's clock says.
        latest: The latest time at which a run has decided.
        since_told: The same, of the runs since one was told its time by hand, that one included.
        ticks: How often the time was read.
    """

    today: int = 0
    latest: float = -1e9
    since_told: float = -1e9
    ticks: int = 0

    def now(self) -> datetime:
        """Advances the clock, so that no two runs start at the same time."""
        self.ticks += 1
        return BEGIN + timedelta(days=self.today + HALF_A_DAY, microseconds=self.ticks)

    @property
    def back(self) -> bool:
        """Whether an earlier run evaluated consent at a later time than now."""
        return self.today + HALF_A_DAY < self.latest

    def days(self, told: int | None) -> set[float]:
        """The times at which a run may evaluate consent: not before an earlier run's, unless told to."""
        if told is not None:
            return {float(told)}
        now = self.today + HALF_A_DAY
        return {max(now, self.latest), max(now, self.since_told)}

    def decided(self, told: int | None) -> None:
        """Records that a run has evaluated consent."""
        now = self.today + HALF_A_DAY if told is None else float(told)
        self.latest = max(self.latest, now)
        self.since_told = now if told is not None else max(self.since_told, now)
