"""One run, step by step."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from anonymizer.config import RunConfig, item_settings_sha256
from anonymizer.errors import (
    AnonymizerError,
    ConfigError,
    NotARegularFile,
    ObjectError,
    OutputLost,
    RunError,
    Unsafe,
    UsageError,
    WrongOutput,
)
from anonymizer.image import detectors
from anonymizer.lake import lease
from anonymizer.lake.identity import absent, identify, lost, mark
from anonymizer.lake.manifest import ManifestStore, Snapshot, Totals, new_run_id
from anonymizer.lake.naming import Places
from anonymizer.lake.roots import close_to_others, open_input, open_manifest_root, open_output
from anonymizer.lake.storage import Listed, Root, VersionCursor, is_local, marked_id
from anonymizer.people.boxes import BoxTable, SuspectList
from anonymizer.people.consent import Registry, empty_registry
from anonymizer.pipeline import Anonymizer
from anonymizer.records import GivenBoxes, ImageRef, ManifestRow
from anonymizer.run import engine
from anonymizer.run.chunks import Task
from anonymizer.run.driver import intents, unmatched
from anonymizer.run.driver.outcomes import Outcomes, RunContext
from anonymizer.run.plan.current_rows import CurrentRows
from anonymizer.run.plan.planner import Asked, Planner
from anonymizer.run.recorder import Progress, Recorder, Stamp, TooManyFailures
from anonymizer.run.start.keylist import KeyList, requested
from anonymizer.run.start.resolve import (
    Decided,
    arguments_sha256,
    decided_at,
    load_boxes,
    load_keys,
    load_registry,
    load_weights,
)
from anonymizer.run.summary import (
    NAMED_FAILURES,
    NAMED_OBJECTIONS,
    UNEXPECTED,
    UNSAFE_LEFT,
    Summary,
    exit_status,
    failure_limit,
    limit_of,
)
from anonymizer.run.takedown import unsafe
from anonymizer.run.takedown.removals import Removals, expired_rows, unsafe_rows
from anonymizer.run.worker import Job, Worker

log = logging.getLogger(__name__)

#: Attempts of a run that was taken up begin behind all that the one before can have made.
ATTEMPTS_EACH = 1000


class Driver:
    """The state of one run.

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
        self._told = False
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
        self._recorder = Recorder(self.summary, self._manifest, progress, self._limit)

    def run(self) -> None:
        """Does it; see `anonymizer.run.driver.run`."""
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
        pruned = True
        try:
            with open_input(self._config) as source:
                objects = self._objects(source)
                planner = self._planner(rows, registry, objects)
                tasks = planner.tasks(self._listing(source), self._adopted_outputs())
                self._work(registry, weights, self._counted(tasks, planner), objects)
            pruned = self._prune(rows, source)
        except TooManyFailures:
            self.summary.stopped_early = True
        self._recorder.flush()
        self._finish(registry, pruned=pruned)
        if not pruned:
            raise RunError(
                f"{rows.gone_published} of {rows.published} outputs have no source any more, which is more than "
                f"--prune-limit {self._config.prune_limit}: none of them was removed"
            )

    def _objects(self, source: Root) -> Outcomes:
        context = RunContext(
            config=self._config,
            manifest=self._manifest,
            output=self._output,
            places=self._places,
            located=self._located,
            recorder=self._recorder,
            removals=self._removals(),
            stamp=self._stamp,
            run_id=self.summary.run_id,
            attempt=self._attempt,
            require_output=self._require_output,
            may_replace=self._config.adopt == "replace" or self._identity.earlier,
            settings=self._settings,
            alive=self._lease.check,
        )
        return Outcomes(context, source)

    def _planner(self, rows: CurrentRows, registry: Registry, told: Outcomes, *, forced: bool = False) -> Planner:
        asked = Asked(
            registry.decide,
            self._given,
            self._settings,
            lambda key: forced or self._config.force or key in self._redo,
        )
        # What has to go goes, whichever part of INPUT this run was asked for.
        part = replace(self._config, include=(), exclude=(), limit=None) if forced else self._config
        return Planner(part, rows, asked, told, self._places, self._attempt, self._overwritten)

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
        for row in unsafe.published(self._manifest.scan(unsafe.COLUMNS)):
            decision = registry.decide(row.key, listed=False)
            if unsafe.is_unsafe(row, decision, self._config) or unsafe.past_retention(row, self._stamp.as_of):
                if len(self.summary.unsafe_left) < NAMED_FAILURES:
                    log.error("%s: %s is no longer safe and has to be taken down", row.key, row.output_uri)
                self.summary.unsafe_left.append(row.key)
        self._owe_requested(registry)
        said = absent(self._config, self._output)
        if self.summary.unsafe_left:
            raise OutputLost(said)
        raise WrongOutput(said)

    def _owe_requested(self, registry: Registry) -> None:
        """What `--keys` wants removed is written down: no later run is told of it again."""
        wanted = [request.key for request in self._keys.of("remove")] if self._keys is not None else []
        if not wanted:
            return
        self.summary.run_id = new_run_id(self._manifest.run_ids(), datetime.now(UTC))
        rows = CurrentRows(self._manifest.scan, self.summary.run_id, self._config.input)
        for key in wanted:
            known = rows.find(key)
            if known is not None and known.output_uri is not None:
                row = rows.row(known)
                gone = unsafe.requested_row(row, registry.decide(key, listed=False).sha256, self._attempt)
                self._recorder.silently(unsafe.owed_on_request(gone, row), self._stamp)
                self.summary.unsafe_left.append(key)
        self._recorder.flush()

    def _begin(self, registry: Registry) -> None:
        """Takes up an unfinished run with the same arguments, or starts a new one; says so before any work."""
        self._mark_before_removals()
        arguments = arguments_sha256(self._config)
        known = self._manifest.run_ids()
        run_id = self._manifest.unfinished(arguments)
        times = 0
        if run_id is None:
            run_id = new_run_id(known, datetime.now(UTC))
        else:
            times = int(self._manifest.read_run(run_id).get("taken_up", 0)) + 1
            log.info("resuming run %s", run_id)
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

    def _mark_before_removals(self) -> None:
        """What is taken down counts only in a place that bears its mark; one without rows waits for its first work."""
        if self._identity.earlier or self._identity.adopted:
            self._mark()

    def _mark(self) -> None:
        mark(self._identity, self._manifest, self._output)
        self._identity = replace(self._identity, new=False)
        self._output = open_output(self._config, self._identity.record.output_id)

    def _require_output(self) -> None:
        """Raises OutputLost where OUTPUT does not bear its mark any more; one that is new will bear it."""
        if not self._identity.new and not self._output.has_mark(self._identity.record.output_id):
            raise OutputLost(lost(self._output))

    def _fold(self) -> None:
        """What runs before have left: intents are settled, journals folded."""
        self.summary.settled += len(intents.settle(self._manifest, self._output, self._located, self._require_output))
        for left in self._manifest.journal_run_ids():
            self._manifest.compact(left, final=True)

    def _located(self, row: ManifestRow) -> str | None:
        return row.key if self._config.in_place else self._places.located(row.output_uri)

    def _take_down(self, registry: Registry, weights: detectors.Weights) -> Snapshot:
        """Removes every output that today's decisions do not allow, before any other work; gives the current rows."""
        snapshot = Snapshot(self._manifest_root)
        if self._config.in_place:
            rows = unsafe_rows(snapshot, registry, self._config, self._stamp.as_of)
            return self._overwrite([row.key for row in rows], snapshot, registry, weights)
        removals = self._removals()
        removed = removals.unsafe(snapshot, registry, self._config)
        if self._identity.earlier:
            removals.forget_removed(snapshot)
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
        rows = CurrentRows(snapshot.scan, self.summary.run_id, self._config.input)
        with open_input(self._config) as source:
            objects = self._objects(source)
            planner = self._planner(rows, registry, objects, forced=True)
            found = (entry for entry in map(source.stat, keys) if entry is not None)
            self._work(registry, weights, self._counted(planner.tasks(found), planner), objects)
        self._overwritten = frozenset(keys)
        snapshot = self._renewed(snapshot, len(keys))
        rows = CurrentRows(snapshot.scan, self.summary.run_id, self._config.input)
        gone: list[ManifestRow] = []
        for key in keys:
            known = rows.find(key)
            if known is not None and known.of_this_run and known.error_code is None:
                self.summary.removed_unsafe += 1
            elif self._stands(key):
                log.error("%s: a photo that is no longer safe could not be redacted", key)
                self.summary.unsafe_left.append(key)
            elif known is not None:
                gone.append(rows.row(known))
        return self._gone_in_place(gone, snapshot)

    def _stands(self, key: str) -> bool:
        """Whether a photo may still be there, in place: what is a link now is not it."""
        try:
            return self._output.exists(key) or not self._output.knows_absence(key)
        except NotARegularFile:
            return False

    def _gone_in_place(self, gone: list[ManifestRow], snapshot: Snapshot) -> Snapshot:
        """Photos that are not there: their rows say so, once the place is seen to be INPUT."""
        if not gone:
            return snapshot
        self._require_output()
        for row in gone:
            self._recorder.silently(unsafe.removed_row(row, Unsafe(), self._attempt), self._stamp)
        self.summary.removed_unsafe += len(gone)
        return self._renewed(snapshot, len(gone))

    def _take_down_expired(self) -> None:
        """With a registry or settings that are wrong: at least what has run out by the clock goes."""
        if not self._manifest.run_ids():
            return
        nobody = empty_registry(purpose=self._config.consent.purpose, as_of=self._stamp.as_of)
        weights = self._load_weights() if self._config.in_place else None
        # Its record says for which time it has decided, and that it has not come to its end.
        self._begin(nobody)
        snapshot = Snapshot(self._manifest_root)
        if not self._config.in_place:
            self._removals().expired(snapshot)
            return
        keys = [row.key for row in expired_rows(snapshot, self._stamp.as_of)]
        self._overwrite(keys, snapshot, nobody, weights)

    def _renewed(self, snapshot: Snapshot, written: int) -> Snapshot:
        """The current rows after so many more were written."""
        if not written:
            return snapshot
        self._recorder.flush()
        self._manifest.compact(self.summary.run_id, final=True)
        return Snapshot(self._manifest_root)

    def _take_down_requested(self, keys: KeyList, snapshot: Snapshot, registry: Registry) -> Snapshot:
        """Removes the outputs of the keys that `--keys` wants removed; gives the current rows."""
        rows = CurrentRows(snapshot.scan, self.summary.run_id, self._config.input)
        written = 0
        for request in keys.of("remove"):
            known = rows.find(request.key)
            located = self._places.located(known.output_uri) if known is not None else None
            if known is None or located is None:
                self.summary.missing.append(request.key)
            else:
                row, decision = rows.row(known), registry.decide(request.key).sha256
                done = unsafe.requested_row(row, decision, self._attempt)
                if self._removals().now(located, request.key, row.output_etag, row.output_sha256):
                    self.summary.removed_requested += 1
                else:
                    done = unsafe.owed_on_request(done, row)
                self._recorder.silently(done, self._stamp)
                written += 1
        return self._renewed(snapshot, written)

    def _listing(self, source: Root) -> Iterator[Listed]:
        """INPUT's objects, or those that `--keys` names; the mark of an OUTPUT is none."""
        if self._keys is None:
            yield from (entry for entry in source.list() if not _is_mark(source, entry))
            return
        for request, found in requested(source, self._keys.of("redo", "check")):
            if found is None:
                self.summary.missing.append(request.key)
            else:
                yield found

    def _removals(self) -> Removals:
        output_id = self._identity.record.output_id
        return Removals(self._output, output_id, self._places, self._recorder, self.summary, self._stamp, self._attempt)

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
        before = (self.summary.listed, self.summary.listed_bytes, self.summary.unchanged)

        def count() -> None:
            self.summary.listed = before[0] + planner.listed
            self.summary.listed_bytes = before[1] + planner.listed_bytes
            self.summary.unchanged = before[2] + planner.unchanged

        for task in tasks:
            self._lease.check()
            count()
            yield task
        count()

    def _work(self, registry: Registry, weights: detectors.Weights, tasks: Iterator[Task], objects: Outcomes) -> None:
        """Starts the workers, if there is anything for them to do."""
        first = next(tasks, None)
        if not self._told:
            self._progress.start(self.summary.run_id, self.summary.unchanged)
            self._told = first is not None
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
            work = engine.Engine(self._config.engine, Worker, job, self._lease.ticket.epoch)
            work.run(chain([first], tasks), objects)

    def _check_paths(self, nodes: int) -> None:
        local = [uri for uri in (self._config.input, self._config.output, self.summary.manifest_uri) if is_local(uri)]
        if nodes > 1 and local and not self._config.storage.shared:
            raise ConfigError(
                f"{local[0]} is a local path and the cluster has {nodes} nodes: "
                "use an object store, or --set storage.shared=true if every node sees the same disk"
            )

    def _prune(self, rows: CurrentRows, source: Root) -> bool:
        """Sources that are not there any more: their outputs are counted, and with `--prune` removed.

        Returns:
            Whether they were within the limit.
        """
        config = self._config
        partial = config.include or config.exclude or config.limit is not None or self._keys is not None
        if partial or source.only is not None:
            return True
        rows.rest()
        self.summary.gone = rows.gone_published
        return self._removals().prune(rows, self._prune_limit) if config.prune else True

    def _finish(self, registry: Registry, *, pruned: bool) -> None:
        """Folds the journal, balances the account, fixes the exit status and says so in the run's record."""
        summary = self.summary
        self._lease.check()
        unmatched.tell(registry, self._config, summary)
        if self._boxes is not None:
            # Few of many: keys that were written otherwise than they are listed.
            log.info("boxes were given for %d keys; %d of them came up", len(self._boxes), self._with_boxes)
        self._manifest.compact(summary.run_id, final=True)
        checked = None if summary.unsafe_left else unsafe.checked_against(self._config, registry.sha256)
        totals = self._saved(Snapshot(self._manifest_root), checked, registry)
        summary.standing_failures = totals.statuses.get("failed", 0)
        if not summary.stopped_early and summary.listed != summary.written + summary.unchanged:
            raise RunError(
                f"the account does not balance: {summary.listed} listed, "
                f"{summary.written} rows written, {summary.unchanged} unchanged"
            )
        summary.exit_status = exit_status(summary, self._limit, totals.rows) if pruned else UNEXPECTED
        finished = None if summary.stopped_early else datetime.now(UTC).isoformat()
        counts = {
            "listed": summary.listed,
            "carried": summary.unchanged,
            "statuses": dict(summary.statuses),
            "error_codes": dict(summary.codes),
            "faces": summary.faces,
            "redacted": summary.redacted,
            "removed_unsafe": summary.removed_unsafe,
            "removed_gone": summary.removed_gone,
            "gone": summary.gone,
            "settled": summary.settled,
            "registry_unmatched": len(summary.registry_unmatched),
            "objections_unmatched": summary.objections_unmatched[:NAMED_OBJECTIONS],
        }
        self._record |= {"finished": finished, "counts": counts, "exit_status": summary.exit_status}
        self._manifest.write_run(summary.run_id, self._record)

    def _saved(self, snapshot: Snapshot, checked: str | None, registry: Registry) -> Totals:
        """What is known of the current rows; where it stands already, nothing is written."""
        known, as_of = snapshot.totals, self._stamp.as_of
        # Else every later night would hold all rows against a window that one night has seen begin.
        turned = known is not None and known.as_of is not None and registry.turns(known.as_of, as_of)
        if known is not None and known.checked == checked and not turned:
            return known
        return snapshot.save(self.summary.run_id, checked=checked, as_of=as_of)


def _is_mark(source: Root, entry: Listed) -> bool:
    output_id = marked_id(entry.key)
    return output_id is not None and source.has_mark(output_id)
