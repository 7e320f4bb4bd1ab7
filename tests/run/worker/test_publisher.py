"""An output is published over the version that the driver saw."""

from __future__ import annotations


def test_an_output_that_changed_is_a_conflict_without_a_row(bench):
    bench.output.put("1.png", b"somebody else's")
    result = bench.worker.process(bench.chunk("0.png", "1.png"))
    assert result.conflicts == ("1.png",)
    assert set(result.statuses) == set(bench.rows()) == {"0.png"}
    assert bench.output.get("1.png") == b"somebody else's"


def test_a_repeated_chunk_finds_what_it_would_write(bench):
    bench.worker.process(bench.chunk("0.png"))
    version = bench.output.version("0.png")
    again = bench.worker.process(bench.chunk("0.png", attempt=3))
    assert again.statuses == {"0.png": "anonymized"}
    assert bench.output.version("0.png") == version == bench.rows()["0.png"].output_etag
    assert bench.worker.process(bench.chunk("0.png", attempt=4, output_version=version)).statuses
    assert bench.rows()["0.png"].attempt == 4
