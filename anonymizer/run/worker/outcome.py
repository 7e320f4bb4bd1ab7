"""Defines the outcome of each item of a chunk, and summarizes them as the result for the driver."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from anonymizer.records import Chunk, ChunkResult, ManifestRow


@dataclass(frozen=True)
class Outcome:
    """Outcome of one item: a row, or the reason why it has none yet.

    Attributes:
        row: Manifest row. An item without a row and without a conflict is unfinished.
        inside: Rows of the pictures in a shard.
        conflict: The output is not the version that the driver saw; the driver has to look it up again.
        renamed: Output key, if the source has another format than its name says; the driver has to look up the version
            under this key.
        unsafe_left: An output that is no longer safe could not be removed.
        uncertain: It is not known whether the image was published, because the store did not answer.
    """

    row: ManifestRow | None = None
    inside: tuple[ManifestRow, ...] = ()
    conflict: bool = False
    renamed: str | None = None
    unsafe_left: bool = False
    uncertain: bool = False


def rows_of(outcomes: Sequence[Outcome]) -> list[ManifestRow]:
    """Returns the rows of the items that have one, and of the pictures in shards."""
    return [row for outcome in outcomes if outcome.row is not None for row in (outcome.row, *outcome.inside)]


def result_of(chunk: Chunk, outcomes: Sequence[Outcome], *, busy_s: float, hangs: bool) -> ChunkResult:
    """Makes the result for the driver, once the rows are committed.

    Args:
        chunk: The chunk, as it was sent.
        outcomes: One for each of its items, in their order.
        busy_s: Seconds of computation.
        hangs: See `ChunkResult`.
    """
    pairs = list(zip(chunk.items, outcomes, strict=True))
    rows = rows_of(outcomes)
    return ChunkResult(
        chunk_id=chunk.chunk_id,
        attempt=chunk.attempt,
        statuses={row.key: row.status for row in rows if not row.is_shard or row.status == "failed"},
        codes={row.key: row.error_code for row in rows if row.error_code is not None},
        conflicts=tuple(item.ref.key for item, outcome in pairs if outcome.conflict),
        renamed={item.ref.key: outcome.renamed for item, outcome in pairs if outcome.renamed is not None},
        unfinished=tuple(item.ref.key for item, o in pairs if o.row is None and not o.conflict),
        unsafe_left=tuple(item.ref.key for item, outcome in pairs if outcome.unsafe_left),
        face_count=sum(row.face_count or 0 for row in rows),
        redacted_count=sum(row.redacted_count or 0 for row in rows),
        source_bytes=sum(row.source_size or 0 for row in rows if not row.is_inside),
        output_bytes=sum(row.output_size or 0 for row in rows if not row.is_inside),
        busy_s=busy_s,
        hangs=hangs,
        shard_count=sum(row.is_shard and row.status != "failed" for row in rows),
        inside_count=sum(row.is_inside for row in rows),
        left_out=sum((_counts(row.left_out) for row in rows), Counter()),
    )


def _counts(left_out: Sequence[str]) -> Counter[str]:
    """Parses the column `left_out`."""
    parts = (entry.rpartition(": ") for entry in left_out)
    return Counter({name: int(number) for name, _, number in parts})
