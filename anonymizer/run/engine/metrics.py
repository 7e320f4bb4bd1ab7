"""Exports Prometheus metrics of a run through Ray; `infra/deploy/monitoring` has a dashboard for them.

Ray adds the prefix `ray_` to each name and the suffix `_total` to each counter. The counters start at 0 with each
driver process, and count what workers have committed.
"""

from __future__ import annotations

from collections import Counter as Tally

from ray.util.metrics import Counter, Gauge

from anonymizer.records import ChunkResult


class RunMetrics:
    """The metrics of a run; created once Ray is connected."""

    def __init__(self) -> None:
        self._images = Counter("anonymizer_images", "Objects with a row of this run.", tag_keys=("status",))
        self._failures = Counter("anonymizer_failures", "Failed and skipped objects.", tag_keys=("code",))
        self._faces = Counter("anonymizer_faces", "Faces found.")
        self._redacted = Counter("anonymizer_faces_redacted", "Faces redacted.")
        self._read = Counter("anonymizer_read_bytes", "Bytes of the sources that were read.")
        self._published = Counter("anonymizer_published_bytes", "Bytes of the outputs that were published.")
        self._busy = Counter("anonymizer_busy_seconds", "Seconds in which workers computed.")
        self._again = Counter("anonymizer_again", "Objects retried: conflicts, deadlines, workers that died.")
        self._workers = Gauge("anonymizer_workers", "Workers that are ready.")

    def committed(self, result: ChunkResult) -> None:
        """Counts a chunk."""
        for status, number in Tally(result.statuses.values()).items():
            self._images.inc(number, {"status": status})
        for code, number in Tally(result.codes.values()).items():
            self._failures.inc(number, {"code": code})
        amounts = (
            (self._faces, result.face_count),
            (self._redacted, result.redacted_count),
            (self._read, result.source_bytes),
            (self._published, result.output_bytes),
            (self._busy, result.busy_s),
            (self._again, len(result.conflicts) + len(result.unfinished)),
        )
        for counter, amount in amounts:
            if amount > 0:
                counter.inc(amount)

    def lost(self, objects: int) -> None:
        """Counts the objects of a worker that died."""
        self._again.inc(objects)

    def ready(self, workers: int) -> None:
        """Sets the number of workers that are ready."""
        self._workers.set(workers)
