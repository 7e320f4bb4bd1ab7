"""Check the invariants after a run, from the published files and the manifest's rows."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anonymizer.lake.manifest import current
from infra.proof.days import consents, people
from infra.proof.days.consents import Row, Terms
from infra.proof.days.habits import Habits
from infra.proof.days.night import SECRET
from infra.proof.days.people import Photo
from infra.proof.days.places import Places, Standing
from infra.proof.days.sources import KEYS, Sources


class Broken(AssertionError):
    """An invariant was violated."""


@dataclass(frozen=True)
class Promises:
    """What a lake was promised, as it stands on one day.

    Args:
        sources: What there is and what there was.
        places: Where it is published.
        rows: The registry.
        habits: What the run was given.
    """

    sources: Sources
    places: Places
    rows: tuple[Row, ...]
    habits: Habits

    def hold(self, days: set[float], settled: str | None) -> None:
        """Judges everything that is published.

        Args:
            days: The times at which the run may have decided.
            settled: The OUTPUT whose rows have to be true: nothing moved while the run was at work. None where
                something did.

        Raises:
            Broken: A promise was not kept.
        """
        standing = list(self.places.standing())
        for file in standing:
            self._hold_safe(file, days)
        if settled is not None:
            own = {file.name: file for file in standing if file.place == settled and file.current}
            self._hold_accounted(own, settled)

    def _hold_safe(self, file: Standing, days: set[float]) -> None:
        """Checks that no face is visible that today's registry does not allow."""
        seen = people.seen(file.data)
        photo = self.sources.photos[seen.number]
        key = key_of(file.name)
        if key not in self.sources.keys_of[seen.number]:
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

    def _hold_accounted(self, standing: Mapping[str, Standing], place: str) -> None:
        """Every listed object has one current row; what it says is published is there, and is what is listed."""
        listed = current(self.places.url("manifest"), self.places.options).to_pylist()
        rows = {row["key"]: row for row in listed}
        if len(rows) != len(listed):
            raise Broken("a key has two current rows")
        for key, source in self.sources.now.items():
            if key not in rows:
                raise Broken(f"{key} is listed and has no row")
            if rows[key]["output_uri"] is not None:
                name = hashed_name(key) if self.habits.hashed else key
                own = f"{self.places.url(place)}/{name}"
                file = standing.get(name)
                if file is None or not rows[key]["output_uri"].endswith(own):
                    raise Broken(f"{key}: its row says {rows[key]['output_uri']}, and it is not at {place}/{name}")
                _hold_true(rows[key], file, source)


def _hold_true(row: Mapping[str, Any], file: Standing, source: Photo | str) -> None:
    """A row speaks of the file that is published for it, and that shows what is listed."""
    if row["output_sha256"] != hashlib.sha256(file.data).hexdigest():
        raise Broken(f"{row['key']}: its row does not speak of what is published")
    fresh = isinstance(source, Photo) and source.number == people.seen(file.data).number
    if row["status"] != "failed" and not fresh:
        raise Broken(f"{row['key']}: {row['status']}, but what is published is not what is listed")


def hashed_name(key: str) -> str:
    """The hashed name, independently implemented from the documentation of `--names hashed`."""
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
