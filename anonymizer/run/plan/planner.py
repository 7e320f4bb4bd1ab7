"""What a run has to do: the listing, joined with the manifest's current rows.

Both come in UTF-8 byte order of keys, so one pass in step is enough and no more than a batch of rows is held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import islice
from typing import Protocol

from anonymizer.config import RunConfig
from anonymizer.errors import KeyCollision, ObjectError, Requested, TakeDownOwed
from anonymizer.lake.naming import Places
from anonymizer.lake.storage import Irregular, Listed, VersionCursor
from anonymizer.records import ConsentDecision, GivenBoxes, ImageRef, ManifestRow, WorkItem
from anonymizer.run.chunks import Task, group
from anonymizer.run.plan.collisions import collisions
from anonymizer.run.plan.current_rows import CurrentRows, Known
from anonymizer.run.rows import content_of


@dataclass(frozen=True)
class Asked:
    """Whom the planner asks about an object.

    Attributes:
        decide: What the registry says about a key.
        given: The boxes that are known from outside of a listed object.
        settings: Hash of the settings that an object's output is made with.
        forced: Whether a key is done again, changed or not.
        version: What stands under a key in OUTPUT; asked where OUTPUT was adopted.
    """

    decide: Callable[[str], ConsentDecision]
    given: Callable[[ImageRef], GivenBoxes | None]
    settings: Callable[[GivenBoxes | None], str]
    forced: Callable[[str], bool]
    version: Callable[[str], str | None] = lambda _: None


class Told(Protocol):
    """Whom the planner tells of objects that no worker is needed for."""

    def refuse(self, item: WorkItem, error: ObjectError, published: ManifestRow | None) -> None:
        """Something that cannot be read.

        Args:
            item: What it is, and what the registry says of it: it may be what an objection speaks of all the same.
            error: Why it is not read.
            published: The current row of an output that it has all the same.
        """

    def collide(self, item: WorkItem) -> None:
        """A source whose output may be that of another one too."""


@dataclass(frozen=True, slots=True)
class _Planned:
    """An object that may have to be done."""

    item: WorkItem
    known: Known | None
    unchanged: bool


def selected(config: RunConfig, listing: Iterable[Listed]) -> Iterator[Listed]:
    """What the filters and the limit leave of a listing."""

    def wanted(entry: Listed) -> bool:
        included = not config.include or any(fnmatchcase(entry.key, pattern) for pattern in config.include)
        return included and not any(fnmatchcase(entry.key, pattern) for pattern in config.exclude)

    return islice(filter(wanted, listing), config.limit)


class Planner:
    """Turns a listing into tasks, and counts what it saw.

    Args:
        config: Filters, limit and chunk sizes.
        rows: The manifest's current rows.
        asked: See `Asked`.
        told: See `Told`.
        places: Where outputs go.
        attempt: Of the rows that this run writes, before its first dispatch.
        counted: Keys that another planner of this run has listed before.

    Attributes:
        listed: Objects of the listing that the filters and the limit left.
        listed_bytes: Their bytes.
        carried: Those among them that are as the manifest has them: there is nothing to do.
    """

    def __init__(
        self,
        config: RunConfig,
        rows: CurrentRows,
        asked: Asked,
        told: Told,
        places: Places,
        attempt: int = 0,
        counted: Set[str] = frozenset(),
    ) -> None:
        self._config = config
        self._rows = rows
        self._asked = asked
        self._told = told
        self._places = places
        self._attempt = attempt
        self._counted_before = counted
        self.listed = 0
        self.listed_bytes = 0
        self.unchanged = 0

    def tasks(self, listing: Iterable[Listed], outputs: VersionCursor | None = None) -> Iterator[Task]:
        """Chunks' worth of work, in listing order.

        Args:
            listing: Of INPUT.
            outputs: What lies in OUTPUT, where it was adopted; else None: the manifest says which version of an output
                a redo replaces, and publishing fails if it is wrong.
        """
        engine = self._config.engine
        for items in group(self._items(listing, outputs), engine.chunk_keys, engine.chunk_bytes):
            yield Task(items, self._attempt)

    def _counted(self, listing: Iterable[Listed]) -> Iterator[Listed]:
        for entry in selected(self._config, listing):
            self.listed += 1
            if isinstance(entry, ImageRef):
                self.listed_bytes += entry.size
            yield entry

    def _items(self, listing: Iterable[Listed], outputs: VersionCursor | None) -> Iterator[WorkItem]:
        pairs = ((entry.key, self._planned(entry, outputs)) for entry in self._counted(listing))
        for planned, collides in collisions(pairs) if self._may_collide else ((p, False) for _, p in pairs):
            if planned is None:
                continue
            collided = planned.known is not None and planned.known.error_code == KeyCollision.code
            if planned.unchanged and collides == collided:
                self._carry(planned.item.ref.key, planned.item.ref.size)
            elif collides:
                self._told.collide(replace(planned.item, standing=None))
            else:
                yield planned.item

    def _carry(self, key: str, size: int = 0) -> None:
        """There is nothing to do about it; what this run did before it was listed is one object still."""
        if key in self._counted_before:
            self.listed -= 1
            self.listed_bytes -= size
        else:
            self.unchanged += 1

    @property
    def _may_collide(self) -> bool:
        return self._places.names == "same" and not self._config.in_place

    def _planned(self, entry: Listed, outputs: VersionCursor | None) -> _Planned | None:
        """What an entry may need; None where no worker is asked."""
        known = self._rows.find(entry.key)
        if isinstance(entry, Irregular):
            self._irregular(entry, known)
            return None
        decision, given = self._asked.decide(entry.key), self._asked.given(entry)
        if self._config.in_place:
            return self._in_place(WorkItem(entry, decision, entry.etag, boxes=given, bound=_bound(known)), known)
        own = self._places.own(entry.key)
        if known is None or known.output_uri is None:
            expected = self._places.expected(entry.key, None)
            lies_there = outputs.version(entry.key) if outputs is not None and expected == entry.key else None
            version = lies_there if self._config.adopt == "replace" else None
            foreign = version is not None
            item = WorkItem(entry, decision, version, None, own, expected, given, foreign=foreign, bound=_bound(known))
            return _Planned(item, known, known is not None and self._unchanged(known, entry, decision, given))
        item = WorkItem(entry, decision, None, name=own, boxes=given, bound=_bound(known))
        return self._published(item, known, known.output_uri, outputs)

    def _published(self, item: WorkItem, known: Known, output_uri: str, outputs: VersionCursor | None) -> _Planned:
        """An object that has an output."""
        located, expected = self._places.located(output_uri), self._places.expected(item.ref.key, output_uri)
        item = replace(item, expected=expected, replaces=known.output_sha256)
        if located != expected:
            # Settings that move outputs make them due.
            moved = replace(item, moved_from=located, moved_version=known.output_etag)
            return _Planned(moved, known, unchanged=False)
        item = replace(item, output_version=known.output_etag)
        if outputs is not None and self._version_of(item, outputs) != known.output_etag:
            return _Planned(item, known, unchanged=False)
        if self._unchanged(known, item.ref, item.decision, item.boxes):
            return _Planned(item, known, unchanged=True)
        # A redo that fails leaves an output that was made under the same decision.
        stays = known.consent_sha256 == item.decision.sha256
        return _Planned(replace(item, standing=self._rows.row(known) if stays else None), known, unchanged=False)

    def _version_of(self, item: WorkItem, outputs: VersionCursor) -> str | None:
        """What stands in an output's place; told in passing where outputs come in the order of their sources."""
        in_order = item.output_key == item.ref.key
        return outputs.version(item.output_key) if in_order else self._asked.version(item.output_key)

    def _in_place(self, item: WorkItem, known: Known | None) -> _Planned:
        """What is published replaces exactly what was listed."""
        if known is None:
            return _Planned(item, None, unchanged=False)
        # Our own output is the source now.
        stands = known.output_uri is not None and known.output_etag == item.ref.etag
        seen = replace(known, source_etag=item.ref.etag) if stands else known
        if self._unchanged(seen, item.ref, item.decision, item.boxes):
            return _Planned(item, known, unchanged=True)
        row = self._rows.row(known) if stands else None
        stays = stands and known.consent_sha256 == item.decision.sha256
        origin = content_of(row) if row is not None else None
        return _Planned(replace(item, standing=row if stays else None, origin=origin), known, unchanged=False)

    def _irregular(self, entry: Irregular, known: Known | None) -> None:
        as_before = known is not None and known.error_code == entry.error.code and known.output_uri is None
        if known is not None and as_before and (known.of_this_run or not self._asked.forced(entry.key)):
            self._carry(entry.key)
        else:
            published = known is not None and known.output_uri is not None
            ref, decision = ImageRef(entry.key, entry.uri, "", 0, None), self._asked.decide(entry.key)
            item = WorkItem(ref, decision, None, bound=_bound(known))
            self._told.refuse(item, entry.error(), self._rows.row(known) if known is not None and published else None)

    def _unchanged(self, known: Known, ref: ImageRef, decision: ConsentDecision, given: GivenBoxes | None) -> bool:
        """Whether doing it again would write the same row: source, decision and settings are those of the row."""
        if known.source_etag != ref.etag or known.consent_sha256 != decision.sha256 or not known.of_this_input:
            return False
        if (known.removed and known.error_code != Requested.code) or known.error_code == TakeDownOwed.code:
            return False
        if known.settings_sha256 != self._asked.settings(given):
            return False
        # What failed for a passing reason is tried again by every run, but not twice by one.
        return known.of_this_run or not (known.retryable or self._asked.forced(ref.key))


def _bound(known: Known | None) -> tuple[str, ...]:
    return tuple(known.consent_bound or ()) if known is not None else ()
