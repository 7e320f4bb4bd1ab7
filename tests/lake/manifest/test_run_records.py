import pytest

from anonymizer.errors import RunError
from anonymizer.lake.manifest import ManifestStore
from tests.lake.manifest.rows import row
from tests.lake.manifest.stores import MemoryStore


class TestRuns:
    def test_records_come_back_and_are_replaced(self, store):
        found = ManifestStore(store)
        found.write_run("r1", {"arguments": ["ä", None, 1.5], "finished": None})
        found.write_run("r1", {"finished": "2026-01-01T00:00:00+00:00"})
        found.write_run("r0", {})
        assert found.read_run("r1") == {"finished": "2026-01-01T00:00:00+00:00"}
        assert found.runs() == ["r0", "r1"]

    def test_no_such_run(self, store):
        with pytest.raises(RunError, match="no record of run r1"):
            ManifestStore(store).read_run("r1")

    @pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff"])
    def test_damaged_records_are_named(self, data):
        store = MemoryStore()
        store.objects["_runs/r1.json"] = data
        with pytest.raises(RunError, match=r"record _runs/r1\.json is damaged"):
            ManifestStore(store).unfinished("x")

    def test_all_ids_count_for_the_next_one(self, store):
        found = ManifestStore(store)
        found.write_run("r1", {})
        found.write_part("r2", "c", 1, [row("a")])
        found.write_part("r3", "c", 1, [row("a")])
        found.compact("r3", final=True)
        assert found.runs() == ["r1"]
        assert found.journal_run_ids() == ["r2"]
        assert found.run_ids() == ["r1", "r2", "r3"]

    @pytest.mark.parametrize(
        ("records", "expected"),
        [
            ({}, None),
            ({"r1": {"arguments_sha256": "x"}}, "r1"),
            ({"r1": {"arguments_sha256": "x", "finished": None}}, "r1"),
            ({"r1": {"arguments_sha256": "x", "finished": "2026"}}, None),
            ({"r1": {"arguments_sha256": "y"}}, None),
            ({"r1": {}}, None),
            ({"r1": {"arguments_sha256": "x"}, "r2": {"arguments_sha256": "x"}}, "r2"),
            # Rows under r1 would lose against those of r2.
            ({"r1": {"arguments_sha256": "x"}, "r2": {"arguments_sha256": "x", "finished": "2026"}}, None),
            ({"r1": {"arguments_sha256": "x"}, "r2": {"arguments_sha256": "y"}}, None),
        ],
    )
    def test_unfinished(self, store, records, expected):
        found = ManifestStore(store)
        for run_id, record in records.items():
            found.write_run(run_id, record)
        assert found.unfinished("x") == expected

    def test_rows_without_a_record_are_not_taken_up(self, store):
        found = ManifestStore(store)
        found.write_run("r1", {"arguments_sha256": "x"})
        found.write_part("r2", "c", 1, [row("a")])
        assert found.unfinished("x") is None
