"""Sources are read as they were listed, or not at all."""

from __future__ import annotations

import pytest

from tests.pictures import photo
from tests.run.worker.bench import Bench


def test_a_source_that_changed_or_vanished_is_a_row(bench, tmp_path):
    chunk = bench.chunk("0.png", "1.png", "2.png")
    (tmp_path / "in/0.png").write_bytes(photo(77))
    (tmp_path / "in/1.png").unlink()
    result = bench.worker.process(chunk)
    assert result.codes == {"0.png": "source_changed", "1.png": "source_gone"}
    assert [bench.rows()[key].retryable for key in ("0.png", "1.png", "2.png")] == [True, True, None]


def test_a_file_above_the_limit_is_not_even_read(tmp_path, monkeypatch):
    bench = Bench(tmp_path, codec={"max_bytes": 10})
    (tmp_path / "in/a.png").write_bytes(photo(1))
    monkeypatch.setattr(bench.worker._reader._source, "read", lambda ref: pytest.fail("it was read"))
    assert bench.worker.process(bench.chunk("a.png")).codes == {"a.png": "too_large"}
