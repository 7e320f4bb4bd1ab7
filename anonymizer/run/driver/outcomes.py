"""Handles the results that the engine and the planner report for objects, until every object has a row.

An output is removed unless a row says that it is safe. Files that this software did not write are never removed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from anonymizer.errors import KeyCollision, ObjectError, OutputTaken, PoisonImage, PublishConflict, TakeDownOwed
from anonymizer.lake.outputs import has_content
from anonymizer.lake.storage import Root, join_uri
from anonymizer.records import ChunkResult, GivenBoxes, ImageRef, ManifestRow, WorkItem
from anonymizer.run.chunks import Task, chunk_id
from anonymizer.run.context import RunContext
from anonymizer.run.driver import intents
from anonymizer.run.plan.collisions import rivals
from anonymizer.run.rows import failed_row, pending_removal_row, settings_of, with_kept_output
from anonymizer.run.takedown.removals import Removals

#: The journal is compacted each time that this many chunks have been committed.
COMPACT_EVERY = 2000
#: Number of publish conflicts after which an object fails.
CONFLICTS = 4


class Outcomes:
    """Receives results from the engine (`engine.Sink`) and the planner (`plan.planner.PlanSink`).

    Args:
        run: The run; has begun.
        source: INPUT.
        settings: Returns the hash of the settings for an object with these boxes.

    Attributes:
        chunks: Number of chunks committed so far.
    """

    def __init__(self, run: RunContext, source: Root, settings: Callable[[GivenBoxes | None], str]) -> None:
        self._run = run
        self._removals = Removals(run)
        self._source = source
        self._settings = settings
        self._conflicts: Counter[str] = Counter()
        self.chunks = 0

    def committed(self, task: Task, result: ChunkResult) -> list[Task]:
        """Counts a chunk's rows; returns the items with conflicts and unfinished items for a retry."""
        self._run.lease.check()
        self._run.recorder.count_result(result)
        self.chunks += 1
        if self.chunks % COMPACT_EVERY == 0:
            self._run.manifest.compact(self._run.run_id, final=False)
        for key in result.conflicts:
            self._conflicts[key] += 1
        given_up = [k for k in result.conflicts if self._conflicts[k] >= CONFLICTS]
        for item in task.items:
            if item.ref.key in given_up:
                self._fail(item, PublishConflict(), task.attempt + 1)
            elif item.ref.key in result.conflicts and item.ref.key not in result.renamed and self._taken(item):
                self._fail(item, OutputTaken(), task.attempt + 1)
                given_up.append(item.ref.key)
        retried = {*result.conflicts, *result.unfinished} - set(given_up)
        items = [self._renamed(item, result) for item in task.items if item.ref.key in retried]
        left = tuple(item for item in items if item is not None)
        return [self.refresh(replace(task, items=left))] if left else []

    def _renamed(self, item: WorkItem, result: ChunkResult) -> WorkItem | None:
        """Returns the item with the output key that its content requires; None if the item failed, which has a row."""
        wanted = result.renamed.get(item.ref.key)
        if wanted is None:
            stolen = item.ref.key in result.conflicts and self._collides(item, result.attempt + 1)
            return None if stolen else item
        ours = item.output_version is not None and not item.foreign
        gone = not ours or self._removals.remove(item.output_key, item.ref.key, item.output_version, item.replaces)
        if not gone:
            self._record_pending_removal(item, failed_row(item, TakeDownOwed()), item.output_key, result.attempt + 1)
            return None
        item = replace(item, expected=wanted, output_version=None, kept_output=None, foreign=False)
        return None if self._collides(item, result.attempt + 1) else item

    def _collides(self, item: WorkItem, attempt: int) -> bool:
        """Fails the item if its output key may belong to another source, even one that this run has not listed."""
        alone = self._run.config.names != "same" or self._run.config.in_place
        others = [] if alone else rivals(item.ref.key, item.output_key)
        if not any(map(self._source.exists, others)):
            return False
        self._fail(item, KeyCollision(), attempt)
        return True

    def poison(self, task: Task) -> None:
        """Writes the row of an object that kills its workers."""
        self._fail(task.items[0], PoisonImage(), task.attempt + 1)

    def refresh(self, task: Task) -> Task:
        """Looks up the current versions of the outputs: the worker may have published some before it died."""
        run = self._run
        recovered = intents.recover(
            run.manifest, run.output.root, run.output_key, run.output.require, run.run_id, chunk_id(task.items)
        )
        run.recorder.count_recovered(recovered)
        done = {row.key for row in recovered}
        items = tuple(self._refreshed(item) for item in task.items if item.ref.key not in done)
        # Without OUTPUT's mark (disk not mounted) the versions would be wrong: every output would seem not to exist.
        run.output.require()
        return replace(task, items=items)

    def _refreshed(self, item: WorkItem) -> WorkItem:
        if self._run.config.in_place:
            # In place the source is also the output: the version to read is the version to replace.
            found = self._source.stat(item.ref.key)
            ref = found if isinstance(found, ImageRef) else item.ref
            if ref != item.ref:
                item = replace(item, kept_output=None, origin=None)
            return replace(item, ref=ref, output_version=ref.etag)
        version = self._run.output.root.version(item.output_key)
        if version == item.output_version:
            return item
        foreign = version is not None and not self._is_ours(item)
        if foreign and not self._run.output.may_replace:
            # With no expected version publishing reports a conflict, and `_taken` then fails the item.
            version, foreign = None, False
        return replace(item, output_version=version, kept_output=None, foreign=foreign)

    def _is_ours(self, item: WorkItem) -> bool:
        """Whether the file under the output's key has the content of the output that the current row names.

        A file that was restored from a backup has the same content and another version.
        """
        return has_content(self._run.output.root, item.output_key, item.replaces)

    def _taken(self, item: WorkItem) -> bool:
        """Whether the file under the output's key was not written by this software."""
        run = self._run
        if run.output.may_replace or run.config.in_place or run.output.root.version(item.output_key) is None:
            return False
        return not self._is_ours(item) and not any(map(self._source.exists, rivals(item.ref.key, item.output_key)))

    def refuse(self, item: WorkItem, error: ObjectError, published: ManifestRow | None) -> None:
        """Writes the row of an object that cannot be read (e.g. a link). An output from before stays if it is safe."""
        if published is not None:
            current_key = self._run.places.output_key(published.output_uri)
            expected = self._run.places.expected(item.ref.key, published.output_uri)
            if current_key != expected:
                version = published.output_etag
                item = replace(item, expected=expected, old_output_key=current_key, old_output_version=version)
            else:
                # It is safe: the take-down at the beginning of the run has removed all outputs that are not.
                item = replace(item, expected=expected, output_version=published.output_etag, kept_output=published)
            item = self._refreshed(replace(item, replaces=published.output_sha256))
        self._fail(item, error, self._run.attempt + 1)

    def collide(self, item: WorkItem) -> None:
        """Writes the row of a source that shares its output key with another; an existing output may be of either."""
        self._fail(self._refreshed(item), KeyCollision(), self._run.attempt + 1)

    def _fail(self, item: WorkItem, error: ObjectError, attempt: int) -> None:
        """Writes the row of a failed object. Its output from before stays only if its row says that it is safe."""
        row = replace(failed_row(item, error), consent_sha256=item.decision.sha256)
        if item.kept_output is not None:
            # Keep the consent decision under which the kept output was published.
            row = replace(with_kept_output(row, item.kept_output), consent_sha256=item.kept_output.consent_sha256)
        elif (remaining := self._remove_published(item)) is not None:
            self._record_pending_removal(item, row, remaining, attempt)
            return
        settings = settings_of(row, self._settings(item.boxes), self._run.config)
        self._run.recorder.write(replace(row, attempt=attempt, settings_sha256=settings))

    def _remove_published(self, item: WorkItem) -> str | None:
        """Removes the published outputs of a failed object; returns the key of one that could not be removed."""
        if self._run.config.in_place:
            return None
        ours = item.output_version is not None and not item.foreign
        published = [
            (item.old_output_key, item.old_output_version),
            (item.output_key if ours else None, item.output_version),
        ]
        left = (
            key
            for key, version in published
            if key is not None and not self._removals.remove(key, item.ref.key, version, item.replaces)
        )
        return next(left, None)

    def _record_pending_removal(self, item: WorkItem, row: ManifestRow, output_key: str, attempt: int) -> None:
        """Writes the row of an object whose output could not be removed."""
        row = replace(row, attempt=attempt, settings_sha256=self._settings(item.boxes))
        uri = join_uri(self._run.config.output, output_key)
        etag = item.old_output_version if output_key == item.old_output_key else item.output_version
        self._run.recorder.write(pending_removal_row(row, uri, etag, item.replaces))
