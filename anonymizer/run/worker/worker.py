"""One chunk: read ahead, anonymize, publish behind, write the rows. The one place that catches per-image errors."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from anonymizer import __version__
from anonymizer.config import RunConfig
from anonymizer.errors import (
    DeadlinePassed,
    FormatInPlace,
    ImageTimeout,
    ImageTooLarge,
    InternalError,
    ObjectError,
    OutputLost,
    PublishConflict,
)
from anonymizer.image import codec
from anonymizer.image.detectors import Weights
from anonymizer.lake.lease import Ticket, Watch
from anonymizer.lake.manifest import ManifestStore
from anonymizer.lake.naming import replaced
from anonymizer.lake.outputs import holds, purge_ours
from anonymizer.lake.roots import open_input, open_manifest_root, open_originals, open_output, original_key
from anonymizer.lake.storage import join_uri
from anonymizer.people import consent
from anonymizer.pipeline import Anonymizer
from anonymizer.records import AnonymizedImage, Chunk, ChunkResult, ManifestRow, WorkItem
from anonymizer.run.rows import failed_row, owed_row, published_row, read_as, with_standing_output

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """What every worker is given once.

    Attributes:
        config: The run's settings; INPUT, OUTPUT and manifest are full URLs.
        manifest_uri: Folder of the manifest.
        run_id: Of this run.
        as_of: Time the consent decisions speak of, UTC.
        registry_sha256: Of the consent registry, if there is one.
        weights: The detectors' networks as the driver read and checked them.
        lease: Of the run: a worker does nothing more once somebody else holds it.
        output_id: Whose mark OUTPUT bears, as this worker sees it: a node may lack the disk that others have.
    """

    config: RunConfig
    manifest_uri: str
    run_id: str
    as_of: datetime
    registry_sha256: str | None
    weights: Weights
    lease: Ticket
    output_id: str


class Deadline:
    """Ends a chunk's right to read and publish.

    Its time on this process's monotonic clock is over, the run is stopped, or the run holds its lease no more.
    """

    def __init__(self, time_s: float, stopping: threading.Event, watch: Watch | None = None) -> None:
        self._end = time.monotonic() + time_s
        self._stopping = stopping
        self._watch = watch

    def alive(self) -> None:
        """Raises DeadlinePassed once the right has ended."""
        if self._stopping.is_set() or time.monotonic() >= self._end:
            raise DeadlinePassed
        if self._watch is not None:
            self._watch.alive()


class ChunkProcessor(Protocol):
    """What the engine places on a worker."""

    def process(self, chunk: Chunk) -> ChunkResult:
        """Does the chunk and commits its rows."""

    def stop(self) -> None:
        """Nothing more is to be begun; `process` returns with the rest unfinished."""


@dataclass(frozen=True)
class Outcome:
    """How one item ended: a row, or the reason why it has none yet.

    Attributes:
        uncertain: Nobody knows whether its output was published: the store did not answer.
    """

    row: ManifestRow | None = None
    conflict: bool = False
    renamed: str | None = None
    unsafe_left: bool = False
    uncertain: bool = False


@dataclass(frozen=True)
class _Made:
    """What became of an item's computing, and what it was made from."""

    item: WorkItem
    image: AnonymizedImage | ObjectError
    since: float
    data: Future[bytes]


class Worker:
    """Holds a detector, a redactor and the filesystems. Two chunks may be in it at once, on two threads.

    One of them computes; the other reads ahead or publishes behind.

    Raises:
        ObjectError: The detector fails its known-answer test.
        OutputLost: OUTPUT is not there.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._anonymizer = Anonymizer(job.config, weights=job.weights)
        self._anonymizer.self_test()
        self._input = open_input(job.config)
        self._output = open_output(job.config, job.output_id)
        self._check_output()
        self._originals = open_originals(job.config)
        manifest_root = open_manifest_root(job.config, job.manifest_uri)
        self._manifest = ManifestStore(manifest_root)
        self._watch = Watch(manifest_root, job.lease)
        self._computing = threading.Lock()
        # Apart from the thread that waits for it: a picture that never ends must not hold that one too.
        self._computer = ThreadPoolExecutor(1)
        self._hangs = False
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Nothing more is to be begun; chunks at work come back with the rest unfinished."""
        self._stopping.set()

    def process(self, chunk: Chunk) -> ChunkResult:
        """Does the chunk and commits its rows: what is in the result is in the manifest."""
        deadline = Deadline(chunk.time_s, self._stopping, self._watch)
        started = time.monotonic()
        with ThreadPoolExecutor(self._job.config.engine.io_threads) as pool:
            reads = self._read_ahead(chunk, deadline, pool)
            made: list[_Made] = []
            with self._computing:
                computing_since = time.monotonic()
                for item, data in reads:
                    item_since = time.monotonic()
                    made.append(_Made(item, self._attempt(item, data, deadline), item_since, data))
                busy_s = time.monotonic() - computing_since
            intent = self._intend(chunk, made)
            outcomes = list(pool.map(lambda one: self._finish(chunk, one, deadline), made))
        rows = [outcome.row for outcome in outcomes if outcome.row is not None]
        # What was written or removed counts only in OUTPUT itself, not in a folder that lies there in its place.
        self._check_output()
        if rows:
            # Rows of a run that was taken over would claim what the new one may have swept already.
            self._watch.alive()
            self._manifest.write_part(self._job.run_id, chunk.chunk_id, chunk.attempt, rows)
        if intent is not None and not any(outcome.uncertain for outcome in outcomes):
            self._manifest.forget_intent(intent)
        log.debug("chunk %s: %d rows in %.1f s", chunk.chunk_id, len(rows), time.monotonic() - started)
        return replace(_result(chunk, outcomes, busy_s), hangs=self._hangs)

    def _check_output(self) -> None:
        """Raises OutputLost where OUTPUT does not bear its mark."""
        if not self._output.has_mark(self._job.output_id):
            raise OutputLost(
                f"{self._job.config.output} does not bear its mark, as this worker sees it: is it mounted?"
            )

    def _intend(self, chunk: Chunk, made: list[_Made]) -> str | None:
        """Writes down the rows of what is about to be published: if this worker dies they can still become true.

        Whoever comes next looks whether an output with the SHA-256 of such a row stands where the row says; nothing
        else in OUTPUT is ours without a row.
        """
        # What is published or removed counts only in OUTPUT itself, not in a folder that lies there in its place.
        self._check_output()
        rows = [
            self._complete(published_row(m.item, m.image, self._output_uri(m.item), None), chunk, m.item, m.since)
            for m in made
            if isinstance(m.image, AnonymizedImage) and self._output_key(m.item, m.image) == m.item.output_key
        ]
        if not rows:
            return None
        self._watch.alive()
        return self._manifest.write_intent(self._job.run_id, chunk.chunk_id, chunk.attempt, rows)

    def _output_uri(self, item: WorkItem) -> str:
        return join_uri(self._job.config.output, item.output_key)

    def _output_key(self, item: WorkItem, image: AnonymizedImage) -> str:
        return replaced(item.own_key, image.source_format, image.format)

    def _read_ahead(
        self, chunk: Chunk, deadline: Deadline, pool: ThreadPoolExecutor
    ) -> Iterator[tuple[WorkItem, Future[bytes]]]:
        """Items with their bytes on the way: as many at once as there are threads, starting now."""
        waiting = iter(chunk.items)
        window: deque[tuple[WorkItem, Future[bytes]]] = deque()

        def start_one() -> None:
            for item in waiting:
                window.append((item, pool.submit(self._read, item, deadline)))
                return

        for _ in range(self._job.config.engine.io_threads):
            start_one()
        return _drain(window, start_one)

    def _read(self, item: WorkItem, deadline: Deadline) -> bytes:
        deadline.alive()
        if item.ref.size > self._job.config.codec.max_bytes:
            raise ImageTooLarge
        return self._input.read(item.ref)

    def _attempt(self, item: WorkItem, data: Future[bytes], deadline: Deadline) -> AnonymizedImage | ObjectError:
        if self._hangs:
            return DeadlinePassed()
        try:
            deadline.alive()
            return self._compute(item, data.result())
        except ObjectError as error:
            return error
        except Exception as error:  # noqa: BLE001 - whatever goes wrong with one image stays with that image
            log.warning("%s: unexpected %s", item.ref.key, type(error).__name__)
            return InternalError()

    def _compute(self, item: WorkItem, data: bytes) -> AnonymizedImage:
        decision = consent.held(item.decision, item.bound)
        image = self._computer.submit(self._anonymizer, data, decision, item.boxes, item.content)
        if wait([image], self._job.config.engine.image_time_s).not_done:
            log.error("%s: it takes longer than engine.image_time_s; this worker has to end", item.ref.key)
            self._hangs = True
            raise ImageTimeout
        return image.result()

    def _finish(self, chunk: Chunk, made: _Made, deadline: Deadline) -> Outcome:
        """Publishes, or settles what an object without a safe image leaves behind.

        Raises:
            OutputLost: There is no place for either, so that no row may be written; nothing else is raised.
        """
        try:
            outcome = self._publish_or_settle(made, deadline)
        except PublishConflict:
            return Outcome(conflict=True)
        except DeadlinePassed:
            return Outcome()
        if outcome.row is None:
            return outcome
        return replace(outcome, row=self._complete(outcome.row, chunk, made.item, made.since))

    def _publish_or_settle(self, made: _Made, deadline: Deadline) -> Outcome:
        item, image = made.item, made.image
        uncertain = isinstance(image, AnonymizedImage)
        if isinstance(image, AnonymizedImage):
            try:
                self._keep_original(made, image, deadline)
                return self._publish(item, image, deadline)
            except (PublishConflict, DeadlinePassed, OutputLost):
                raise
            except ObjectError as error:
                image = error
            except Exception as error:  # noqa: BLE001 - a filesystem's surprise is one object's failure too
                log.warning("%s: unexpected %s while publishing", item.ref.key, type(error).__name__)
                image = InternalError()
        if isinstance(image, DeadlinePassed):
            raise image
        settled = replace(self._settle(item, image, deadline), uncertain=uncertain)
        return replace(settled, row=_as_read(settled.row, made)) if settled.row is not None else settled

    def _keep_original(self, made: _Made, image: AnonymizedImage, deadline: Deadline) -> None:
        """In place: what is about to be replaced goes to the quarantine first, under a name that its content has."""
        if self._originals is None:
            return
        deadline.alive()
        self._originals.create(original_key(made.item.ref.key, image.source_sha256), made.data.result())

    def _publish(self, item: WorkItem, image: AnonymizedImage, deadline: Deadline) -> Outcome:
        output_key = self._output_key(item, image)
        if output_key != item.output_key:
            if self._job.config.in_place:
                raise FormatInPlace
            # The driver fixed the version of another name; it has to look at this one first.
            return Outcome(conflict=True, renamed=output_key)
        if item.moved_from is not None:
            # First what stands under a name that may not be any more: its row goes on naming it until it is gone.
            deadline.alive()
            purge_ours(self._output, item.moved_from, item.moved_version, item.replaces)
        try:
            etag = self._output.publish(
                output_key,
                image.data,
                expected=item.output_version,
                media_type=codec.MEDIA_TYPES[image.format],
                alive=deadline.alive,
            )
        except PublishConflict:
            # Whoever wrote it, it is what we would have written.
            if self._job.config.in_place or not holds(self._output, output_key, image.sha256):
                raise
            etag = self._output.get_with_version(output_key)[1]
        if item.replaces is not None:
            self._output.forget_older(output_key)
        return Outcome(published_row(item, image, self._output_uri(item), etag))

    def _settle(self, item: WorkItem, error: ObjectError, deadline: Deadline) -> Outcome:
        """A row for an object that is not published. An older output stays only if it is still safe."""
        row = failed_row(item, error)
        deadline.alive()
        if self._standing_version(item) != item.output_version:
            raise PublishConflict
        if error.status == "failed" and item.standing is not None:
            return Outcome(with_standing_output(row, item.standing))
        for key, version in () if self._job.config.in_place else _going(item):
            try:
                purge_ours(self._output, key, version, item.replaces)
            except (PublishConflict, DeadlinePassed, OutputLost):
                raise
            except Exception as caught:  # noqa: BLE001 - whatever the reason, the run has to say that it is still there
                name = type(caught).__name__
                log.error("%s: an output that is not safe could not be removed (%s)", item.ref.key, name)
                uri = join_uri(self._job.config.output, key)
                return Outcome(owed_row(row, uri, version, item.replaces), unsafe_left=True)
        return Outcome(row)

    def _standing_version(self, item: WorkItem) -> str | None:
        """What stands in the output's place: so far only the manifest has said so, and nobody has looked."""
        try:
            return self._output.version(item.output_key)
        except ObjectError:
            return item.output_version

    def _complete(self, row: ManifestRow, chunk: Chunk, item: WorkItem, since: float) -> ManifestRow:
        """What every row says of the run."""
        config, decision = self._job.config, item.decision
        detector, detector_sha256, settings_sha256 = self._anonymizer.made_by(item.boxes)
        return replace(
            row,
            attempt=chunk.attempt,
            consent_status=row.consent_status or consent.status_of(decision),
            consent_record_ids=row.consent_record_ids or decision.record_ids,
            consent_sha256=decision.sha256,
            purpose=config.consent.purpose,
            registry_sha256=self._job.registry_sha256,
            detector=detector,
            detector_sha256=detector_sha256,
            method=config.redaction.method,
            settings_sha256=settings_sha256,
            software_version=__version__,
            as_of=self._job.as_of,
            processed_at=datetime.now(UTC),
            duration_ms=(time.monotonic() - since) * 1000,
        )


def _going(item: WorkItem) -> Iterator[tuple[str, str | None]]:
    """(key, version) of what an object leaves behind that is not published."""
    if item.moved_from is not None:
        yield item.moved_from, item.moved_version
    if item.output_version is not None and not item.foreign:
        yield item.output_key, item.output_version


def _as_read(row: ManifestRow, made: _Made) -> ManifestRow:
    """The row of an object without a safe image: what it holds is known all the same, if it could be read."""
    unread = not made.data.done() or made.data.exception() is not None
    if unread or not made.item.decision.seen:
        return row
    return read_as(row, made.item, hashlib.sha256(made.data.result()).hexdigest())


def _drain(
    window: deque[tuple[WorkItem, Future[bytes]]], start_one: Callable[[], None]
) -> Iterator[tuple[WorkItem, Future[bytes]]]:
    while window:
        yield window.popleft()
        start_one()


def _result(chunk: Chunk, outcomes: list[Outcome], busy_s: float) -> ChunkResult:
    pairs = list(zip(chunk.items, outcomes, strict=True))
    rows = [outcome.row for _, outcome in pairs if outcome.row is not None]
    return ChunkResult(
        chunk_id=chunk.chunk_id,
        attempt=chunk.attempt,
        statuses={row.key: row.status for row in rows},
        codes={row.key: row.error_code for row in rows if row.error_code is not None},
        conflicts=tuple(item.ref.key for item, outcome in pairs if outcome.conflict),
        renamed={item.ref.key: outcome.renamed for item, outcome in pairs if outcome.renamed is not None},
        unfinished=tuple(item.ref.key for item, o in pairs if o.row is None and not o.conflict),
        unsafe_left=tuple(item.ref.key for item, outcome in pairs if outcome.unsafe_left),
        face_count=sum(row.face_count or 0 for row in rows),
        redacted_count=sum(row.redacted_count or 0 for row in rows),
        source_bytes=sum(row.source_size or 0 for row in rows),
        output_bytes=sum(row.output_size or 0 for row in rows),
        busy_s=busy_s,
    )
