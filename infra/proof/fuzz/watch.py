"""Share a child's progress and current input with its parent, in case it crashes or hangs."""

from __future__ import annotations

import mmap
import os
import struct
import time
from pathlib import Path
from types import TracebackType

from infra.proof.fuzz.explore import Tally
from infra.proof.fuzz.mutate import MAX_BYTES
from infra.proof.fuzz.targets import Sample

_STATE = struct.Struct("<QQQQddd4I")
"""Executions, accepted, refused, no memory, slowest, begin of this one (two clocks); bytes, width, height, frames."""


class Board:
    """A file of fixed size that both processes map.

    Args:
        path: Where it is; made if it is not there.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(_STATE.size + MAX_BYTES))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)

    def __enter__(self) -> Board:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._map.close()

    def note(self, tally: Tally, sample: Sample) -> None:
        """Says what comes next."""
        data = sample.data[:MAX_BYTES]
        self._map[_STATE.size : _STATE.size + len(data)] = data
        numbers = (tally.executions, tally.accepted, tally.refused, tally.out_of_memory)
        size = (len(data), sample.width, sample.height, sample.frame_count)
        _STATE.pack_into(self._map, 0, *numbers, tally.slowest_s, time.monotonic(), time.process_time(), *size)

    def running_s(self, child: int) -> tuple[float, float]:
        """How long the present input takes by the clock, and how much of a processor; 0 before the first.

        Args:
            child: Number of the process.
        """
        began, processor_began = _STATE.unpack_from(self._map)[5:7]
        if not began:
            return 0.0, 0.0
        # Fields 14 and 15 of proc(5); the name, field 2, may hold anything but stands in brackets.
        ticks = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[11:13]
        processor = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
        return time.monotonic() - began, processor - processor_began

    def tally(self) -> Tally:
        """How far the child was when it took the present input, which counts as executed."""
        executions, accepted, refused, out_of_memory, slowest, *_ = _STATE.unpack_from(self._map)
        return Tally(executions + 1, accepted, refused, out_of_memory, slowest)

    def sample(self) -> Sample:
        """The present input."""
        size, width, height, frame_count = _STATE.unpack_from(self._map)[7:]
        return Sample(self._map[_STATE.size : _STATE.size + size], width, height, frame_count)
