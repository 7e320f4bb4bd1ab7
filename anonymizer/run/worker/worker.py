"""The worker: the story of a chunk, from its sources to its rows in the manifest.

Sources are read ahead by several threads. Images are computed one after the other. Once the whole chunk is computed,
the rows of what is about to be published are written down as an intent; then the images are published, and the rows
committed as one part of the journal. `infra/docs/commit-protocol.md` says why in this order.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from anonymizer.errors import DeadlinePassed, OutputLost, PublishConflict
from anonymizer.lake.lease import Watch
from anonymizer.lake.manifest import ManifestStore
from anonymizer.lake.roots import open_input, open_manifest_root, open_originals, open_output
from anonymizer.pipeline import Anonymizer
from anonymizer.records import Chunk, ChunkResult
from anonymizer.run.worker.computer import Computed, Computer
from anonymizer.run.worker.deadline import Deadline
from anonymizer.run.worker.job import Job
from anonymizer.run.worker.outcome import Outcome, result_of, rows_of
from anonymizer.run.worker.provenance import Provenance
from anonymizer.run.worker.publisher import Publisher
from anonymizer.run.worker.reader import Read, Reader

log = logging.getLogger(__name__)


class Worker:
    """Does chunks. Two may be in it at once, on two threads: one computes while the other reads or publishes.

    Args:
        job: What every worker is given.

    Raises:
        ObjectError: The detector fails its known-answer test.
        OutputLost: OUTPUT is not there.
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
        self._computing = threading.Lock()
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Nothing more is to be begun; chunks at work come back with the rest unfinished."""
        self._stopping.set()

    def process(self, chunk: Chunk) -> ChunkResult:
        """Does the chunk and commits its rows: what is in the result is in the manifest."""
        began = time.monotonic()
        deadline = Deadline(chunk.time_s, self._stopping, self._watch)
        with ThreadPoolExecutor(self._job.config.engine.io_threads) as pool:
            reads = self._reader.ahead(chunk.items, deadline, pool)
            computed, busy_s = self._compute(reads, deadline)
            intent = self._write_intent(chunk, computed)
            outcomes = list(pool.map(lambda one: self._finish(chunk, one, deadline), computed))
        self._commit(chunk, outcomes, intent)
        log.debug("chunk %s: %d rows in %.1f s", chunk.chunk_id, len(rows_of(outcomes)), time.monotonic() - began)
        return result_of(chunk, outcomes, busy_s=busy_s, hangs=self._computer.hangs)

    def _compute(self, reads: Iterator[Read], deadline: Deadline) -> tuple[list[Computed], float]:
        """Computes the images, while no other chunk of this worker does; and how many seconds it took."""
        with self._computing:
            began = time.monotonic()
            computed = [self._computer.compute(item, data, deadline) for item, data in reads]
            return computed, time.monotonic() - began

    def _write_intent(self, chunk: Chunk, computed: Sequence[Computed]) -> str | None:
        """Writes down the rows of what is about to be published: if this worker dies they can still become true.

        The driver, or the next run, looks whether an output with the SHA-256 of such a row stands where the row says.
        Nothing else in OUTPUT is ours without a row.

        Returns:
            The intent's name; None where nothing is to be published.
        """
        # Before anything is published: it counts only in OUTPUT, not in a folder where its disk is not mounted.
        self._check_output()
        intended = [(one, row) for one in computed if (row := self._publisher.intended_row(one)) is not None]
        if not intended:
            return None
        rows = [self._provenance.complete(row, chunk.attempt, one) for one, row in intended]
        self._watch.check()
        return self._manifest.write_intent(self._job.run_id, chunk.chunk_id, chunk.attempt, rows)

    def _finish(self, chunk: Chunk, computed: Computed, deadline: Deadline) -> Outcome:
        """Publishes one image, or settles what an object without one leaves behind.

        Raises:
            OutputLost: There is no place for either, so that no row may be written; nothing else is raised.
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
        """Writes the rows, as one part of the journal; then the intent has done its duty."""
        # After everything was published: if OUTPUT's disk went meanwhile, nobody knows where it was written to.
        self._check_output()
        rows = rows_of(outcomes)
        if rows:
            # Rows of a run that was taken over would claim what the new one may have swept already.
            self._watch.check()
            self._manifest.write_part(self._job.run_id, chunk.chunk_id, chunk.attempt, rows)
        if intent is not None and not any(outcome.uncertain for outcome in outcomes):
            self._manifest.forget_intent(intent)

    def _check_output(self) -> None:
        """Raises OutputLost where OUTPUT does not bear its mark."""
        if not self._output.has_mark(self._job.output_id):
            raise OutputLost(
                f"{self._job.config.output} does not bear its mark, as this worker sees it: is it mounted?"
            )
