"""Plans a run: joins the listing with the manifest's current rows, and gives the objects that have to be done.

Both come in UTF-8 byte order of keys, so one pass in step is enough and no more than a batch of rows is held.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import islice
from typing import Protocol

from anonymizer.config import RunConfig
from anonymizer.errors import KeyCollision, NameNotHeld, ObjectError, Requested, TakeDownOwed
from anonymizer.lake.storage import Irregular, Listed, VersionCursor, holds_name
from anonymizer.records import ConsentDecision, GivenBoxes, ImageRef, ManifestRow, WorkItem
from anonymizer.run.chunks import Task, group
from anonymizer.run.plan.collisions import collisions
from anonymizer.run.plan.current_rows import CurrentRow, CurrentRows
from anonymizer.run.plan.decisions import Decisions
from anonymizer.run.rows import content_of


class PlanSink(Protocol):
    """Takes the objects that are settled by the plan alone: no worker is needed for them."""

    def refuse(self, item: WorkItem, error: ObjectError, published: ManifestRow | None) -> None:
        """Takes an object that cannot be read.

        Args:
            item: The object, with what the registry says of it: an objection may speak of it all the same.
            error: Why it is not read.
            published: Its current row, if that names an output all the same.
        """

    def collide(self, item: WorkItem) -> None:
        """Takes a source whose output may be that of another source too."""


@dataclass(frozen=True, slots=True)
class _Planned:
    """An object as the plan sees it.

    Attributes:
        item: What a worker would be sent.
        current: Its current row, if it has one.
        unchanged: Doing it again would write the same row.
    """

    item: WorkItem
    current: CurrentRow | None
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
        decisions: See `Decisions`.
        sink: See `PlanSink`.
        attempt: Of the rows that this run writes, before its first dispatch.
        counted: Keys that another planner of this run has listed and counted before.

    Attributes:
        listed: Objects of the listing that the filters and the limit left.
        listed_bytes: Their bytes.
        unchanged: Those among them whose current row is what doing them again would write: there is nothing to do.
    """

    def __init__(
        self,
        config: RunConfig,
        rows: CurrentRows,
        decisions: Decisions,
        sink: PlanSink,
        attempt: int = 0,
        counted: Set[str] = frozenset(),
    ) -> None:
        self._config = config
        self._rows = rows
        self._decisions = decisions
        self._sink = sink
        self._places = decisions.places
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
            collided = planned.current is not None and planned.current.error_code == KeyCollision.code
            if planned.unchanged and collides == collided:
                self._count_unchanged(planned.item.ref.key, planned.item.ref.size)
            elif collides:
                self._sink.collide(replace(planned.item, kept_output=None))
            else:
                yield planned.item

    def _count_unchanged(self, key: str, size: int = 0) -> None:
        """Counts an object that there is nothing to do for; one that was done before it was listed counts already."""
        if key in self._counted_before:
            self.listed -= 1
            self.listed_bytes -= size
        else:
            self.unchanged += 1

    @property
    def _may_collide(self) -> bool:
        return self._places.names == "same" and not self._config.in_place

    def _has_place(self, key: str) -> bool:
        """Whether the store of OUTPUT knows names of such a form as the output's."""
        return self._config.in_place or holds_name(self._places.root, self._places.own(key))

    def _planned(self, entry: Listed, outputs: VersionCursor | None) -> _Planned | None:
        """A listed entry, joined with its current row; None where the sink has taken it."""
        current = self._rows.find(entry.key)
        if isinstance(entry, ImageRef) and not self._has_place(entry.key):
            entry = Irregular(entry.key, entry.uri, NameNotHeld)
        if isinstance(entry, Irregular):
            self._irregular(entry, current)
            return None
        decision, given = self._decisions.consent(entry.key), self._decisions.boxes(entry)
        if self._config.in_place:
            return self._in_place(WorkItem(entry, decision, entry.etag, boxes=given, bound=_bound(current)), current)
        own = self._places.own(entry.key)
        item = WorkItem(entry, decision, None, name=own, boxes=given, bound=_bound(current))
        if current is None or current.output_uri is None:
            return self._not_published(item, current, outputs)
        return self._published(item, current, current.output_uri, outputs)

    def _not_published(self, item: WorkItem, current: CurrentRow | None, outputs: VersionCursor | None) -> _Planned:
        """An object that has no output yet. A file of that name in an adopted OUTPUT may be replaced, if it is said."""
        key, expected = item.ref.key, self._places.expected(item.ref.key, None)
        lies_there = outputs.version(key) if outputs is not None and expected == key else None
        version = lies_there if self._config.adopt == "replace" else None
        item = replace(item, expected=expected, output_version=version, foreign=version is not None)
        unchanged = current is not None and self._unchanged(current, item.ref, item.decision, item.boxes)
        return _Planned(item, current, unchanged)

    def _published(
        self, item: WorkItem, current: CurrentRow, output_uri: str, outputs: VersionCursor | None
    ) -> _Planned:
        """An object that has an output."""
        located, expected = self._places.output_key(output_uri), self._places.expected(item.ref.key, output_uri)
        item = replace(item, expected=expected, replaces=current.output_sha256)
        if located != expected:
            # Settings that move outputs make them due.
            moved = replace(item, old_output_key=located, old_output_version=current.output_etag)
            return _Planned(moved, current, unchanged=False)
        item = replace(item, output_version=current.output_etag)
        if outputs is not None and not _stands(item, outputs):
            return _Planned(item, current, unchanged=False)
        if self._unchanged(current, item.ref, item.decision, item.boxes):
            return _Planned(item, current, unchanged=True)
        # A redo that fails leaves an output that was made under the same decision.
        stays = current.consent_sha256 == item.decision.sha256
        standing = self._rows.manifest_row(current) if stays else None
        return _Planned(replace(item, kept_output=standing), current, unchanged=False)

    def _in_place(self, item: WorkItem, current: CurrentRow | None) -> _Planned:
        """What is published replaces exactly what was listed."""
        if current is None:
            return _Planned(item, None, unchanged=False)
        # Our own output is the source now.
        stands = current.output_uri is not None and current.output_etag == item.ref.etag
        seen = replace(current, source_etag=item.ref.etag) if stands else current
        if self._unchanged(seen, item.ref, item.decision, item.boxes):
            return _Planned(item, current, unchanged=True)
        row = self._rows.manifest_row(current) if stands else None
        stays = stands and current.consent_sha256 == item.decision.sha256
        origin = content_of(row) if row is not None else None
        return _Planned(replace(item, kept_output=row if stays else None, origin=origin), current, unchanged=False)

    def _irregular(self, entry: Irregular, current: CurrentRow | None) -> None:
        """An entry that no worker can read."""
        if current is not None and self._is_refused_already(entry, current):
            self._count_unchanged(entry.key)
            return
        ref = ImageRef(entry.key, entry.uri, "", 0, None)
        item = WorkItem(ref, self._decisions.consent(entry.key), None, bound=_bound(current))
        published = current if current is not None and current.output_uri is not None else None
        self._sink.refuse(item, entry.error(), self._rows.manifest_row(published) if published is not None else None)

    def _is_refused_already(self, entry: Irregular, current: CurrentRow) -> bool:
        as_before = current.error_code == entry.error.code and current.output_uri is None
        return as_before and (current.of_this_run or not self._decisions.forced(entry.key))

    def _unchanged(self, row: CurrentRow, ref: ImageRef, decision: ConsentDecision, given: GivenBoxes | None) -> bool:
        """Whether doing it again would write the same row: source, decision and settings are those of the row."""
        if row.source_etag != ref.etag or row.consent_sha256 != decision.sha256 or not row.of_this_input:
            return False
        if (row.removed and row.error_code != Requested.code) or row.error_code == TakeDownOwed.code:
            return False
        if row.settings_sha256 != self._decisions.settings(given):
            return False
        # What failed for a passing reason is tried again by every run, but not twice by one.
        return row.of_this_run or not (row.retryable or self._decisions.forced(ref.key))


def _stands(item: WorkItem, outputs: VersionCursor) -> bool:
    """Whether an adopted OUTPUT holds the version that the item's row names.

    Outputs are listed in the order of their own keys, so only one that is named like its source can be met in step with
    the listing of INPUT. Any other counts as not there, and is done again.
    """
    found = outputs.version(item.output_key) if item.output_key == item.ref.key else None
    return found == item.output_version


def _bound(current: CurrentRow | None) -> tuple[str, ...]:
    return tuple(current.consent_bound or ()) if current is not None else ()
