"""A chunk on a folder: what is published, what comes back, what the rows say."""

from __future__ import annotations

import threading
from dataclasses import replace

from tests.run.worker.bench import AS_OF, names


def test_a_chunk_is_published_and_committed(bench):
    result = bench.worker.process(bench.chunk(*(f"{i}.png" for i in range(10))))
    assert set(result.statuses.values()) == {"anonymized"}
    assert result.face_count == result.redacted_count == 10
    assert names(bench.output) == sorted(result.statuses)
    row = bench.rows()["3.png"]
    assert row.attempt == 1
    assert row.as_of == AS_OF
    assert row.output_etag == bench.output.version("3.png")
    assert row.duration_ms > 0


def test_a_stopped_worker_leaves_the_rest_unfinished(bench):
    bench.worker.stop()
    assert bench.worker.process(bench.chunk("0.png")).unfinished == ("0.png",)


def test_two_chunks_share_a_worker_one_computing_at_a_time(bench):
    results = []
    chunks = [bench.chunk(*(f"{i}.png" for i in half)) for half in (range(5), range(5, 10))]
    chunks[1] = replace(chunks[1], chunk_id="decaf")
    threads = [threading.Thread(target=lambda c=c: results.append(bench.worker.process(c))) for c in chunks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(len(result.statuses) for result in results) == 10
    assert len(bench.rows()) == 10
