"""Measure the time to the first chunk of a long listing and the driver's memory.

    python -m infra.proof.bench.listing ENDPOINT RESULT.json

Runs the real driver with a real Ray connection on a bucket's listing; instead of workers, a stub reports every chunk as
done. Runs in a process of its own, so that the measured memory is the driver's.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from anonymizer.config import RunConfig, from_mapping
from anonymizer.records import ChunkResult
from anonymizer.run import driver, engine
from anonymizer.run.chunks import Task, as_chunk
from anonymizer.run.plan.planner import Planner
from infra.proof.bench import memory
from infra.proof.bench.figures import Figure, at_most


class _Clock:
    """Times of the start of the listing, the first chunk and the last chunk."""

    began = first = last = 0.0


class _Taker:
    """Replaces `engine.Engine`: reports every chunk as done."""

    def __init__(self, config: Any, make: Any, job: Any, epoch: int = 0) -> None:
        del config, make, job, epoch

    def run(self, fresh: Iterator[Task], sink: engine.Sink) -> None:
        for task in fresh:
            chunk = as_chunk(task, epoch=0, chunk_time_s=1.0, image_time_s=1.0)
            statuses: dict[str, Any] = dict.fromkeys((item.ref.key for item in chunk.items), "skipped")
            result = ChunkResult(chunk.chunk_id, 1, statuses, {}, (), {}, (), (), 0, 0, 0, 0, 0.0)
            _Clock.last = time.monotonic()
            list(sink.committed(task, result))


class _Silent:
    """A progress sink that shows nothing."""

    def start(self, run_id: str, unchanged: int) -> None:
        """Nothing is shown."""

    def advance(self, images: int, faces: int, failures: int, listed: int) -> None:
        """Nothing is shown."""

    def close(self) -> None:
        """Nothing is held."""


def main(endpoint: str) -> dict[str, float]:
    """Lists the made-up keys of the store at `endpoint`."""
    source = {"endpoint_url": endpoint}
    with tempfile.TemporaryDirectory() as temporary:
        values = {
            "input": "s3://bucket/made-up",
            "output": str(Path(temporary) / "out"),
            "storage": {"input": source},
            "engine": {"workers": 1, "address": "local"},
        }
        _patch_driver()
        summary = driver.run(from_mapping(RunConfig, values), _Silent())
    return {
        "keys": summary.listed,
        "first_s": _Clock.first - _Clock.began,
        "listing_s": _Clock.last - _Clock.began,
        "peak_mib": memory.own_peak_mib(),
        "mib": memory.own_mib(),
    }


def _patch_driver() -> None:
    tasks = Planner.tasks

    def timed(planner: Planner, *arguments: Any) -> Iterator[Task]:
        _Clock.began = time.monotonic()
        for task in tasks(planner, *arguments):
            _Clock.first = _Clock.first or time.monotonic()
            yield task

    Planner.tasks = timed  # type: ignore[method-assign,assignment]  # the clock
    engine.Engine = _Taker  # type: ignore[misc,assignment]  # no workers


def figures(results: list[dict[str, float]]) -> list[Figure]:
    """The figures from results of `main`."""

    def each(name: str) -> tuple[float, ...]:
        return tuple(result[name] for result in results)

    rate = tuple(result["keys"] / result["listing_s"] for result in results)
    keys = int(results[0]["keys"])
    return [
        Figure("f", f"first chunk of {keys:,} keys", each("first_s"), "s", at_most(2)),
        Figure("f", f"driver's largest memory over {keys:,} keys", each("peak_mib"), "MiB", at_most(250)),
        Figure("f", "keys listed, planned and counted", rate, "1/s"),
    ]


if __name__ == "__main__":
    memory.as_installed()
    Path(sys.argv[2]).write_text(json.dumps(main(sys.argv[1])))
