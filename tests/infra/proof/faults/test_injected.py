"""What is wrong inside a run on purpose is put where the run looks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from anonymizer import cli
from anonymizer.run import context
from anonymizer.run.driver import dispatch
from anonymizer.run.worker import Worker
from infra.proof.faults import injected


def test_the_driver_runs_with_faulty_workers_and_a_wrong_clock(monkeypatch):
    seen: dict[str, Any] = {}

    def main(argv, environ):
        seen.update(argv=argv, worker=vars(dispatch)["Worker"], off=context.now() - datetime.now(UTC))
        return 7

    monkeypatch.setattr(cli, "main", main)
    monkeypatch.setenv("FAULT_CLOCK_S", str(-2 * 86_400))
    assert injected.main(["run"]) == 7
    assert seen["argv"] == ["run"]
    assert seen["worker"] is injected.FaultyWorker
    assert abs(seen["off"] + timedelta(days=2)) < timedelta(hours=1)
    assert vars(dispatch)["Worker"] is Worker
