"""The lake on one day after another: its sources, its registry, its clock, and what has to hold after a run."""

from __future__ import annotations

import hashlib
import hmac
import os
import shutil
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from anonymizer.lake.manifest import current
from infra.proof.days import consents, people
from infra.proof.days.consents import BEGIN, Row, Terms
from infra.proof.days.night import SECRET, Ended, night
from infra.proof.days.people import Photo
from infra.proof.days.places import MAIN, Places, Standing
from infra.proof.days.steps import Death, Steps

KEYS = ("a/one.png", "a/Two.jpg", "b.png")
#: What may stand in the place of a photo.
IRREGULAR = ("link", "dangling", "folder link", "pipe")
#: Noon: windows open and close at midnight.
HALF_A_DAY = 0.5

ARGUMENTS = (
    *("--detector", "patch", "--max-failures", "100%", "--prune-limit", "100%"),
    # Nothing hangs on how fast this machine is, and every step comes in its own turn.
    *("--set", "engine.io_threads=1", "--set", "engine.chunk_keys=2", "--set", "engine.lease_s=100000"),
    *("--set", "engine.image_time_s=3600", "--set", "engine.workers=1"),
)


class Broken(AssertionError):
    """A promise was not kept."""


@dataclass(frozen=True)
class Habits:
    """What the people of the lake give on the command line every night."""

    hashed: bool = False
    public: bool = False
    purpose: str | None = None
    prune: bool = False


@dataclass
class Clock:
    """Days since `consents.BEGIN`.

    Attributes:
        today: What the machine's clock says.
        latest: The latest time at which a run has decided.
        since_told: The same, of the runs since one was told its time by hand, that one included.
    """

    today: int = 0
    latest: float = -1e9
    since_told: float = -1e9
    ticks: int = 0

    def now(self) -> datetime:
        """No two runs begin at the same time."""
        self.ticks += 1
        return BEGIN + timedelta(days=self.today + HALF_A_DAY, microseconds=self.ticks)

    @property
    def back(self) -> bool:
        """Runs have decided at later times than this one."""
        return self.today + HALF_A_DAY < self.latest

    def days(self, told: int | None) -> set[float]:
        """The times at which a run may decide: never before another one has, unless it is told to."""
        if told is not None:
            return {float(told)}
        now = self.today + HALF_A_DAY
        return {max(now, self.latest), max(now, self.since_told)}

    def decided(self, told: int | None) -> None:
        """A run has."""
        now = self.today + HALF_A_DAY if told is None else float(told)
        self.latest = max(self.latest, now)
        self.since_told = now if told is not None else max(self.since_told, now)


@dataclass
class Lake:
    """Everything that a team has.

    Args:
        folder: Empty.
        places: Of what is published.
        with_ray: Runs start a real Ray.

    Attributes:
        sources: Key → the photo there, or what else is there.
        nights: Runs so far.
        home: The OUTPUT of the latest run that came to its end.
    """

    folder: Path
    places: Places
    with_ray: bool = False
    habits: Habits = Habits()
    rows: tuple[Row, ...] = ()
    clock: Clock = field(default_factory=Clock)
    sources: dict[str, Photo | str] = field(default_factory=dict)
    photos: dict[int, Photo] = field(default_factory=dict)
    keys_of: dict[int, set[str]] = field(default_factory=dict)
    nights: int = 0
    home: str = MAIN

    def __post_init__(self) -> None:
        (self.folder / "in").mkdir()
        (self.folder / "elsewhere").mkdir()
        (self.folder / "elsewhere" / "face.png").write_bytes(people.photo(0, (0, 1), ".png").data)
        (self.folder / "settings.toml").write_text(self.places.settings)

    # What happens to sources.

    def take(self, key: str, whom: tuple[int | None, int | None]) -> None:
        """A photo is taken and put under a key, whatever was there."""
        number = len(self.photos) + 1
        photo = people.photo(number, whom, key)
        self.photos[number], self.keys_of[number] = photo, {key}
        self._put(key, photo.data)
        self.sources[key] = photo

    def spoil(self, key: str, data: bytes) -> None:
        """Something that is no photo is put under a key."""
        self._put(key, data)
        self.sources[key] = "spoiled"

    def move(self, key: str, to: str) -> None:
        """A file is given another name."""
        photo = self.sources[key]
        path = self._cleared(to)
        self._path(key).rename(path)
        self.sources[to] = self.sources.pop(key)
        if isinstance(photo, Photo):
            self.keys_of[photo.number].add(to)

    def delete(self, key: str) -> None:
        """A source goes."""
        self._cleared(key)
        del self.sources[key]

    def replace(self, key: str, kind: str) -> None:
        """Something irregular is put in a source's place, or where there was none."""
        path = self._cleared(key)
        elsewhere = self.folder / "elsewhere"
        if kind == "pipe":
            os.mkfifo(path)
        else:
            targets = {"link": elsewhere / "face.png", "dangling": elsewhere / "nothing", "folder link": elsewhere}
            path.symlink_to(targets[kind])
        self.sources[key] = kind

    def _put(self, key: str, data: bytes) -> None:
        self._cleared(key).write_bytes(data)

    def _cleared(self, key: str) -> Path:
        path = self._path(key)
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        return path

    def _path(self, key: str) -> Path:
        return self.folder / "in" / key

    # Runs.

    def night(
        self,
        place: str | None = None,
        *,
        told: int | None = None,
        steps: Steps | None = None,
        workers_die: bool = False,
        settled: bool = True,
    ) -> Ended:
        """Does a run and holds what it left behind against what it may leave.

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
        ended = night(
            self._arguments(place, told),
            self.clock.now(),
            steps or Steps(),
            workers_die=workers_die,
            with_ray=self.with_ray,
        )
        if ended.status is None:
            self.places.bury()
            return ended
        if "unexpected" in ended.said or (ordinary and ended.status not in (0, 3)):
            raise Broken(f"exit status {ended.status}: {ended.said}")
        if ended.status in (0, 3):
            self.clock.decided(told)
            self.home = place
            self._hold(place if settled else None, days)
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
        habits = self.habits
        arguments = [str(self.folder / "in"), self.places.url(place), "--manifest", self.places.url("manifest")]
        arguments += [*ARGUMENTS, "--consent", str(self.folder / "consent.csv")]
        arguments += ["--config", str(self.folder / "settings.toml"), "--names", "hashed" if habits.hashed else "same"]
        arguments += ["--policy", "public" if habits.public else "redact"]
        arguments += ["--purpose", habits.purpose] if habits.purpose is not None else []
        arguments += ["--as-of", (BEGIN + timedelta(days=told)).isoformat()] if told is not None else []
        return arguments + (["--prune"] if habits.prune else [])

    # What has to hold.

    def _hold(self, place: str | None, days: set[float]) -> None:
        standing = list(self.places.standing())
        for file in standing:
            self._hold_safe(file, days)
        if place is not None:
            self._hold_accounted({file.name: file for file in standing if file.place == place and file.current}, place)

    def _hold_safe(self, file: Standing, days: set[float]) -> None:
        """No face is in clear that today's registry does not allow."""
        seen = people.seen(file.data)
        photo = self.photos[seen.number]
        key = key_of(file.name)
        if key not in self.keys_of[seen.number]:
            raise Broken(f"{file.place}/{file.name} shows photo {seen.number}, which was never under {key}")
        found = []
        for day in days:
            terms = Terms(self.rows, day, self.habits.purpose, self.habits.public)
            may = consents.allowed(photo, key, terms)
            if (may is not None or not file.current) and seen.people <= (may or frozenset()):
                return
            found.append(f"day {day:g}: {'nothing' if may is None else sorted(may)} may be seen")
        which = "" if file.current else ", an older version"
        raise Broken(
            f"{file.place}/{file.name}{which}: photo {seen.number} shows {sorted(seen.people)}; {'; '.join(found)}"
        )

    def _hold_accounted(self, standing: dict[str, Standing], place: str) -> None:
        """Every listed object has one current row; what it says is published is there, and is what is listed."""
        listed = current(self.places.url("manifest"), self.places.options).to_pylist()
        rows = {row["key"]: row for row in listed}
        if len(rows) != len(listed):
            raise Broken("a key has two current rows")
        for key, source in self.sources.items():
            if key not in rows:
                raise Broken(f"{key} is listed and has no row")
            row = rows[key]
            if row["output_uri"] is None:
                continue
            file = standing.get(self._name_of(key))
            if file is None or not row["output_uri"].endswith(f"{self.places.url(place)}/{self._name_of(key)}"):
                raise Broken(f"{key}: its row says {row['output_uri']}, and it is not at {place}/{self._name_of(key)}")
            if row["output_sha256"] != hashlib.sha256(file.data).hexdigest():
                raise Broken(f"{key}: its row does not speak of what is published")
            fresh = isinstance(source, Photo) and source.number == people.seen(file.data).number
            if row["status"] != "failed" and not fresh:
                raise Broken(f"{key}: {row['status']}, but what is published is not what is listed")

    def _name_of(self, key: str) -> str:
        return hashed_name(key) if self.habits.hashed else key

    def remove(self) -> None:
        """All of it."""
        shutil.rmtree(self.folder)


def hashed_name(key: str) -> str:
    """As the documentation of `--names hashed` has it."""
    digits = hmac.new(SECRET.encode(), key.encode(), hashlib.sha256).hexdigest()[:32]
    return f"{digits[:2]}/{digits}{key[key.rindex('.') :]}"


def key_of(name: str) -> str:
    """The key whose output has such a name.

    Raises:
        Broken: None has.
    """
    for key in KEYS:
        if name in (key, hashed_name(key)):
            return key
    raise Broken(f"{name} is the name of nothing that was ever listed")
