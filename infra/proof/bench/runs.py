"""Time a whole `anonymizer run`, and the minimal loop to which it is compared."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path

import cv2
import numpy as np

from anonymizer import Anonymizer
from anonymizer.lake import manifest
from anonymizer.pipeline import detect
from anonymizer.records import Frame

WARM_UP = 4
"""Photos that each process of the minimal loop handles before timing starts."""
EDGE = 0.1
"""Share of a run's rows at its start and at its end that are left out of the steady-state rate."""
_PROGRAM = "import sys; from anonymizer.cli import entry_point; entry_point()"

_anonymizer: Anonymizer
"""One per process of the pool."""


@dataclass(frozen=True)
class Run:
    """The timing of a run.

    Attributes:
        count: Number of objects.
        whole_s: Duration of the command, including Ray's start.
        images_per_s: Steady-state rate; see `EDGE`.
    """

    count: int
    whole_s: float
    images_per_s: float

    def projected_per_s(self, count: int) -> float:
        """Images per second of a whole run over `count` objects, assuming the same start-up and shutdown time."""
        beyond_s = self.whole_s - self.count / self.images_per_s
        return count / (beyond_s + count / self.images_per_s)


def timed(
    source: str,
    output: str,
    options: Sequence[str],
    *,
    environ: Mapping[str, str] | None = None,
    storage: Mapping[str, object] | None = None,
) -> Run:
    """Runs the job into an empty OUTPUT.

    Args:
        source: INPUT.
        output: OUTPUT; the manifest lies beside it.
        options: Further arguments.
        environ: Environment of the process; this one's by default.
        storage: fsspec options with which this process can read the manifest.

    Raises:
        CalledProcessError: A photo could not be made safe, or the run failed.
    """
    command = [sys.executable, "-c", _PROGRAM, "run", source, output, "--address", "local", *options]
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=environ)
    whole_s = time.perf_counter() - began
    column = manifest.current(f"{output}.manifest", storage).column("processed_at")
    times = sorted(moment.timestamp() for moment in column.to_pylist())
    return Run(len(times), whole_s, steady_rate(times))


def steady_rate(times: Sequence[float]) -> float:
    """Rows per second between the first and the last tenth.

    Args:
        times: Of each row, in seconds, ascending.

    Raises:
        ValueError: There are too few rows, or they all came at once.
    """
    first, last = int(len(times) * EDGE), int(len(times) * (1 - EDGE)) - 1
    if last <= first or times[last] <= times[first]:
        raise ValueError("too few photos for a rate")
    return (last - first) / (times[last] - times[first])


def bare_rate(paths: Sequence[Path], processes: int, settings: Mapping[str, object]) -> float:
    """Images per second of a warm process pool that only decodes, detects with the same settings and encodes."""
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(processes + 1)
    with context.Pool(processes, initializer=_make_ready, initargs=(dict(settings), str(paths[0]), ready)) as pool:
        ready.wait()
        began = time.perf_counter()
        for _ in pool.imap_unordered(_decode_detect_encode, map(str, paths)):
            pass
        return len(paths) / (time.perf_counter() - began)


def _make_ready(settings: dict[str, object], path: str, ready: Barrier) -> None:
    global _anonymizer
    cv2.setNumThreads(1)
    _anonymizer = Anonymizer(settings)
    for _ in range(WARM_UP):
        _decode_detect_encode(path)
    ready.wait()


def _decode_detect_encode(path: str) -> int:
    pixels = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR_RGB)
    if pixels is None or _anonymizer.detector is None:
        raise ValueError(path)
    detect(_anonymizer.detector, (Frame(np.asarray(pixels, np.uint8)),))
    encoded, data = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    return len(data) if encoded else 0
