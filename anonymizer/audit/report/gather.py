"""Aggregate the manifest's current rows into the report's figures, in one pass."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.audit.report.review_queue import ReviewQueue
from anonymizer.audit.report.tally import Histogram, Timeline

DIMENSIONS = (
    *("run_id", "status", "error_code", "format", "encoding", "detector", "method", "software_version"),
    *("settings_sha256", "consent_status"),
)
"""Low-cardinality columns: rows are counted by every combination of their values."""

PER_IMAGE_EDGES = (0, 1, 2, 3, 4, 5, 10, 20, 50, 100)
HEIGHT_EDGES_PX = (0, 8, 16, 32, 64, 128, 256, 512)
SCORE_EDGES = tuple(step / 20 for step in range(20))
_DURATION_EDGES_MS = tuple(float(edge) for edge in np.geomspace(1, 1e6, 121))

_COLUMNS = (
    *DIMENSIONS[:-1],
    *("output_uri", "source_size", "output_size", "face_count", "redacted_count", "faces"),
    *("metadata_removed", "metadata_kept", "processed_at", "duration_ms"),
)
_CONFIDENTIAL_COLUMNS = (
    *_COLUMNS,
    *("key", "source_uri", "retryable", "consent_status", "output_sha256", "width", "height", "frame_count"),
)
_EXTENSION = r"\.(?P<extension>[A-Za-z0-9]{1,8})$"
_MOST_EXTENSIONS = 200


@dataclass(frozen=True, slots=True)
class Failure:
    """A row with the status `failed`; `standing`: an older, still safe output of the object stays published."""

    key: str
    retryable: bool
    standing: bool


@dataclass
class Figures:
    """The figures of a report.

    Attributes:
        cube: Number of rows by `DIMENSIONS`; `consent_status` is None everywhere on a public page.
        published: Number of rows that name an output.
        with_metadata: Number of published rows whose source had metadata (other rows do not record it).
        timelines: For each run its current rows by time of processing.
        failures: For each error code the first few keys, in order; empty for a public page.
        extensions: For each error code the file extensions of failed objects; empty for a public page.
    """

    cube: Counter[tuple[str | None, ...]] = field(default_factory=Counter)
    published: int = 0
    source_bytes: int = 0
    output_bytes: int = 0
    faces: int = 0
    redacted: int = 0
    per_image: Histogram = field(default_factory=lambda: Histogram(PER_IMAGE_EDGES))
    heights: Histogram = field(default_factory=lambda: Histogram(HEIGHT_EDGES_PX))
    scores: Histogram = field(default_factory=lambda: Histogram(SCORE_EDGES))
    durations: Histogram = field(default_factory=lambda: Histogram(_DURATION_EDGES_MS))
    metadata: Counter[str] = field(default_factory=Counter)
    metadata_kept: Counter[str] = field(default_factory=Counter)
    with_metadata: int = 0
    timelines: dict[str, Timeline] = field(default_factory=lambda: defaultdict(Timeline))
    failures: dict[str, list[Failure]] = field(default_factory=lambda: defaultdict(list))
    extensions: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    @property
    def rows(self) -> int:
        return self.cube.total()

    def by(self, *dimensions: str, **only: str) -> Counter[Any]:
        """Number of rows by one dimension, or by several as tuples.

        Args:
            dimensions: Names from `DIMENSIONS`.
            only: Count only rows with these values.
        """
        places = [DIMENSIONS.index(name) for name in dimensions]
        wanted = {DIMENSIONS.index(name): value for name, value in only.items()}
        found: Counter[Any] = Counter()
        for cell, count in self.cube.items():
            if all(cell[place] == value for place, value in wanted.items()):
                values = tuple(cell[place] for place in places)
                found[values if len(values) > 1 else values[0]] += count
        return found


def columns(*, public: bool) -> tuple[str, ...]:
    """The columns to read; for a public page neither keys nor consent."""
    return _COLUMNS if public else _CONFIDENTIAL_COLUMNS


def gather(tables: Iterable[pa.Table], queue: ReviewQueue | None, failures_per_code: int) -> Figures:
    """Aggregates rows.

    Args:
        tables: Batches with the `columns`; one is in memory at a time.
        queue: Collects the photos to review; None for a public page.
        failures_per_code: Maximum number of keys to keep per error code.
    """
    figures = Figures()
    for table in tables:
        _count(figures, table)
        _faces(figures, table)
        _times(figures, table)
        if queue is not None:
            queue.add(table)
            _failures(figures, table, failures_per_code)
    return figures


def _count(figures: Figures, table: pa.Table) -> None:
    there = [name for name in DIMENSIONS if name in table.column_names]
    grouped = table.select(there).group_by(there, use_threads=False).aggregate([([], "count_all")])
    named = [grouped[name].to_pylist() if name in there else [None] * grouped.num_rows for name in DIMENSIONS]
    for count, *cell in zip(grouped["count_all"].to_pylist(), *named, strict=True):
        figures.cube[tuple(cell)] += count
    published = table.filter(pc.is_valid(table["output_uri"]))
    figures.published += published.num_rows
    figures.source_bytes += _sum(table["source_size"])
    figures.output_bytes += _sum(published["output_size"])
    figures.faces += _sum(published["face_count"])
    figures.redacted += _sum(published["redacted_count"])
    figures.with_metadata += _sum(pc.greater(pc.list_value_length(table["metadata_removed"]), 0))
    for counter, name in ((figures.metadata, "metadata_removed"), (figures.metadata_kept, "metadata_kept")):
        for found in pc.value_counts(pc.list_flatten(table[name])).to_pylist():
            counter[found["values"]] += found["counts"]


def _sum(column: pa.ChunkedArray) -> int:
    return int(pc.sum(column).as_py() or 0)


def _faces(figures: Figures, table: pa.Table) -> None:
    published = table.filter(pc.is_valid(table["output_uri"]))
    figures.per_image.add(published["face_count"].drop_null().to_numpy())
    faces = pc.list_flatten(published["faces"])
    if len(faces):
        figures.heights.add(pc.struct_field(faces, "h").drop_null().to_numpy())
        # Scores are float32, in which 0.05 is slightly less than the float64 edge 0.05 of its bin.
        figures.scores.add(pc.struct_field(faces, "score").drop_null().to_numpy().astype(np.float64) + 1e-7)


def _times(figures: Figures, table: pa.Table) -> None:
    figures.durations.add(table["duration_ms"].drop_null().to_numpy())
    done = table.filter(pc.is_valid(table["processed_at"]))
    for run_id in pc.unique(done["run_id"]).to_pylist():
        times = done.filter(pc.equal(done["run_id"], run_id))["processed_at"]
        figures.timelines[run_id].add(times.cast(pa.int64()).to_numpy() // 1_000_000)


def _failures(figures: Figures, table: pa.Table, per_code: int) -> None:
    failed = table.filter(pc.equal(table["status"], "failed"))
    for code in pc.unique(failed["error_code"]).drop_null().to_pylist():
        of_code = failed.filter(pc.equal(failed["error_code"], code))
        _extensions(figures.extensions[code], of_code["key"])
        known = figures.failures[code]
        for row in of_code.select(["key", "retryable", "output_uri"]).slice(0, per_code - len(known)).to_pylist():
            known.append(Failure(row["key"], bool(row["retryable"]), row["output_uri"] is not None))


def _extensions(counter: Counter[str], keys: pa.ChunkedArray) -> None:
    found = pc.struct_field(pc.extract_regex(keys, _EXTENSION), "extension")
    for ending in pc.value_counts(pc.utf8_lower(pc.fill_null(found, ""))).to_pylist():
        name = f".{ending['values']}" if ending["values"] else ""
        # Bounded: with arbitrary file names there may be as many extensions as files.
        if name in counter or len(counter) < _MOST_EXTENSIONS:
            counter[name] += ending["counts"]
