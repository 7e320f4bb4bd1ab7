"""What an object without a safe image leaves behind goes, or is told."""

from __future__ import annotations

from anonymizer.errors import AccessDenied
from tests.run.worker.bench import names


def test_a_failure_removes_what_no_row_vouches_for(bench, tmp_path):
    (tmp_path / "in/a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    bench.output.put("a.png", b"stray")
    version = bench.output.version("a.png")
    assert bench.worker.process(bench.chunk("a.png", output_version=version)).codes == {"a.png": "decode_error"}
    assert names(bench.output) == []


def test_what_cannot_be_removed_is_told(bench, tmp_path, monkeypatch):
    (tmp_path / "in/a.png").write_bytes(b"text")
    bench.output.put("a.png", b"stray")

    def denied(key, *, expected):
        raise AccessDenied

    monkeypatch.setattr(bench.worker._output, "remove", denied)
    chunk = bench.chunk("a.png", output_version=bench.output.version("a.png"))
    assert bench.worker.process(chunk).unsafe_left == ("a.png",)
