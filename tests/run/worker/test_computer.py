"""Whatever goes wrong with an image stays with that image."""

from __future__ import annotations

import threading
from concurrent.futures import wait

import pytest

from anonymizer.errors import DetectionFailed
from anonymizer.run.worker import computer as computer_module
from tests.pictures import photo
from tests.run.worker.bench import Wrapped, names


@pytest.mark.parametrize(
    ("raised", "code"), [(DetectionFailed(), "detection_failed"), (ValueError("MARKER"), "internal_error")]
)
def test_one_bad_image_stays_one(bench, monkeypatch, caplog, raised, code):
    inner = bench.worker._computer._anonymizer
    bad = photo(1)

    def call(data, *more):
        if data == bad:
            raise raised
        return inner(data, *more)

    monkeypatch.setattr(bench.worker._computer, "_anonymizer", Wrapped(inner, call))
    result = bench.worker.process(bench.chunk("0.png", "1.png", "2.png"))
    assert result.codes == {"1.png": code}
    assert names(bench.output) == ["0.png", "2.png"]
    assert "MARKER" not in caplog.text
    assert "MARKER" not in repr(bench.rows()["1.png"])


def test_a_picture_that_never_ends_is_failed_and_the_rest_is_left_to_another_worker(bench, tmp_path, monkeypatch):
    began, ends = threading.Event(), threading.Event()

    def until_it_hangs(futures, limit_s):
        assert limit_s == bench.worker._job.config.engine.image_time_s
        while not (done := wait(futures, 0.01)).done and not began.is_set():
            pass
        return done

    monkeypatch.setattr(computer_module, "wait", until_it_hangs)
    original = bench.worker._computer._anonymizer
    hanging = (tmp_path / "in/2.png").read_bytes()

    class Hanging:
        def __call__(self, data, *more):
            if data != hanging:
                return original(data, *more)
            began.set()
            return ends.wait()

    monkeypatch.setattr(bench.worker._computer, "_anonymizer", Hanging())
    result = bench.worker.process(bench.chunk(*(f"{i}.png" for i in range(5))))
    ends.set()
    assert result.hangs
    assert result.codes == {"2.png": "timeout"}
    assert {*result.statuses, *result.unfinished} == {f"{i}.png" for i in range(5)}
    assert {"3.png", "4.png"} <= set(result.unfinished)
    assert set(bench.rows()) == set(result.statuses)
