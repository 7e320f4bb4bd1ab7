"""Everything that the page says of the current rows, counted in one pass over the manifest."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.audit.report.doubt import ReviewQueue
from anonymizer.audit.report.tally import Histogram, Timeline

DIMENSIONS = (
    *("run_id", "status", "error_code", "format", "encoding", "detector", "method", "software_version"),
    *("settings_sha256", "consent_status"),
)
"""Columns with few values: rows are counted by all of them at once."""

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
    """A row that stands as failed; `standing`: an older output of it, still safe, stays published."""

    key: str
    retryable: bool
    standing: bool


@dataclass
class Figures:
    """What was counted.

    Attributes:
        cube: Rows by `DIMENSIONS`; `consent_status` is None throughout where it was not asked for.
        published: Rows that name an output.
        with_metadata: Rows whose source carried any; those of objects that were not published do not say.
        timelines: Of each run the rows of it that still count, by the time at which they were done.
        failures: Of each error code the first few keys, in order; none for a public page.
        extensions: Of each error code the endings of the names of the files that failed; none for a public page.
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
        """Rows by one dimension, or by several as tuples.

        Args:
            dimensions: Of `DIMENSIONS`.
            only: Rows that have these values.
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
    """What is read of each row: for a public page no key, no consent."""
    return _COLUMNS if public else _CONFIDENTIAL_COLUMNS


def gather(tables: Iterable[pa.Table], queue: ReviewQueue | None, failures_per_code: int) -> Figures:
    """Counts rows.

    Args:
        tables: With the `columns`; one is in memory at a time.
        queue: Takes the photos to look at; None for a public page.
        failures_per_code: Keys that are remembered of each error code.
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
        # Scores are float32: 0.05 has to fall where it is drawn.
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
        # Names are anybody's: as many different endings as files may be among them.
        if name in counter or len(counter) < _MOST_EXTENSIONS:
            counter[name] += ending["counts"]
