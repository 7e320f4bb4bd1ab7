"""One run, step by step; also what the engine reports to."""

from __future__ import annotations

import dataclasses
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from anonymizer import detectors, engine, lease, takedown
from anonymizer.account import (
    NAMED_FAILURES,
    NAMED_OBJECTIONS,
    UNSAFE_LEFT,
    Summary,
    exit_status,
    failure_limit,
    limit_of,
)
from anonymizer.boxes import BoxTable, SuspectList
from anonymizer.chunks import Task, chunk_id
from anonymizer.collisions import rivals
from anonymizer.config import RunConfig, item_settings_sha256
from anonymizer.consent import Registry, empty_registry
from anonymizer.driver import intents, unmatched
from anonymizer.driver.book import Book, Progress, Stamp, TooManyFailures
from anonymizer.driver.removals import Removals, expired_rows, unsafe_rows
from anonymizer.errors import (
    AnonymizerError,
    ConfigError,
    KeyCollision,
    ObjectError,
    OutputLost,
    OutputTaken,
    PoisonImage,
    PublishConflict,
    Requested,
    RunError,
    TakeDownOwed,
    Unsafe,
    UsageError,
    WrongOutput,
)
from anonymizer.identity import absent, identify, lost, mark
from anonymizer.keylist import KeyList, requested
from anonymizer.known import CurrentRows
from anonymizer.manifest import ManifestStore, Snapshot, Totals, new_run_id
from anonymizer.naming import Places
from anonymizer.pipeline import Anonymizer
from anonymizer.plan import Asked, Planner
from anonymizer.records import NO_CONSENT, ChunkResult, GivenBoxes, ImageRef, ManifestRow, WorkItem
from anonymizer.resolve import (
    Decided,
    arguments_sha256,
    decided_at,
    load_boxes,
    load_keys,
    load_registry,
    load_weights,
)
from anonymizer.rows import failed_row, owed_row, with_standing_output
from anonymizer.storage import Irregular, Listed, VersionCursor, is_local, join_uri, marked_id
from anonymizer.worker import Job, Worker, close_to_others, open_input, open_manifest_root, open_output

log = logging.getLogger(__name__)

#: Journal parts are folded into large ones whenever so many chunks have been committed.
COMPACT_EVERY = 2000
#: A key whose output changes under us again and again is given up after so many tries.
CONFLICTS = 4
#: Attempts of a run that was taken up begin behind all that the one before can have made.
ATTEMPTS_EACH = 1000


class Driver:
    """The state of one run; also what the engine reports to (`engine.Sink`) and the planner (`plan.Told`).

    Args:
        config: With full URLs.
        manifest_uri: Folder of the manifest.
        as_of: Time at which consent is decided, UTC.
        progress: Told how far it is.
        places: Where outputs go.
        keys: What to do, in place of what `config.keys` names.

    Attributes:
        summary: The account.
    """

    def __init__(
        self,
        config: RunConfig,
        manifest_uri: str,
        as_of: datetime,
        progress: Progress,
        places: Places,
        keys: KeyList | None = None,
    ) -> None:
        self._config = config
        self._places = places
        self._progress = progress
        self._manifest_root = open_manifest_root(config, manifest_uri)
        self._manifest = ManifestStore(self._manifest_root)
        self._output = open_output(config)
        self._limit = failure_limit(config.max_failures)
        self._prune_limit = limit_of(config.prune_limit, "--prune-limit")
        self._stamp = Stamp(as_of, None, config.consent.purpose)
        self._conflicts: Counter[str] = Counter()
        self._chunks = 0
        self._attempt = 0
        self._settings_sha256 = ""
        self._boxes: BoxTable | None = None
        self._suspects = SuspectList({})
        self._keys = keys
        self._redo: frozenset[str] = frozenset()
        self._with_boxes = 0
        self._overwritten: frozenset[str] = frozenset()
        self._record: dict[str, Any] = {}
        self.summary = Summary(manifest_uri=manifest_uri)
        self._book = Book(self.summary, self._manifest, progress, self._limit)

    def run(self) -> None:
        """Does it; see `anonymizer.driver.run`."""
        close_to_others(self._config, self._manifest_root)
        with lease.acquire(self._manifest_root, self._config.engine.lease_s) as self._lease:
            self._identity = identify(self._config, self._manifest, self._output)
            if self._identity.present and not self._identity.new:
                self._output = open_output(self._config, self._identity.record.output_id)
            try:
                self._run()
            except OutputLost as error:
                if not self.summary.unsafe_left:
                    raise
                log.error("%s", error)
                self.summary.exit_status = UNSAFE_LEFT

    def _run(self) -> None:
        self._decide_at(decided_at(self._config, self._stamp.as_of, self._manifest))
        try:
            registry = load_registry(self._config, self._stamp.as_of)
            self._boxes = load_boxes(self._config)
            self._keys = self._keys or load_keys(self._config)
            weights = self._load_weights()
            if self._config.in_place and self._keys is not None and any(self._keys.of("remove")):
                raise ConfigError("--keys: action remove would delete the only copy in place; use redo")
        except UsageError:
            if self._identity.present:
                self._take_down_expired()
            raise
        self._stamp = replace(self._stamp, registry_sha256=registry.sha256)
        if not self._identity.present:
            self._owe(registry)
        unreadable = self._read_suspects()
        self._begin(registry)
        snapshot = self._take_down(registry, weights)
        if unreadable is not None:
            raise unreadable
        if self._config.consent.strict:
            with open_input(self._config) as source:
                unmatched.require(registry, self._config, self.summary, source.list())
        if self._keys is not None:
            snapshot = self._take_down_requested(self._keys, snapshot, registry)
            self._redo = frozenset(request.key for request in self._keys.of("redo"))
        rows = CurrentRows(snapshot.scan, self.summary.run_id, self._config.input)
        planner = self._planner(rows, registry)
        pruned = True
        try:
            with open_input(self._config) as self._source:
                tasks = planner.tasks(self._listing(), self._adopted_outputs())
                self._work(registry, weights, self._counted(tasks, planner))
            pruned = self._prune(rows)
        except TooManyFailures:
            self.summary.stopped_early = True
        self._book.flush()
        self._finish(registry)
        if not pruned:
            raise RunError(
                f"{rows.gone_published} of {rows.published} outputs have no source any more, which is more than "
                f"--prune-limit {self._config.prune_limit}: none of them was removed"
            )

    def _planner(self, rows: CurrentRows, registry: Registry, *, forced: bool = False) -> Planner:
        asked = Asked(
            registry.decide,
            self._given,
            self._settings,
            lambda key: forced or self._config.force or key in self._redo,
        )
        return Planner(self._config, rows, asked, self, self._places, self._attempt, self._overwritten)

    def _read_suspects(self) -> AnonymizerError | None:
        """Gives back what is wrong with them: it ends the run, but what may not stand any more goes first."""
        try:
            self._suspects = SuspectList.read(self._manifest_root)
        except (RunError, ObjectError) as error:
            return error
        return None

    def _load_weights(self) -> detectors.Weights:
        weights = load_weights(self._config)
        # Only to hear now, not from every worker, what is wrong with the settings.
        self._settings_sha256 = Anonymizer(self._config, weights=weights).settings_sha256
        return weights

    def _decide_at(self, decided: Decided) -> None:
        self._decided = decided
        self._stamp = replace(self._stamp, as_of=decided.as_of)

    def _owe(self, registry: Registry) -> None:
        """OUTPUT is not there: says what has to be taken down as soon as it is. Its rows stay as they are.

        Raises:
            OutputLost: There is such an output.
            WrongOutput: There is none.
        """
        for row in takedown.published(self._manifest.scan(takedown.COLUMNS)):
            decision = registry.decide(row.key, listed=False)
            if takedown.is_unsafe(row, decision, self._config) or takedown.past_retention(row, self._stamp.as_of):
                if len(self.summary.unsafe_left) < NAMED_FAILURES:
                    log.error("%s: %s is no longer safe and has to be taken down", row.key, row.output_uri)
                self.summary.unsafe_left.append(row.key)
        said = absent(self._config, self._output)
        if self.summary.unsafe_left:
            raise OutputLost(said)
        raise WrongOutput(said)

    def _begin(self, registry: Registry) -> None:
        """Takes up an unfinished run with the same arguments, or starts a new one; says so before any work."""
        if self._identity.earlier or self._identity.adopted:
            # What is taken down counts only in a place that is known.
            self._mark()
        arguments = arguments_sha256(self._config)
        known = self._manifest.run_ids()
        run_id = self._manifest.unfinished(arguments)
        times = 0
        if run_id is None:
            run_id = new_run_id(known, datetime.now(UTC))
        else:
            times = int(self._manifest.read_run(run_id).get("taken_up", 0)) + 1
            log.info("taking up run %s", run_id)
        self._fold()
        self._attempt = times * ATTEMPTS_EACH
        self.summary.run_id = run_id
        self.summary.registry_problems = registry.problems
        settings = dataclasses.asdict(self._config)
        # Options of a filesystem may hold credentials: their names are enough.
        settings["storage"] = {name: sorted(v) if isinstance(v, dict) else v for name, v in settings["storage"].items()}
        self._record = {
            "run_id": run_id,
            "arguments_sha256": arguments,
            "settings": settings,
            "as_of": self._stamp.as_of.isoformat(),
            "as_of_given": self._config.as_of is not None,
            "latest_clock": self._decided.clock.isoformat() if self._decided.clock is not None else None,
            "registry_sha256": registry.sha256,
            "versions": engine.versions(),
            "started": datetime.now(UTC).isoformat(),
            "taken_up": times,
            "finished": None,
        }
        self._lease.check()
        self._lease.set_run(run_id)
        self._manifest.write_run(run_id, self._record)

    def _mark(self) -> None:
        mark(self._identity, self._manifest, self._output)
        self._identity = replace(self._identity, new=False)
        self._output = open_output(self._config, self._identity.record.output_id)

    def _require_output(self) -> None:
        """Raises OutputLost where OUTPUT does not bear its mark any more."""
        if not self._output.has_mark(self._identity.record.output_id):
            raise OutputLost(lost(self._output))

    def _fold(self) -> None:
        """What runs before have left: intents are settled, journals folded."""
        if self._config.in_place:
            intents.settle(self._manifest, self._output)
        for left in self._manifest.journal_run_ids():
            self._manifest.compact(left, final=True)

    def _take_down(self, registry: Registry, weights: detectors.Weights) -> Snapshot:
        """Removes every output that today's decisions do not allow, before any other work; gives the current rows."""
        snapshot = Snapshot(self._manifest_root)
        if self._config.in_place:
            rows = unsafe_rows(snapshot, registry, self._config, self._stamp.as_of)
            return self._overwrite([row.key for row in rows], snapshot, registry, weights)
        removals = self._removals()
        removed = removals.unsafe(snapshot, registry, self._config)
        removals.orphans(self._manifest, snapshot)
        return self._renewed(snapshot, removed)

    def _overwrite(
        self, keys: list[str], snapshot: Snapshot, registry: Registry, weights: detectors.Weights
    ) -> Snapshot:
        """In place, where an output is the only copy, taking it down is redacting what may not be shown any more."""
        if not keys:
            return snapshot
        try:
            return self._redact_again(keys, snapshot, registry, weights)
        except OutputLost:
            self.summary.unsafe_left = list(keys)
            raise

    def _redact_again(
        self, keys: list[str], snapshot: Snapshot, registry: Registry, weights: detectors.Weights
    ) -> Snapshot:
        planner = self._planner(
            CurrentRows(snapshot.scan, self.summary.run_id, self._config.input), registry, forced=True
        )
        with open_input(self._config) as self._source:
            found = (entry for entry in map(self._source.stat, keys) if entry is not None)
            self._work(registry, weights, self._counted(planner.tasks(found), planner))
        self._overwritten = frozenset(keys)
        snapshot = self._renewed(snapshot, len(keys))
        rows = CurrentRows(snapshot.scan, self.summary.run_id, self._config.input)
        gone: list[ManifestRow] = []
        for key in keys:
            known = rows.find(key)
            if known is not None and known.of_this_run and known.error_code is None:
                self.summary.removed_unsafe += 1
            elif self._output.exists(key):
                log.error("%s: a photo that is no longer safe could not be redacted", key)
                self.summary.unsafe_left.append(key)
            elif known is not None:
                gone.append(rows.row(known))
        return self._gone_in_place(gone, snapshot)

    def _gone_in_place(self, gone: list[ManifestRow], snapshot: Snapshot) -> Snapshot:
        """Photos that are not there: their rows say so, once the place is seen to be INPUT."""
        if not gone:
            return snapshot
        self._require_output()
        for row in gone:
            self._book.silently(takedown.removed_row(row, Unsafe(), self._attempt), self._stamp)
        self.summary.removed_unsafe += len(gone)
        return self._renewed(snapshot, len(gone))

    def _take_down_expired(self) -> None:
        """With a registry or settings that are wrong: at least what has run out by the clock goes."""
        if not self._config.in_place:
            self._fold()
            self.summary.run_id = new_run_id(self._manifest.run_ids(), datetime.now(UTC))
            self._removals().expired(Snapshot(self._manifest_root))
            return
        nobody = empty_registry(purpose=self._config.consent.purpose, as_of=self._stamp.as_of)
        weights = self._load_weights()
        self._begin(nobody)
        snapshot = Snapshot(self._manifest_root)
        keys = [row.key for row in expired_rows(snapshot, self._stamp.as_of)]
        self._overwrite(keys, snapshot, nobody, weights)

    def _renewed(self, snapshot: Snapshot, written: int) -> Snapshot:
        """The current rows after so many more were written."""
        if not written:
            return snapshot
        self._book.flush()
        self._manifest.compact(self.summary.run_id, final=True)
        return Snapshot(self._manifest_root)

    def _take_down_requested(self, keys: KeyList, snapshot: Snapshot, registry: Registry) -> Snapshot:
        """Removes the outputs of the keys that `--keys` wants removed; gives the current rows."""
        rows = CurrentRows(snapshot.scan, self.summary.run_id, self._config.input)
        before = self.summary.removed_requested
        for request in keys.of("remove"):
            known = rows.find(request.key)
            located = self._places.located(known.output_uri) if known is not None else None
            if known is None or located is None:
                self.summary.missing.append(request.key)
            elif not self._removals().now(located, request.key):
                row = replace(rows.row(known), attempt=self._attempt)
                self._book.silently(owed_row(row, known.output_uri or "", known.output_etag), self._stamp)
            else:
                row = takedown.removed_row(rows.row(known), Requested(), self._attempt)
                # As long as these stay as they are, so does the removal.
                decision, settings = registry.decide(request.key).sha256, known.settings_sha256
                self._book.silently(replace(row, consent_sha256=decision, settings_sha256=settings), self._stamp)
                self.summary.removed_requested += 1
        return self._renewed(snapshot, self.summary.removed_requested - before)

    def _listing(self) -> Iterator[Listed]:
        """INPUT's objects, or those that `--keys` names; the mark of an OUTPUT is none."""
        if self._keys is None:
            yield from (entry for entry in self._source.list() if not self._is_mark(entry))
            return
        for request, found in requested(self._source, self._keys.of("redo", "check")):
            if found is None:
                self.summary.missing.append(request.key)
            else:
                yield found

    def _is_mark(self, entry: Listed) -> bool:
        output_id = marked_id(entry.key)
        return output_id is not None and self._source.has_mark(output_id)

    def _removals(self) -> Removals:
        output_id = self._identity.record.output_id
        return Removals(self._output, output_id, self._places, self._book, self.summary, self._stamp, self._attempt)

    def _adopted_outputs(self) -> VersionCursor | None:
        """What lies in OUTPUT, if it was adopted: rows may name what is not there, and files may have no row."""
        adopted = self._identity.adopted and not self._config.in_place
        return VersionCursor(self._output.list(output=True)) if adopted else None

    def _given(self, ref: ImageRef) -> GivenBoxes | None:
        found = self._boxes.find(ref) if self._boxes is not None else None
        self._with_boxes += found is not None
        return self._suspects.besides(ref.key, found)

    def _settings(self, given: GivenBoxes | None) -> str:
        return item_settings_sha256(self._settings_sha256, self._config, given.sha256 if given is not None else None)

    def _counted(self, tasks: Iterator[Task], planner: Planner) -> Iterator[Task]:
        before = (self.summary.listed, self.summary.listed_bytes, self.summary.carried)

        def count() -> None:
            self.summary.listed = before[0] + planner.listed
            self.summary.listed_bytes = before[1] + planner.listed_bytes
            self.summary.carried = before[2] + planner.carried

        for task in tasks:
            self._lease.check()
            count()
            yield task
        count()

    def _work(self, registry: Registry, weights: detectors.Weights, tasks: Iterator[Task]) -> None:
        """Starts the workers, if there is anything for them to do."""
        first = next(tasks, None)
        if not self._chunks:
            self._progress.start(self.summary.run_id, self.summary.carried)
        if first is None:
            return
        for root in (self._output, self._manifest_root):
            # The lease is written under conditions too, maybe to another store.
            root.check_publishing()
        self._mark()
        self._output.sweep()
        job = Job(
            config=self._config,
            manifest_uri=self.summary.manifest_uri,
            run_id=self.summary.run_id,
            as_of=self._stamp.as_of,
            registry_sha256=registry.sha256,
            weights=weights,
            lease=self._lease.ticket,
            output_id=self._identity.record.output_id,
        )
        with engine.connected(self._config.engine) as nodes:
            self._check_paths(nodes)
            engine.Engine(self._config.engine, Worker, job, self._lease.ticket.epoch).run(chain([first], tasks), self)

    def _check_paths(self, nodes: int) -> None:
        local = [uri for uri in (self._config.input, self._config.output, self.summary.manifest_uri) if is_local(uri)]
        if nodes > 1 and local and not self._config.storage.shared:
            raise ConfigError(
                f"{local[0]} is a local path and the cluster has {nodes} nodes: "
                "use an object store, or --set storage.shared=true if every node sees the same disk"
            )

    def _prune(self, rows: CurrentRows) -> bool:
        """Sources that are not there any more: their outputs are counted, and with `--prune` removed.

        Returns:
            Whether they were within the limit.
        """
        config = self._config
        partial = config.include or config.exclude or config.limit is not None or self._keys is not None
        if partial or self._source.only is not None:
            return True
        rows.rest()
        self.summary.gone = rows.gone_published
        return self._removals().prune(rows, self._prune_limit) if config.prune else True

    # What the engine reports.

    def committed(self, task: Task, result: ChunkResult) -> list[Task]:
        """Counts a chunk's rows; conflicts and unfinished items come back with their output looked up anew."""
        self._lease.check()
        self._book.result(result)
        self._chunks += 1
        if self._chunks % COMPACT_EVERY == 0:
            self._manifest.compact(self.summary.run_id, final=False)
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
        if ours and not self._removals().now(item.output_key, item.ref.key):
            self._owes(item, failed_row(item, TakeDownOwed()), result.attempt + 1)
            return None
        item = replace(item, expected=wanted, output_version=None, standing=None, foreign=False)
        return None if self._collides(item, result.attempt + 1) else item

    def _collides(self, item: WorkItem, attempt: int) -> bool:
        """Whether what stands in the output's place may be another source's, one that this run has not listed."""
        alone = self._config.names != "same" or self._config.in_place
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
        settled: set[str] = set()
        if self._config.in_place:
            settled = intents.settle(self._manifest, self._output, self.summary.run_id, chunk_id(task.items))
            self._book.settled(settled)
        items = [self._refreshed(item) for item in task.items if item.ref.key not in settled]
        # In a place that is not OUTPUT nothing stands, and what stands in OUTPUT would become a stranger's.
        self._require_output()
        return replace(task, items=tuple(items))

    def _refreshed(self, item: WorkItem) -> WorkItem:
        if self._config.in_place:
            # The version that is read is the one that is replaced.
            found = self._source.stat(item.ref.key)
            ref = found if isinstance(found, ImageRef) else item.ref
            if ref != item.ref:
                item = replace(item, standing=None, origin=None)
            return replace(item, ref=ref, output_version=ref.etag)
        version = self._output.version(item.output_key)
        if version == item.output_version:
            return item
        foreign = item.foreign or (item.output_version is None and not self._announced(item.output_key))
        if foreign and not self._may_replace:
            return item
        return replace(item, output_version=version, standing=None, foreign=foreign)

    @property
    def _may_replace(self) -> bool:
        """Whether an output may replace a file that no row of ours names."""
        return self._config.adopt == "replace" or self._identity.earlier

    def _announced(self, output_key: str) -> bool:
        """Whether a worker that died may have published it."""
        uri = join_uri(self._config.output, output_key)
        return any(row.output_uri == uri for _, rows in self._manifest.intents() for row in rows)

    def _taken(self, item: WorkItem) -> bool:
        """Whether what stands in the output's place is not ours."""
        if item.output_version is not None or self._may_replace or self._config.in_place:
            return False
        if self._output.version(item.output_key) is None or self._announced(item.output_key):
            return False
        return not any(map(self._source.exists, rivals(item.ref.key, item.output_key)))

    # What the planner tells.

    def refuse(self, entry: Irregular, published: ManifestRow | None, bound: tuple[str, ...]) -> None:
        """Something that is never read. An output that it had as a photo stays if nothing has changed about it."""
        item = WorkItem(ImageRef(entry.key, entry.uri, "", 0, None), NO_CONSENT, None, bound=bound)
        if published is not None:
            expected = self._places.expected(entry.key, published.output_uri)
            # The take-down has removed what is not safe any more.
            item = self._refreshed(
                replace(item, expected=expected, output_version=published.output_etag, standing=published)
            )
        self._fail(item, entry.error(), self._attempt + 1)

    def collide(self, item: WorkItem) -> None:
        """Two sources for one output: what stands there may be either's."""
        self._fail(self._refreshed(item), KeyCollision(), self._attempt + 1)

    def _fail(self, item: WorkItem, error: ObjectError, attempt: int) -> None:
        """An object given up. What stands in its place stays only if the manifest vouches for it."""
        row = replace(failed_row(item, error), consent_sha256=item.decision.sha256)
        if item.standing is not None:
            # What allowed its faces is what its own row says, not what is said here of something else.
            row = replace(with_standing_output(row, item.standing), consent_sha256=item.standing.consent_sha256)
        elif not self._config.in_place and not self._leaves_nothing(item):
            self._owes(item, row, attempt)
            return
        self._book.own(replace(row, attempt=attempt, settings_sha256=self._settings(item.boxes)), self._stamp)

    def _leaves_nothing(self, item: WorkItem) -> bool:
        """Removes what an object that is given up has published; False if it could not be removed."""
        if item.moved_from is not None and not self._removals().now(item.moved_from, item.ref.key):
            return False
        ours = item.output_version is not None and not item.foreign
        return not ours or self._removals().now(item.output_key, item.ref.key)

    def _owes(self, item: WorkItem, row: ManifestRow, attempt: int) -> None:
        """The row of an object whose output could not be removed."""
        uri = join_uri(self._config.output, item.moved_from or item.output_key)
        row = owed_row(replace(row, attempt=attempt, settings_sha256=self._settings(item.boxes)), uri)
        self._book.own(row, self._stamp)

    def _finish(self, registry: Registry) -> None:
        """Folds the journal, balances the account, fixes the exit status and says so in the run's record."""
        summary = self.summary
        self._lease.check()
        unmatched.tell(registry, self._config, summary)
        if self._boxes is not None:
            # Few of many: keys that were written otherwise than they are listed.
            log.info("boxes were given for %d keys; %d of them came up", len(self._boxes), self._with_boxes)
        self._manifest.compact(summary.run_id, final=True)
        checked = None if summary.unsafe_left else takedown.checked_against(self._config, registry.sha256)
        totals = self._saved(Snapshot(self._manifest_root), checked)
        summary.standing_failures = totals.statuses.get("failed", 0)
        if not summary.stopped_early and summary.listed != summary.written + summary.carried:
            raise RunError(
                f"the account does not balance: {summary.listed} listed, "
                f"{summary.written} rows written, {summary.carried} as they were"
            )
        summary.exit_status = exit_status(summary, self._limit, totals.rows)
        finished = None if summary.stopped_early else datetime.now(UTC).isoformat()
        counts = {
            "listed": summary.listed,
            "carried": summary.carried,
            "statuses": dict(summary.statuses),
            "error_codes": dict(summary.codes),
            "faces": summary.faces,
            "redacted": summary.redacted,
            "removed_unsafe": summary.removed_unsafe,
            "removed_gone": summary.removed_gone,
            "gone": summary.gone,
            "swept": summary.swept,
            "registry_unmatched": len(summary.registry_unmatched),
            "objections_unmatched": summary.objections_unmatched[:NAMED_OBJECTIONS],
        }
        self._record |= {"finished": finished, "counts": counts, "exit_status": summary.exit_status}
        self._manifest.write_run(summary.run_id, self._record)

    def _saved(self, snapshot: Snapshot, checked: str | None) -> Totals:
        """What is known of the current rows; where it stands already, nothing is written."""
        if snapshot.totals is not None and snapshot.totals.checked == checked:
            return snapshot.totals
        return snapshot.save(self.summary.run_id, checked=checked, as_of=self._stamp.as_of)
