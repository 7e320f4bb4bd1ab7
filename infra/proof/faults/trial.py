"""Run a trial: inject faults into a run, restart it until it finishes, and compare its result with the expected one."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anonymizer.lake.manifest import current
from anonymizer.lake.storage import open_root
from infra.proof.faults import processes
from infra.proof.faults.sampler import Sampler

#: Columns that may differ between two equivalent runs.
_OF_THE_RUN = ("run_id", "attempt", "as_of", "processed_at", "duration_ms", "output_etag", "output_uri")
#: Maximum number of starts of a trial.
STARTS = 60
#: Maximum number of seconds of one start.
PATIENCE_S = 900.0

Row = dict[str, Any]


@dataclass(frozen=True)
class Reference:
    """The result of the undisturbed run.

    Attributes:
        outputs: Outputs by key.
        rows: Rows by key, without columns that differ between runs.
        wall_s: Duration of the process.
        exit_status: Exit status of the process.
    """

    outputs: Mapping[str, bytes]
    rows: Mapping[str, Row]
    wall_s: float
    exit_status: int


@dataclass
class Trial:
    """A run from one INPUT to one OUTPUT, with as many starts as it needs.

    Args:
        source: INPUT.
        output: OUTPUT, a folder or a URL.
        arguments: Arguments after INPUT and OUTPUT.
        log: File for the process's output.
        environ: Environment of the process.
        module: See `processes.start`.
        options: fsspec options for the harness's own access to OUTPUT and manifest.

    Attributes:
        hits: Number of injected faults.
        starts: Number of starts.
        wall_s: Total duration of the processes.
        statuses: Exit statuses, in order.
    """

    source: str
    output: str
    arguments: tuple[str, ...]
    log: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    module: str = "anonymizer"
    options: Mapping[str, Any] | None = None
    hits: int = 0
    starts: int = 0
    wall_s: float = 0.0
    statuses: list[int] = field(default_factory=list)

    def once(self, hit: Callable[[subprocess.Popen[bytes]], None] | None = None, module: str | None = None) -> int:
        """Starts the run, injects a fault by `hit`, waits for its end and returns its exit status."""
        since = time.monotonic()
        with self.log.open("ab") as said:
            process = processes.start(
                (self.source, self.output, *self.arguments), said, self.environ, module or self.module
            )
            try:
                if hit is not None:
                    hit(process)
                status = process.wait(PATIENCE_S)
            finally:
                processes.kill(process.pid)
                process.wait()
        self.starts += 1
        self.wall_s += time.monotonic() - since
        self.statuses.append(status)
        return status

    def to_the_end(self, expected: int, hit: Callable[[subprocess.Popen[bytes]], None] | None = None) -> None:
        """Restarts the run until it ends with the expected status.

        Raises:
            TimeoutError: It did not within `STARTS` starts.
        """
        for _ in range(STARTS):
            if self.once(hit) == expected:
                return
        raise TimeoutError(f"{STARTS} starts, and none ended with {expected}")

    def committed(self) -> int:
        """Number of journal parts and compacted parts on the local disk, as a measure of progress."""
        folder = Path(f"{self.output}.manifest")
        return sum(1 for _ in folder.glob("_journal/*/*.parquet")) + sum(1 for _ in folder.glob("run_id=*/*.parquet"))

    def outputs(self) -> dict[str, bytes]:
        """The published outputs by key."""
        root = open_root(self.output, dict(self.options or {}))
        return {entry.key: root.get(entry.key) for entry in root.list(output=True)}

    def rows(self) -> dict[str, Row]:
        """The current rows, by key.

        Raises:
            ValueError: A key has two.
        """
        listed: list[Row] = current(f"{self.output}.manifest", self.options).to_pylist()
        by_key = {row["key"]: row for row in listed}
        if len(by_key) != len(listed):
            raise ValueError("two current rows for one key")
        return {key: self._comparable(row) for key, row in by_key.items()}

    def _comparable(self, row: Row) -> Row:
        kept = {name: value for name, value in row.items() if name not in _OF_THE_RUN}
        return kept | {"published": row["output_uri"] is not None}

    def reference(self) -> Reference:
        """Runs without faults and returns the result."""
        status = self.once()
        return Reference(self.outputs(), self.rows(), self.wall_s, status)


@dataclass(frozen=True)
class Score:
    """A line of the table.

    Attributes:
        outputs_right: Number of outputs identical to those of the undisturbed run.
        rows_right: Number of keys with the same current row as in the undisturbed run.
        redone: Number of files seen to be published more than once.
        wrong: Unexpected files seen at any time, and missing or surplus outputs and rows at the end.
    """

    fault: str
    how: str
    hits: int
    runs: int
    objects: int
    outputs: int
    outputs_right: int
    rows_right: int
    redone: int
    looks: int
    wall_s: float
    undisturbed_s: float
    wrong: tuple[str, ...] = ()
    note: str = ""


def judged(
    fault: str, how: str, trials: list[tuple[Trial, Sampler]], expected: Reference, seconds: float, note: str = ""
) -> Score:
    """Compares the results of trials with the expected one.

    Args:
        fault: Name of the fault.
        how: How it was injected.
        trials: Finished trials with their samplers.
        expected: The expected result of each.
        seconds: Duration of the undisturbed run.
        note: A remark for the table.
    """
    wrong: list[str] = []
    outputs_right = rows_right = redone = 0
    for trial, sampler in trials:
        outputs, rows = trial.outputs(), trial.rows()
        outputs_right += sum(outputs.get(key) == data for key, data in expected.outputs.items())
        rows_right += sum(rows.get(key) == row for key, row in expected.rows.items())
        redone += max(0, sampler.versions - len(outputs))
        wrong += [*sampler.bad, *_differences(outputs, rows, expected)]
    return Score(
        fault=fault,
        how=how,
        hits=sum(trial.hits for trial, _ in trials),
        runs=sum(trial.starts for trial, _ in trials),
        objects=len(trials) * len(expected.rows),
        outputs=len(trials) * len(expected.outputs),
        outputs_right=outputs_right,
        rows_right=rows_right,
        redone=redone,
        looks=sum(sampler.looks for _, sampler in trials),
        wall_s=sum(trial.wall_s for trial, _ in trials),
        undisturbed_s=seconds * len(trials),
        wrong=tuple(wrong),
        note=note,
    )


def _differences(outputs: Mapping[str, bytes], rows: Mapping[str, Row], expected: Reference) -> Iterator[str]:
    """Surplus, missing and differing outputs and rows of a trial."""
    yield from (f"{key}: surplus output" for key in outputs.keys() - expected.outputs.keys())
    yield from (f"{key}: surplus row" for key in rows.keys() - expected.rows.keys())
    yield from (f"{key}: output differs" for key, data in expected.outputs.items() if outputs.get(key) != data)
    yield from (f"{key}: row differs" for key, row in expected.rows.items() if rows.get(key) != row)


def wait_for(what: Callable[[], bool], process: subprocess.Popen[bytes], limit_s: float = 120.0) -> bool:
    """Waits until a condition holds; False if the process ended or the time limit passed before."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError):
            if what():
                return True
        time.sleep(0.02)
    return False
