"""Measure an incremental run without changes: time, requests and memory, compared with a plain listing.

    python -m infra.proof.bench.night FOLDER ENDPOINT FIRST|SECOND|LISTING|PAGES RESULT.json

ENDPOINT is the store with synthetic keys, or `-` for the files below FOLDER/in. FIRST is a run whose workers publish
nothing but report success; its rows are real, in FOLDER/out.manifest. SECOND is the unmodified driver, which starts Ray
only if there is work. LISTING is this software's listing alone, PAGES a listing page by page. Each runs in a process of
its own.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from anonymizer.config import RunConfig, from_mapping
from anonymizer.lake.roots import open_input
from anonymizer.lake.storage import join_uri, open_root
from anonymizer.run import driver
from anonymizer.run.driver import dispatch
from anonymizer.run.rows import blank_row
from anonymizer.run.worker import Deadline, Job, Outcome, Worker
from anonymizer.run.worker.computer import Computed
from anonymizer.run.worker.publisher import Publisher
from infra.proof.bench import memory
from infra.proof.bench.empty import EmptyWorker, Marks
from infra.proof.bench.figures import Figure, at_most

WORKERS = 2


class SayingPublisher(Publisher):
    """Publishes nothing but writes rows as if it had."""

    def finish(self, computed: Computed, deadline: Deadline) -> Outcome:
        deadline.check()
        item = computed.item
        output = join_uri(self._config.output, item.output_key)
        row = replace(
            blank_row(item), status="no_face", output_uri=output, output_etag="0", output_size=1, face_count=0
        )
        return Outcome(replace(row, redacted_count=0, consent_status="unknown"))


class SayingWorker(EmptyWorker):
    """Neither reads nor publishes, but writes rows as if it had."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._publisher = SayingPublisher(job.config, self._output, None)


def main(folder: Path, endpoint: str, what: str) -> dict[str, float]:
    """Runs one of the modes and returns its time, memory and number of requests."""
    local = endpoint == "-"
    config = from_mapping(
        RunConfig,
        {
            "input": str(folder / "in") if local else "s3://bucket/made-up",
            "output": str(folder / "out"),
            "detector": {"name": "patch"},
            "storage": {"input": {} if local else {"endpoint_url": endpoint}},
            "engine": {"workers": WORKERS, "address": "local"},
        },
    )
    asked = 0 if local else _requests(endpoint)
    began = time.monotonic()
    if what == "LISTING":
        with open_input(config) as source:
            listed = sum(1 for _ in source.list())
    elif what == "PAGES":
        with open_root(config.input, config.storage.input) as source:
            listed = sum(1 for _ in source.list())
    else:
        with patch.object(dispatch, "Worker", SayingWorker if what == "FIRST" else Worker):
            summary = driver.run(config, Marks())
        listed = summary.listed
        if what == "SECOND" and summary.written:
            raise AssertionError(f"{summary.written} objects were done again")
    return {
        "listed": listed,
        "seconds": time.monotonic() - began,
        "requests": 0 if local else _requests(endpoint) - asked,
        "peak_mib": memory.own_peak_mib(),
        "ray": float("ray" in sys.modules and sys.modules["ray"].is_initialized()),
    }


def _requests(endpoint: str) -> int:
    with urllib.request.urlopen(f"{endpoint}/-/requests") as answer:  # noqa: S310 - our own store
        return sum(json.load(answer).values())


def figures(place: str, results: Mapping[str, list[dict[str, float]]]) -> list[Figure]:
    """The figures from results of `main`, by mode, with one result per round."""

    def each(what: str, name: str) -> tuple[float, ...]:
        return tuple(result[name] for result in results[what])

    def ratio(bare: str, name: str) -> tuple[float, ...]:
        return tuple(a / b for a, b in zip(each("SECOND", name), each(bare, name), strict=True))

    count = f"{int(results['SECOND'][0]['listed']):,}"
    found = [
        Figure("g", f"a night with nothing new, {count} objects on {place}", each("SECOND", "seconds"), "s"),
        Figure("g", f"its largest memory, {place}", each("SECOND", "peak_mib"), "MiB"),
    ]
    if place != "S3":
        return [*found, Figure("g", f"against a bare listing, {place}", ratio("LISTING", "seconds"), "")]
    return [
        *found,
        Figure("g", "against a bare listing page by page, S3", ratio("PAGES", "seconds"), "", at_most(1.2)),
        Figure("g", "against our own listing alone, S3", ratio("LISTING", "seconds"), ""),
        Figure("g", "requests against a bare listing page by page, S3", ratio("PAGES", "requests"), "", at_most(1.2)),
    ]


if __name__ == "__main__":
    memory.as_installed()
    Path(sys.argv[4]).write_text(json.dumps(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])))
