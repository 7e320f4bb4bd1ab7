"""Processes a chunk from its sources to its rows in the manifest.

Several threads read the sources ahead. Images are computed one after the other. Once the whole chunk is computed, the
worker writes the rows of the images to publish as an intent, publishes the images, and commits the rows as one part of
the journal. `infra/docs/commit-protocol.md` explains this order.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from typing import cast

from anonymizer.errors import DeadlinePassed, OutputLost, PublishConflict
from anonymizer.lake.lease import Watch
from anonymizer.lake.manifest import ManifestStore
from anonymizer.lake.roots import open_input, open_manifest_root, open_originals, open_output
from anonymizer.pipeline import Anonymizer
from anonymizer.records import Chunk, ChunkResult, WorkItem
from anonymizer.run.sources import OpenShard
from anonymizer.run.worker.computer import Computed, Computer, UploadedShard
from anonymizer.run.worker.contents import Contents
from anonymizer.run.worker.deadline import Deadline
from anonymizer.run.worker.job import Job
from anonymizer.run.worker.outcome import Outcome, result_of, rows_of
from anonymizer.run.worker.provenance import Provenance
from anonymizer.run.worker.publisher import Publisher
from anonymizer.run.worker.reader import Read, Reader
from anonymizer.run.worker.shard_computer import ShardComputer

log = logging.getLogger(__name__)


class Worker:
    """Processes chunks, two at once on two threads: one computes while the other reads or publishes.

    Args:
        job: The run's job.

    Raises:
        ObjectError: The detector fails its known-answer test.
        OutputLost: OUTPUT is missing.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        config = job.config
        anonymizer = Anonymizer(config, weights=job.weights)
        anonymizer.self_test()
        source = open_input(config)
        self._output = open_output(config, job.output_id)
        self._check_output()
        manifest_root = open_manifest_root(config, job.manifest_uri)
        self._manifest = ManifestStore(manifest_root)
        self._watch = Watch(manifest_root, job.lease)
        self._reader = Reader(source, at_once=config.engine.io_threads, max_bytes=config.codec.max_bytes)
        self._computer = Computer(anonymizer, config.engine.image_time_s)
        self._publisher = Publisher(config, self._output, open_originals(config))
        self._provenance = Provenance(job, anonymizer)
        contents = Contents(job, manifest_root)
        self._shards = ShardComputer(config, self._output, self._computer, contents, self._provenance)
        self._computing = threading.Lock()
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Makes `process` return without starting further items; these count as unfinished."""
        self._stopping.set()

    def process(self, chunk: Chunk) -> ChunkResult:
        """Processes a chunk and commits its rows; all rows counted in the result are in the manifest."""
        began = time.monotonic()
        deadline = Deadline(chunk.time_s, self._stopping, self._watch)
        with ThreadPoolExecutor(self._job.config.engine.io_threads) as pool, ExitStack() as uploads:
            reads = self._reader.ahead(chunk.items, deadline, pool)
            computed, busy_s = self._compute(chunk, reads, deadline, uploads)
            intent = self._write_intent(chunk, computed)
            outcomes = list(pool.map(lambda one: self._finish(chunk, one, deadline), computed))
        self._commit(chunk, outcomes, intent)
        log.debug("chunk %s: %d rows in %.1f s", chunk.chunk_id, len(rows_of(outcomes)), time.monotonic() - began)
        return result_of(chunk, outcomes, busy_s=busy_s, hangs=self._computer.hangs)

    def _compute(
        self, chunk: Chunk, reads: Iterator[Read], deadline: Deadline, uploads: ExitStack
    ) -> tuple[list[Computed], float]:
        """Computes the objects, one chunk at a time per worker; returns them and the seconds that it took.

        Args:
            chunk: The chunk.
            reads: Its items and their sources.
            deadline: Its deadline.
            uploads: Ends the uploads of shards; those that were not finished are aborted.
        """
        with self._computing:
            began = time.monotonic()
            computed = []
            for item, data in reads:
                one = self._compute_one(item, data, chunk.attempt, deadline)
                if isinstance(one.image, UploadedShard):
                    uploads.enter_context(one.image.upload)
                computed.append(one)
            return computed, time.monotonic() - began

    def _compute_one(
        self, item: WorkItem, data: Future[bytes | OpenShard], attempt: int, deadline: Deadline
    ) -> Computed:
        if data.exception() is None and isinstance(data.result(), OpenShard):
            return self._shards.compute(item, cast("Future[OpenShard]", data), attempt, deadline)
        return self._computer.compute(item, cast("Future[bytes]", data), deadline)

    def _write_intent(self, chunk: Chunk, computed: Sequence[Computed]) -> str | None:
        """Writes the rows of the images to publish as an intent, from which they can be recovered if this worker dies.

        For each row of an intent the driver, or the next run, checks whether OUTPUT has a file with the row's SHA-256
        under the row's key; if so, it commits the row.

        Returns:
            The intent's name; None if nothing is to be published.
        """
        # Before anything is published: without the mark, OUTPUT may be the mount point of a disk that is not mounted.
        self._check_output()
        intended = [(one, row) for one in computed for row in self._publisher.intended_rows(one)]
        if not intended:
            return None
        rows = [row if row.is_inside else self._provenance.complete(row, chunk.attempt, one) for one, row in intended]
        self._watch.check()
        return self._manifest.write_intent(self._job.run_id, chunk.chunk_id, chunk.attempt, rows)

    def _finish(self, chunk: Chunk, computed: Computed, deadline: Deadline) -> Outcome:
        """Publishes one image; without one keeps or removes the object's older output.

        Raises:
            OutputLost: OUTPUT is missing, so no row may be written; nothing else is raised.
        """
        try:
            outcome = self._publisher.finish(computed, deadline)
        except PublishConflict:
            return Outcome(conflict=True)
        except DeadlinePassed:
            return Outcome()
        if outcome.row is None:
            return outcome
        return replace(outcome, row=self._provenance.complete(outcome.row, chunk.attempt, computed))

    def _commit(self, chunk: Chunk, outcomes: Sequence[Outcome], intent: str | None) -> None:
        """Writes the rows as one part of the journal; then deletes the intent."""
        # After everything was published: if OUTPUT's disk went away meanwhile, images may have been written elsewhere.
        self._check_output()
        rows = rows_of(outcomes)
        if rows:
            # If another run has taken over, it may have removed these outputs already: do not write their rows.
            self._watch.check()
            self._manifest.write_part(self._job.run_id, chunk.chunk_id, chunk.attempt, rows)
        if intent is not None and not any(outcome.uncertain for outcome in outcomes):
            self._manifest.forget_intent(intent)

    def _check_output(self) -> None:
        """Raises OutputLost if OUTPUT does not have its mark."""
        if not self._output.has_mark(self._job.output_id):
            raise OutputLost(
                f"this worker does not find the mark file of {self._job.config.output}: is its disk mounted here?"
            )
