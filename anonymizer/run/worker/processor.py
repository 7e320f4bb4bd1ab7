"""What the engine knows of the work: anything that does a chunk and can be stopped."""

from __future__ import annotations

from typing import Protocol

from anonymizer.records import Chunk, ChunkResult


class ChunkProcessor(Protocol):
    """What the engine places in a worker process: `Worker` in a run, a checker or a second detector in `verify`."""

    def process(self, chunk: Chunk) -> ChunkResult:
        """Does the chunk and commits its rows."""

    def stop(self) -> None:
        """Nothing more is to be begun; `process` returns with the rest unfinished."""
