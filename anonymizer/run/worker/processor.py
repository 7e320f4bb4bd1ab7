"""Defines the interface between the engine and the code that processes chunks."""

from __future__ import annotations

from typing import Protocol

from anonymizer.records import Chunk, ChunkResult


class ChunkProcessor(Protocol):
    """Processes chunks in a worker process: `Worker` in a run, a checker or a second detector in `verify`."""

    def process(self, chunk: Chunk) -> ChunkResult:
        """Processes a chunk and commits its rows."""

    def stop(self) -> None:
        """Makes `process` return without starting further items; these count as unfinished."""
