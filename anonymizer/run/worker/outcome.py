"""How the items of a chunk ended, and what the driver is told of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anonymizer.records import Chunk, ChunkResult, ManifestRow


@dataclass(frozen=True)
class Outcome:
    """How one item ended: a row, or the reason why it has none yet.

    Attributes:
        row: Of the manifest. An item without one is unfinished, unless there was a conflict.
        conflict: Something else stands in the output's place than the driver saw; it has to look again.
        renamed: Key of the output where the source is of another format than its name says; the driver has to look
            what stands there.
        unsafe_left: An output that is not safe any more stands and could not be removed.
        uncertain: Nobody knows whether the output was published: the store did not answer.
    """

    row: ManifestRow | None = None
    conflict: bool = False
    renamed: str | None = None
    unsafe_left: bool = False
    uncertain: bool = False


def rows_of(outcomes: Sequence[Outcome]) -> list[ManifestRow]:
    """The rows of the items that have one."""
    return [outcome.row for outcome in outcomes if outcome.row is not None]


def result_of(chunk: Chunk, outcomes: Sequence[Outcome], *, busy_s: float, hangs: bool) -> ChunkResult:
    """What the driver is told once the rows are committed.

    Args:
        chunk: As it was sent.
        outcomes: One for each of its items, in their order.
        busy_s: Seconds in which images were computed.
        hangs: See `ChunkResult`.
    """
    pairs = list(zip(chunk.items, outcomes, strict=True))
    rows = rows_of(outcomes)
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
        hangs=hangs,
    )
