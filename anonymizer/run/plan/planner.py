"""Joins the listing with the manifest's current rows, and yields the objects that have to be processed.

Both are sorted in UTF-8 byte order of keys, so this is a merge join: one pass, with one batch of rows in memory.
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
from anonymizer.run.rows import content_of, failure_settings, is_failure


class PlanSink(Protocol):
    """Receives the objects that fail during planning and are not sent to a worker."""

    def refuse(self, item: WorkItem, error: ObjectError, published: ManifestRow | None) -> None:
        """Receives an object that cannot be read.

        Args:
            item: The object with its consent decision, because an objection may match it all the same.
            error: Why it is not read.
            published: Its current row, if that names an output.
        """

    def collide(self, item: WorkItem) -> None:
        """Receives a source whose output key may be that of another source too."""


@dataclass(frozen=True, slots=True)
class _Planned:
    """A listed object with the result of planning.

    Attributes:
        item: The item to send to a worker.
        current: Its current row, if it has one.
        unchanged: Nothing has changed: processing it again would write the same row.
    """

    item: WorkItem
    current: CurrentRow | None
    unchanged: bool


def selected(config: RunConfig, listing: Iterable[Listed]) -> Iterator[Listed]:
    """Applies the filters and the limit to a listing."""

    def wanted(entry: Listed) -> bool:
        included = not config.include or any(fnmatchcase(entry.key, pattern) for pattern in config.include)
        return included and not any(fnmatchcase(entry.key, pattern) for pattern in config.exclude)

    return islice(filter(wanted, listing), config.limit)


class Planner:
    """Turns a listing into tasks, and counts the objects.

    Args:
        config: Filters, limit and chunk sizes.
        rows: The manifest's current rows.
        decisions: See `Decisions`.
        sink: See `PlanSink`.
        attempt: Attempt of the rows that this run writes before its first dispatch.
        counted: Keys that another planner of this run has counted already.

    Attributes:
        listed: Number of listed objects after filters and limit.
        listed_bytes: Their size in bytes.
        unchanged: Number of these objects that have not changed and need no processing.
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
        """Yields tasks of at most one chunk each, in the order of the listing.

        Args:
            listing: Listing of INPUT.
            outputs: Versions of the files in OUTPUT, if it was adopted. Otherwise None: the manifest has the version of
                the output to replace, and publishing fails if OUTPUT has another one.
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
        """Counts an object that needs no processing, unless another planner of this run has counted it already."""
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
        """Joins a listed entry with its current row; returns None if the entry was passed to the sink."""
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
        """Plans an object without an output. With `--adopt replace` a file of that name in OUTPUT may be replaced."""
        key, expected = item.ref.key, self._places.expected(item.ref.key, None)
        existing = outputs.version(key) if outputs is not None and expected == key else None
        version = existing if self._config.adopt == "replace" else None
        item = replace(item, expected=expected, output_version=version, foreign=version is not None)
        unchanged = current is not None and self._unchanged(current, item.ref, item.decision, item.boxes)
        return _Planned(item, current, unchanged)

    def _published(
        self, item: WorkItem, current: CurrentRow, output_uri: str, outputs: VersionCursor | None
    ) -> _Planned:
        """Plans an object with an output."""
        current_key, expected = self._places.output_key(output_uri), self._places.expected(item.ref.key, output_uri)
        item = replace(item, expected=expected, replaces=current.output_sha256)
        if current_key != expected:
            # The settings give the output another key: it has to be published there, and removed here.
            moved = replace(item, old_output_key=current_key, old_output_version=current.output_etag)
            return _Planned(moved, current, unchanged=False)
        item = replace(item, output_version=current.output_etag)
        if outputs is not None and not _is_current(item, outputs):
            return _Planned(item, current, unchanged=False)
        if self._unchanged(current, item.ref, item.decision, item.boxes):
            return _Planned(item, current, unchanged=True)
        # If processing fails, the existing output stays, provided that the consent decision has not changed.
        stays = current.consent_sha256 == item.decision.sha256
        kept_output = self._rows.manifest_row(current) if stays else None
        return _Planned(replace(item, kept_output=kept_output), current, unchanged=False)

    def _in_place(self, item: WorkItem, current: CurrentRow | None) -> _Planned:
        """Plans an object in place: the output replaces the version that was listed."""
        if current is None:
            return _Planned(item, None, unchanged=False)
        # Whether the source is the output of an earlier run.
        is_output = current.output_uri is not None and current.output_etag == item.ref.etag
        seen = replace(current, source_etag=item.ref.etag) if is_output else current
        if self._unchanged(seen, item.ref, item.decision, item.boxes):
            return _Planned(item, current, unchanged=True)
        row = self._rows.manifest_row(current) if is_output else None
        stays = is_output and current.consent_sha256 == item.decision.sha256
        origin = content_of(row) if row is not None else None
        return _Planned(replace(item, kept_output=row if stays else None, origin=origin), current, unchanged=False)

    def _irregular(self, entry: Irregular, current: CurrentRow | None) -> None:
        """Passes an entry that no worker can read (e.g. a link) to the sink, unless its row says so already."""
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
        """Whether source, consent decision and settings are those of the row, so that there is nothing to do."""
        if row.source_etag != ref.etag or row.consent_sha256 != decision.sha256 or not row.of_this_input:
            return False
        if (row.removed and row.error_code != Requested.code) or row.error_code == TakeDownOwed.code:
            return False
        settings = self._decisions.shard_settings if row.is_shard else self._decisions.settings
        if not self._as_before(row, settings(given)):
            return False
        if row.is_shard and not row.of_this_run and (ref.key in self._decisions.changed or self._config.boxes.uri):
            # Which boxes are those of its pictures is known only once it is read.
            return False
        # Every run retries retryable failures, but only once.
        return row.of_this_run or not (row.retryable or self._decisions.forced(ref.key))

    def _as_before(self, row: CurrentRow, settings_sha256: str) -> bool:
        """Whether the row was made with these settings. A removed output's row has those of the row before it."""
        if not is_failure(row.error_code) or (row.removed and row.settings_sha256 == settings_sha256):
            return row.settings_sha256 == settings_sha256
        return row.settings_sha256 == failure_settings(settings_sha256, self._config)


def _is_current(item: WorkItem, outputs: VersionCursor) -> bool:
    """Whether an adopted OUTPUT has the version that the item's row names.

    OUTPUT is listed in the order of its own keys, so only an output with the same key as its source can be looked up in
    step with the listing of INPUT. Any other output counts as missing, and its source is processed again.
    """
    found = outputs.version(item.output_key) if item.output_key == item.ref.key else None
    return found == item.output_version


def _bound(current: CurrentRow | None) -> tuple[str, ...]:
    return tuple(current.consent_bound or ()) if current is not None else ()
