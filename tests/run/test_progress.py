import io
import logging

import pytest

from anonymizer.run import progress
from anonymizer.run.progress import LogProgress, TerminalProgress, closing_table
from anonymizer.run.summary import Summary


def test_a_terminal_sees_a_bar_with_faces_and_failures():
    stream = io.StringIO()
    shown = TerminalProgress(stream)
    shown.close()
    shown.start("r1", unchanged=5)
    shown.advance(images=3, faces=7, failures=1, listed=20)
    shown.close()
    said = stream.getvalue()
    assert "r1" in said
    assert "8/20" in said
    assert "faces=7" in said
    assert "failed=1" in said


def test_elsewhere_a_line_now_and_then(monkeypatch, caplog):
    monkeypatch.setattr(progress, "LOG_EVERY_S", 0.0)
    with caplog.at_level(logging.INFO, logger="anonymizer"):
        shown = LogProgress()
        shown.start("r1", unchanged=2)
        shown.advance(images=4, faces=9, failures=0, listed=30)
        shown.close()
    assert "run r1 started; 2 objects unchanged" in caplog.text
    assert "4 of 30 objects listed so far processed" in caplog.text
    assert "9 faces, 0 failed" in caplog.text


@pytest.mark.parametrize(
    ("summary", "said"),
    [
        (Summary(), "(dry run)"),
        (Summary(run_id="r1", listed_bytes=999), "999 B"),
        (Summary(run_id="r1", listed_bytes=51_200_000), "51.2 MB"),
        (Summary(run_id="r1", listed_bytes=10**16), "10000.0 TB"),
        (Summary(run_id="r1", unchanged=4), "unchanged    4"),
        (Summary(run_id="r1", unsafe_left=["a.jpg"]), "NOT SAFE: a.jpg could not be removed"),
        (Summary(run_id="r1", stopped_early=True), "stopped early"),
        (Summary(run_id="r1", removed_unsafe=2), "taken down"),
        (Summary(run_id="r1", registry_unmatched=(4, 9)), "registry: 2 rows match no listed object: rows 4, 9"),
        (Summary(run_id="r1", objections_unmatched=(9,)), "registry: 1 of these rows are OBJECTIONS: rows 9"),
        (Summary(run_id="r1", registry_problems=("row 1: status: odd",)), "registry: row 1: status: odd"),
    ],
)
def test_the_closing_table(summary, said):
    assert said in closing_table(summary)
