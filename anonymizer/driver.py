"""A run from configuration to exit status: registry, take-down, plan, engine, accounting. Never sees a pixel."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Protocol

from anonymizer import __version__, detectors, engine, redactors, takedown
from anonymizer.account import NAMED_FAILURES, OK, Summary, exit_status, failure_limit
from anonymizer.boxes import BoxTable
from anonymizer.chunks import Task, chunk_id
from anonymizer.config import RunConfig
from anonymizer.consent import Registry
from anonymizer.errors import (
    AnonymizerError,
    ConfigError,
    KeyCollision,
    ObjectError,
    PoisonImage,
    PublishConflict,
    RunError,
    UsageError,
)
from anonymizer.manifest import ManifestStore, new_run_id
from anonymizer.naming import Places
from anonymizer.plan import CurrentRows, Planner
from anonymizer.records import NO_CONSENT, ChunkResult, GivenBoxes, ImageRef, ManifestRow, WorkItem
from anonymizer.resolve import arguments_sha256, load_boxes, load_registry, read_uri, resolved, time_of
from anonymizer.storage import (
    Irregular,
    VersionCursor,
    is_local,
)
from anonymizer.worker import Job, Worker, failed_row, open_input, open_manifest, open_output, with_standing_output

log = logging.getLogger(__name__)

#: Journal parts are folded into large ones whenever so many chunks have been committed.
COMPACT_EVERY = 2000
#: Rows that the driver writes itself are gathered up to this many.
OWN_ROWS = 500
#: A key whose output changes under us again and again is given up after so many tries.
CONFLICTS = 4


class Progress(Protocol):
    """Shows how far the run is."""

    def start(self, run_id: str, carried: int) -> None: ...

    def advance(self, images: int, faces: int, failures: int, listed: int) -> None: ...

    def close(self) -> None: ...


class _TooManyFailures(Exception):
    """More failures than were allowed: stop here."""


def run(
    config: RunConfig, progress: Progress, *, inside_job: bool = False, names_secret: bytes | None = None
) -> Summary:
    """Does a run.

    Args:
        config: INPUT, OUTPUT and the manifest as the user wrote them.
        progress: Told how far it is.
        inside_job: Runs inside a Ray job, where relative paths point into a package that is deleted later.
        names_secret: Key of the hash for `names` hashed.

    Returns:
        The counts and the exit status.

    Raises:
        UsageError: Configuration or registry are wrong (exit 2).
        RunError: The run cannot go on (exit 1); started again with the same arguments it goes on where it stopped.
    """
    started = time.monotonic()
    config, manifest_uri = resolved(config, inside_job=inside_job)
    as_of = time_of(config)
    if config.dry_run:
        return _dry_run(config, manifest_uri, as_of)
    places = Places(config.output, config.names, names_secret)
    places.own("")  # Only to hear now what is wrong with the secret.
    driver = _Driver(config, manifest_uri, as_of, progress, places)
    try:
        driver.run()
    finally:
        progress.close()
    driver.summary.seconds = time.monotonic() - started
    return driver.summary


def _dry_run(config: RunConfig, manifest_uri: str, as_of: datetime) -> Summary:
    """Counts what a run would look at; reads no object, writes nothing, starts nothing."""
    load_registry(config, as_of)
    load_boxes(config)
    started = time.monotonic()
    planner = Planner(config, "", lambda _key: NO_CONSENT, lambda *_: None, lambda *_: None, Places())
    summary = Summary(manifest_uri=manifest_uri, exit_status=OK)
    with open_input(config) as source:
        for entry in planner.selected(source.list()):
            kind = "failed" if isinstance(entry, Irregular) else "to read"
            summary.statuses[kind] += 1
    summary.listed, summary.listed_bytes = planner.listed, planner.listed_bytes
    summary.seconds = time.monotonic() - started
    return summary


class _Driver:
    """The state of one run; also what the engine reports to (`engine.Sink`)."""

    def __init__(
        self, config: RunConfig, manifest_uri: str, as_of: datetime, progress: Progress, places: Places
    ) -> None:
        self._config = config
        self._places = places
        self._as_of = as_of
        self._progress = progress
        self._started = time.monotonic()
        self._manifest: ManifestStore = open_manifest(config, manifest_uri)
        self._output = open_output(config)
        self._own_rows: list[ManifestRow] = []
        self._conflicts: Counter[str] = Counter()
        self._chunks = 0
        self._boxes: BoxTable | None = None
        self._with_boxes = 0
        self._limit = failure_limit(config.max_failures)
        self._record: dict[str, Any] = {}
        self.summary = Summary(manifest_uri=manifest_uri)

    def run(self) -> None:
        try:
            registry = load_registry(self._config, self._as_of)
            self._boxes = load_boxes(self._config)
            weights = self._load_weights()
            redactors.make(self._config.redaction)  # Only to hear now, not from every worker, what is wrong with it.
        except UsageError:
            self._take_down_expired()
            raise
        self._output.check_publishing()
        self._output.sweep()
        self._begin(registry)
        rows = self._take_down(registry)
        planner = Planner(
            self._config,
            self.summary.run_id,
            registry.decide,
            self._refuse,
            self._collide,
            self._places,
            self._given,
        )
        try:
            with open_input(self._config) as self._source:
                outputs = VersionCursor(self._output.list(output=True))
                tasks = planner.tasks(self._source.list(), outputs, CurrentRows(rows))
                self._work(registry, weights, self._counted(tasks, planner))
        except _TooManyFailures:
            self.summary.stopped_early = True
        self._flush()
        self._finish(registry, planner)

    def _given(self, ref: ImageRef) -> GivenBoxes | None:
        found = self._boxes.find(ref) if self._boxes is not None else None
        self._with_boxes += found is not None
        return found

    def _load_weights(self) -> detectors.Weights:
        if self._config.boxes.mode == "replace":
            return None
        return detectors.load_weights(self._config.detector, lambda uri: read_uri(uri, "the detector's network"))

    def _begin(self, registry: Registry) -> None:
        """Takes up an unfinished run with the same arguments, or starts a new one; says so before any work."""
        arguments = arguments_sha256(self._config)
        run_id = self._manifest.unfinished(arguments)
        if run_id is None:
            run_id = new_run_id(self._manifest.run_ids(), datetime.now(UTC))
        else:
            log.info("taking up run %s", run_id)
        for older in set(self._manifest.journal_run_ids()) - {run_id}:
            self._manifest.compact(older, final=True)
        self.summary.run_id = run_id
        self.summary.registry_problems = registry.problems
        settings = dataclasses.asdict(self._config)
        # Options of a filesystem may hold credentials: their names are enough.
        settings["storage"] = {name: sorted(v) if isinstance(v, dict) else v for name, v in settings["storage"].items()}
        self._record = {
            "run_id": run_id,
            "arguments_sha256": arguments,
            "settings": settings,
            "as_of": self._as_of.isoformat(),
            "registry_sha256": registry.sha256,
            "versions": engine.versions(),
            "started": datetime.now(UTC).isoformat(),
            "finished": None,
        }
        self._manifest.write_run(run_id, self._record)

    def _take_down(self, registry: Registry) -> Any:
        """Removes every output that today's decisions do not allow, before any other work; gives the current rows."""
        rows = self._manifest.current()
        unsafe = [
            (row, run_id)
            for row, run_id in takedown.published(rows)
            if takedown.is_unsafe(row, registry.decide(row.key), self._config)
            or takedown.past_retention(row, self._as_of)
        ]
        for row, run_id in unsafe:
            # A run that was taken up has higher attempts of its own already.
            self._remove_unsafe(row, attempt=row.attempt + 1 if run_id == self.summary.run_id else 0)
        self._flush()
        return self._manifest.current() if unsafe else rows

    def _take_down_expired(self) -> None:
        """With a registry or settings that are wrong: at least what has run out by the clock goes."""
        published = takedown.published(self._manifest.current())
        expired = [row for row, _ in published if takedown.past_retention(row, self._as_of)]
        if not expired:
            return
        self.summary.run_id = new_run_id(self._manifest.run_ids(), datetime.now(UTC))
        for row in expired:
            self._remove_unsafe(row, attempt=0)
        self._flush()

    def _remove_unsafe(self, row: ManifestRow, attempt: int) -> None:
        try:
            self._output.remove(self._places.expected(row.key, row.output_uri), expected=None)
        except (AnonymizerError, OSError):
            log.error("%s: an output that is no longer safe could not be removed", row.key)
            self.summary.unsafe_left.append(row.key)
            return
        self.summary.removed_unsafe += 1
        self._own_rows.append(takedown.removed_row(row, attempt, self._as_of))

    def _counted(self, tasks: Iterator[Task], planner: Planner) -> Iterator[Task]:
        for task in tasks:
            self.summary.listed, self.summary.carried = planner.listed, planner.carried
            yield task
        self.summary.listed, self.summary.carried = planner.listed, planner.carried

    def _work(self, registry: Registry, weights: detectors.Weights, tasks: Iterator[Task]) -> None:
        """Starts the workers, if there is anything for them to do."""
        self._progress.start(self.summary.run_id, self.summary.carried)
        first = next(tasks, None)
        if first is None:
            return
        job = Job(
            config=self._config,
            manifest_uri=self.summary.manifest_uri,
            run_id=self.summary.run_id,
            as_of=self._as_of,
            registry_sha256=registry.sha256,
            weights=weights,
        )
        with engine.connected(self._config.engine) as nodes:
            self._check_paths(nodes)
            engine.Engine(self._config.engine, Worker, job).run(chain([first], tasks), self)

    def _check_paths(self, nodes: int) -> None:
        local = [uri for uri in (self._config.input, self._config.output, self.summary.manifest_uri) if is_local(uri)]
        if nodes > 1 and local and not self._config.storage.shared:
            raise ConfigError(
                f"{local[0]} is a local path and the cluster has {nodes} nodes: "
                "use an object store, or --set storage.shared=true if every node sees the same disk"
            )

    # What the engine reports.

    def committed(self, task: Task, result: ChunkResult) -> list[Task]:
        """Counts a chunk's rows; conflicts and unfinished items come back with their output looked up anew."""
        self._count(result.statuses, result.codes, result.face_count)
        self.summary.redacted += result.redacted_count
        self.summary.output_bytes += result.output_bytes
        self.summary.unsafe_left.extend(result.unsafe_left)
        self._chunks += 1
        if self._chunks % COMPACT_EVERY == 0:
            self._manifest.compact(self.summary.run_id, final=False)
        for key in result.conflicts:
            self._conflicts[key] += 1
        given_up = [k for k in result.conflicts if self._conflicts[k] >= CONFLICTS]
        for item in task.items:
            if item.ref.key in given_up:
                self._fail(item, PublishConflict(), task.attempt + 1)
        again = {*result.conflicts, *result.unfinished} - set(given_up)
        items = [self._renamed(item, result) for item in task.items if item.ref.key in again]
        left = tuple(item for item in items if item is not None)
        return [self.refresh(replace(task, items=left))] if left else []

    def _renamed(self, item: WorkItem, result: ChunkResult) -> WorkItem | None:
        """The item under the name that its content asks for; None if that name is another source's."""
        wanted = result.renamed.get(item.ref.key)
        if wanted is None:
            return item
        if item.output_version is not None:
            self._remove_stray(item)
        item = replace(item, expected=wanted, output_version=None, standing=None)
        if self._config.names == "same" and wanted != item.ref.key and self._source.exists(wanted):
            self._collide(item, result.attempt + 1)
            return None
        return item

    def poison(self, task: Task) -> None:
        """The one object that no worker survives gets its row from here."""
        self._fail(task.items[0], PoisonImage(), task.attempt + 1)

    def refresh(self, task: Task) -> Task:
        """Output versions as they are now: whoever held the task may have published some of them."""
        return replace(task, items=tuple(self._refreshed(item) for item in task.items))

    def _refreshed(self, item: WorkItem) -> WorkItem:
        version = self._output.version(item.output_key)
        if version == item.output_version:
            return item
        return replace(item, output_version=version, standing=None)

    # Rows that the driver writes itself.

    def _refuse(self, entry: Irregular, attempt: int, published: ManifestRow | None) -> None:
        """Something that is never read. An output that it had as a photo stays if nothing has changed about it."""
        item = WorkItem(ImageRef(entry.key, entry.uri, "", 0, None), NO_CONSENT, None)
        if published is not None:
            item = replace(item, expected=self._places.expected(entry.key, published.output_uri))
            version = self._output.version(item.output_key)
            # The take-down has removed what is not safe any more.
            standing = published if version == published.output_etag else None
            item = replace(item, output_version=version, standing=standing)
        self._fail(item, entry.error(), attempt)

    def _collide(self, item: WorkItem, attempt: int) -> None:
        """Two sources for one output: what stands there may be either's."""
        self._fail(item, KeyCollision(), attempt)

    def _fail(self, item: WorkItem, error: ObjectError, attempt: int) -> None:
        """An object given up. What stands in its place stays only if the manifest vouches for it."""
        row = failed_row(item, error)
        if item.standing is not None:
            row = with_standing_output(row, item.standing)
        elif item.output_version is not None:
            self._remove_stray(item)
        self._own(replace(row, attempt=attempt, consent_sha256=item.decision.sha256))

    def _remove_stray(self, item: WorkItem) -> None:
        try:
            self._output.remove(item.output_key, expected=None)
        except (AnonymizerError, OSError):
            log.error("%s: an output that no row vouches for could not be removed", item.ref.key)
            self.summary.unsafe_left.append(item.ref.key)

    def _own(self, row: ManifestRow) -> None:
        self._own_rows.append(replace(row, as_of=self._as_of, software_version=__version__))
        codes = {row.key: row.error_code} if row.error_code else {}
        self._count({row.key: row.status}, codes, 0)
        if len(self._own_rows) >= OWN_ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._own_rows:
            refs = [ImageRef(row.key, "", str(row.attempt), 0, None) for row in self._own_rows]
            items = [WorkItem(ref, NO_CONSENT, None) for ref in refs]
            self._manifest.write_part(self.summary.run_id, f"driver_{chunk_id(items)}", 0, self._own_rows)
            self._own_rows.clear()

    def _count(self, statuses: dict[str, Any], codes: dict[str, str], faces: int) -> None:
        summary = self.summary
        if summary.first_result_s is None:
            summary.first_result_s = time.monotonic() - self._started
        summary.statuses.update(statuses.values())
        summary.codes.update(codes.values())
        summary.faces += faces
        failed = [(key, codes.get(key, "")) for key, status in statuses.items() if status == "failed"]
        summary.failures.extend(failed[: max(0, NAMED_FAILURES - len(summary.failures))])
        for key, code in failed:
            log.debug("%s: %s", key, code)
        self._progress.advance(len(statuses), faces, summary.statuses["failed"], summary.listed)
        if self._limit is not None and self._limit.stops(summary.statuses["failed"]):
            raise _TooManyFailures

    def _finish(self, registry: Registry, planner: Planner) -> None:
        """Folds the journal, balances the account, fixes the exit status and says so in the run's record."""
        summary = self.summary
        summary.listed, summary.carried = planner.listed, planner.carried
        summary.listed_bytes = planner.listed_bytes
        summary.registry_unmatched = tuple(int(row) for row in registry.unmatched())
        if self._boxes is not None:
            # Few of many: keys that were written otherwise than they are listed.
            log.info("boxes were given for %d keys; %d of them came up", len(self._boxes), self._with_boxes)
        self._manifest.compact(summary.run_id, final=True)
        current = self._manifest.current(["status"])
        summary.standing_failures = Counter(current.column("status").to_pylist())["failed"]
        if not summary.stopped_early and summary.listed != summary.written + summary.carried:
            raise RunError(
                f"the account does not balance: {summary.listed} listed, "
                f"{summary.written} rows written, {summary.carried} committed before"
            )
        summary.exit_status = exit_status(summary, self._limit, current.num_rows)
        finished = None if summary.stopped_early else datetime.now(UTC).isoformat()
        counts = {
            "listed": summary.listed,
            "carried": summary.carried,
            "statuses": dict(summary.statuses),
            "error_codes": dict(summary.codes),
            "faces": summary.faces,
            "redacted": summary.redacted,
            "removed_unsafe": summary.removed_unsafe,
        }
        self._record |= {"finished": finished, "counts": counts, "exit_status": summary.exit_status}
        self._manifest.write_run(summary.run_id, self._record)
