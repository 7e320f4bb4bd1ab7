"""Define the Hypothesis rule-based state machine of the days of a lake."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from infra.proof.days.consents import VETOES, Region, Row
from infra.proof.days.lake import Lake
from infra.proof.days.night import Ended
from infra.proof.days.people import Photo
from infra.proof.days.places import OTHER, Disk, Places
from infra.proof.days.sources import IRREGULAR, KEYS

PLACES = st.sampled_from(KEYS)
WHOM = st.sampled_from([(0, None), (1, None), (2, 3), (None, 4), (None, None)])
SAID_OF = st.sampled_from((*KEYS, "a/"))
SLOTS = st.sampled_from([(0,), (1,), (0, 1)])
DAYS = st.one_of(st.none(), st.integers(-3, 12))
#: Storage steps at which a fault may hit a run; a run over three photos has about a hundred.
STEPS = st.integers(1, 160)


class Days(RuleBasedStateMachine):
    """Random days.

    Attributes:
        with_ray: See `Lake`.
        played: Runs of all machines so far.
    """

    with_ray: ClassVar[bool] = False
    played: ClassVar[int] = 0

    @staticmethod
    def places(folder: Path) -> Places:
        """Makes what is published to."""
        return Disk(folder)

    def __init__(self) -> None:
        super().__init__()
        folder = Path(tempfile.mkdtemp(prefix="days-"))
        self.lake = Lake(folder, type(self).places(folder), self.with_ray)

    def teardown(self) -> None:
        """In the end everything is where it belongs, and a run comes to its end."""
        try:
            self.lake.places.come_back()
            self.lake.clock.today = max(self.lake.clock.today, int(self.lake.clock.latest) + 1, 0)
            self._ended("the last one", self.lake.night())
        finally:
            type(self).played += self.lake.nights
            self.lake.remove()

    def _ended(self, what: str, ended: Ended) -> None:
        note(f"{what}: {ended.status}\n{ended.said}")

    @initialize(photos=st.lists(st.tuples(PLACES, WHOM), min_size=1, max_size=3), consent=st.booleans())
    def begin(self, photos: list[tuple[str, tuple[int | None, int | None]]], consent: bool) -> None:
        """No lake is empty, and half of them publish faces at once."""
        for key, whom in photos:
            self.lake.sources.take(key, whom)
        if consent:
            self._said(Row(photos[0][0], "granted", everyone=True))
            self._ended("the first one", self.lake.night())

    # Sources.

    @rule(key=PLACES, whom=WHOM)
    def take(self, key: str, whom: tuple[int | None, int | None]) -> None:
        self.lake.sources.take(key, whom)

    @precondition(lambda self: self.lake.sources.now)
    @rule(data=st.data(), broken=st.booleans())
    def spoil(self, data: Any, broken: bool) -> None:
        key = self._source(data)
        found = self.lake.sources.now[key]
        whole = found.data if broken and isinstance(found, Photo) else b"no picture"
        self.lake.sources.spoil(key, whole[: len(whole) // 2])

    @precondition(lambda self: self.lake.sources.now)
    @rule(data=st.data(), to=PLACES)
    def move(self, data: Any, to: str) -> None:
        key = self._source(data)
        if to != key and to.endswith(key[key.rindex(".") :]):
            self.lake.sources.move(key, to)

    @precondition(lambda self: self.lake.sources.now)
    @rule(data=st.data())
    def delete(self, data: Any) -> None:
        self.lake.sources.delete(self._source(data))

    @rule(key=PLACES, kind=st.sampled_from(IRREGULAR))
    def irregular(self, key: str, kind: str) -> None:
        self.lake.sources.replace(key, kind)

    def _source(self, data: Any) -> str:
        return str(data.draw(st.sampled_from(sorted(self.lake.sources.now))))

    # The registry.

    @rule(key=SAID_OF, subject=st.sampled_from(["", "anna", "ben"]), everyone=st.booleans(), since=DAYS, until=DAYS)
    def consent(self, key: str, subject: str, everyone: bool, since: int | None, until: int | None) -> None:
        self._said(Row(key, "granted", subject, everyone, since=since, until=until))

    @rule(key=SAID_OF, subject=st.sampled_from(["", "anna", "ben"]), slots=SLOTS, since=DAYS, data=st.data())
    def consent_of_a_place(self, key: str, subject: str, slots: tuple[int, ...], since: int | None, data: Any) -> None:
        self._said(Row(key, "granted", subject, since=since, region=self._region(data, key, slots)))

    @rule(key=SAID_OF, until=DAYS)
    def consent_for_a_purpose(self, key: str, until: int | None) -> None:
        self._said(Row(key, "granted", everyone=True, purposes="study", until=until))

    @rule(key=SAID_OF, status=st.sampled_from(VETOES), capitals=st.booleans())
    def objection(self, key: str, status: str, capitals: bool) -> None:
        self._said(Row(key.upper() if capitals else key, status))

    @rule(key=SAID_OF, status=st.sampled_from(VETOES), slots=SLOTS, data=st.data())
    def objection_of_a_place(self, key: str, status: str, slots: tuple[int, ...], data: Any) -> None:
        self._said(Row(key, status, region=self._region(data, key, slots)))

    @precondition(lambda self: self.lake.rows)
    @rule(data=st.data())
    def strike_out(self, data: Any) -> None:
        place = data.draw(st.integers(0, len(self.lake.rows) - 1))
        self.lake.rows = self.lake.rows[:place] + self.lake.rows[place + 1 :]

    @rule()
    def strike_out_everything(self) -> None:
        self.lake.rows = ()

    def _said(self, row: Row) -> None:
        self.lake.rows = (*self.lake.rows, row)

    def _region(self, data: Any, key: str, slots: tuple[int, ...]) -> Region:
        photo = self.lake.sources.now.get(key)
        of = data.draw(st.sampled_from(["any", "any", "this", "misfit"]))
        return Region(slots, of != "misfit", photo.sha256 if of == "this" and isinstance(photo, Photo) else "")

    # The world.

    @rule(days=st.sampled_from([1, 3, 10, -2, -5]))
    def clock(self, days: int) -> None:
        self.lake.clock.today += days

    @rule()
    def other_names(self) -> None:
        self._now(hashed=not self.lake.habits.hashed)

    @rule()
    def other_policy(self) -> None:
        self._now(public=not self.lake.habits.public)

    @rule()
    def other_purpose(self) -> None:
        self._now(purpose=None if self.lake.habits.purpose else "study")

    @rule()
    def prune_or_not(self) -> None:
        self._now(prune=not self.lake.habits.prune)

    def _now(self, **habits: Any) -> None:
        self.lake.habits = replace(self.lake.habits, **habits)

    @precondition(lambda self: self.lake.nights and not self.lake.places.away)
    @rule()
    def vanish(self) -> None:
        self.lake.places.vanish()

    @precondition(lambda self: self.lake.places.away)
    @rule()
    def come_back(self) -> None:
        self.lake.places.come_back()

    # Runs.

    @rule()
    def night(self) -> None:
        self._ended("night", self.lake.night())

    @rule(day=st.integers(-3, 12))
    def told_the_time(self, day: int) -> None:
        self._ended("told the time", self.lake.night(told=day))

    @rule()
    def elsewhere(self) -> None:
        self._ended("elsewhere", self.lake.night(OTHER))

    @rule(at=STEPS)
    def dies(self, at: int) -> None:
        self._ended("dies", self.lake.dies(at, workers_die=False))

    @precondition(lambda self: not self.with_ray)
    @rule(at=STEPS)
    def worker_dies(self, at: int) -> None:
        self._ended("worker dies", self.lake.dies(at, workers_die=True))

    @precondition(lambda self: self.lake.nights and not self.lake.places.away)
    @rule(at=STEPS)
    def loses_its_output(self, at: int) -> None:
        self._ended("loses its output", self.lake.loses_its_output(at))
