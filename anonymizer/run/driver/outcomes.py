"""What becomes of every object: whatever the engine or the planner reports about it ends in a row.

An output that no row vouches for is removed; one that is not ours is left alone.
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
from anonymizer.run.rows import failed_row, pending_removal_row, with_kept_output
from anonymizer.run.takedown.removals import Removals

#: Journal parts are folded into large ones whenever so many chunks have been committed.
COMPACT_EVERY = 2000
#: A key whose output changes under us again and again is given up after so many tries.
CONFLICTS = 4


class Outcomes:
    """Takes what the engine (`engine.Sink`) and the planner (`plan.planner.PlanSink`) report.

    Args:
        run: Has begun.
        source: INPUT.
        settings: Hash of the settings that an object with these boxes is done with.

    Attributes:
        chunks: Committed so far.
    """

    def __init__(self, run: RunContext, source: Root, settings: Callable[[GivenBoxes | None], str]) -> None:
        self._run = run
        self._removals = Removals(run)
        self._source = source
        self._settings = settings
        self._conflicts: Counter[str] = Counter()
        self.chunks = 0

    def committed(self, task: Task, result: ChunkResult) -> list[Task]:
        """Counts a chunk's rows; conflicts and unfinished items come back with their output looked up anew."""
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
        again = {*result.conflicts, *result.unfinished} - set(given_up)
        items = [self._renamed(item, result) for item in task.items if item.ref.key in again]
        left = tuple(item for item in items if item is not None)
        return [self.refresh(replace(task, items=left))] if left else []

    def _renamed(self, item: WorkItem, result: ChunkResult) -> WorkItem | None:
        """The item under the name that its content asks for; None if that name is another source's."""
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
        """Whether what stands in the output's place may be another source's, one that this run has not listed."""
        alone = self._run.config.names != "same" or self._run.config.in_place
        others = [] if alone else rivals(item.ref.key, item.output_key)
        if not any(map(self._source.exists, others)):
            return False
        self._fail(item, KeyCollision(), attempt)
        return True

    def poison(self, task: Task) -> None:
        """The one object that no worker survives gets its row from here."""
        self._fail(task.items[0], PoisonImage(), task.attempt + 1)

    def refresh(self, task: Task) -> Task:
        """Output versions as they are now: whoever held the task may have published some of them."""
        run = self._run
        settled = intents.recover(
            run.manifest, run.output.root, run.output_key, run.output.require, run.run_id, chunk_id(task.items)
        )
        run.recorder.count_recovered(settled)
        done = {row.key for row in settled}
        items = tuple(self._refreshed(item) for item in task.items if item.ref.key not in done)
        # In a place that is not OUTPUT nothing stands, and what stands in OUTPUT would become a stranger's.
        run.output.require()
        return replace(task, items=items)

    def _refreshed(self, item: WorkItem) -> WorkItem:
        if self._run.config.in_place:
            # The version that is read is the one that is replaced.
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
            # Publishing will be refused there.
            version, foreign = None, False
        return replace(item, output_version=version, kept_output=None, foreign=foreign)

    def _is_ours(self, item: WorkItem) -> bool:
        """Whether what stands in the output's place is the output that the current row names: restored, maybe."""
        return has_content(self._run.output.root, item.output_key, item.replaces)

    def _taken(self, item: WorkItem) -> bool:
        """Whether what stands in the output's place is not ours."""
        run = self._run
        if run.output.may_replace or run.config.in_place or run.output.root.version(item.output_key) is None:
            return False
        return not self._is_ours(item) and not any(map(self._source.exists, rivals(item.ref.key, item.output_key)))

    def refuse(self, item: WorkItem, error: ObjectError, published: ManifestRow | None) -> None:
        """Something that is never read. An output that it had as a photo stays if nothing has changed about it."""
        if published is not None:
            located = self._run.places.output_key(published.output_uri)
            expected = self._run.places.expected(item.ref.key, published.output_uri)
            if located != expected:
                item = replace(
                    item, expected=expected, old_output_key=located, old_output_version=published.output_etag
                )
            else:
                # The take-down has removed what is not safe any more.
                item = replace(item, expected=expected, output_version=published.output_etag, kept_output=published)
            item = self._refreshed(replace(item, replaces=published.output_sha256))
        self._fail(item, error, self._run.attempt + 1)

    def collide(self, item: WorkItem) -> None:
        """Two sources for one output: what stands there may be either's."""
        self._fail(self._refreshed(item), KeyCollision(), self._run.attempt + 1)

    def _fail(self, item: WorkItem, error: ObjectError, attempt: int) -> None:
        """An object given up. What stands in its place stays only if the manifest vouches for it."""
        row = replace(failed_row(item, error), consent_sha256=item.decision.sha256)
        if item.kept_output is not None:
            # What allowed its faces is what its own row says, not what is said here of something else.
            row = replace(with_kept_output(row, item.kept_output), consent_sha256=item.kept_output.consent_sha256)
        elif (left := self._remove_published(item)) is not None:
            self._record_pending_removal(item, row, left, attempt)
            return
        self._run.recorder.write(replace(row, attempt=attempt, settings_sha256=self._settings(item.boxes)))

    def _remove_published(self, item: WorkItem) -> str | None:
        """Removes what an object that is given up has published; the key of what could not be removed."""
        if self._run.config.in_place:
            return None
        ours = item.output_version is not None and not item.foreign
        going = [
            (item.old_output_key, item.old_output_version),
            (item.output_key if ours else None, item.output_version),
        ]
        left = (
            key
            for key, version in going
            if key is not None and not self._removals.remove(key, item.ref.key, version, item.replaces)
        )
        return next(left, None)

    def _record_pending_removal(self, item: WorkItem, row: ManifestRow, output_key: str, attempt: int) -> None:
        """The row of an object whose output could not be removed."""
        row = replace(row, attempt=attempt, settings_sha256=self._settings(item.boxes))
        uri = join_uri(self._run.config.output, output_key)
        etag = item.old_output_version if output_key == item.old_output_key else item.output_version
        self._run.recorder.write(pending_removal_row(row, uri, etag, item.replaces))
