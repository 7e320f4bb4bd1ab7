"""Past its deadline a worker neither reads nor publishes."""

from __future__ import annotations

import time
from types import SimpleNamespace

from anonymizer.run.worker import deadline as deadline_module
from tests.run.worker.bench import LONG_S, Wrapped, names


def test_past_its_deadline_a_worker_does_nothing(bench):
    result = bench.worker.process(bench.chunk("0.png", "1.png", time_s=0.0))
    assert result.unfinished == ("0.png", "1.png")
    assert result.statuses == {}
    assert names(bench.output) == []
    assert bench.rows() == {}


def test_a_deadline_during_computing_lets_nothing_out(bench, monkeypatch):
    inner = bench.worker._computer._anonymizer
    clock = SimpleNamespace(monotonic=time.monotonic)
    monkeypatch.setattr(deadline_module, "time", clock)

    def slow(*arguments):
        image = inner(*arguments)
        clock.monotonic = lambda: time.monotonic() + LONG_S
        return image

    monkeypatch.setattr(bench.worker._computer, "_anonymizer", Wrapped(inner, slow))
    result = bench.worker.process(bench.chunk("0.png", "1.png", time_s=LONG_S))
    assert result.unfinished == ("0.png", "1.png")
    assert names(bench.output) == []
