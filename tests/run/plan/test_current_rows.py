from anonymizer.run.plan.current_rows import CurrentRows
from tests.run.made import RUN, row, scan_of, table


def test_sources_that_are_gone_are_seen_and_those_of_another_input_are_left_alone():
    gone = [row("a"), row("c", output_uri=None, status="failed"), row("d", source_uri="file:///other/d"), row("f")]
    removed = row("e", output_uri=None, status="removed", error_code="source_gone")
    stored = table(*(("r1", r) for r in (*gone, row("b"), removed, row("g"))))
    current = CurrentRows(scan_of(stored), RUN, "file:///in")
    assert [current.find(key) is not None for key in ("b", "b1", "g")] == [True, False, True]
    current.rest()
    assert [r.key for r in current.rows_gone()] == ["a", "c", "f"]
    assert (current.gone_published, current.published) == (2, 4)
