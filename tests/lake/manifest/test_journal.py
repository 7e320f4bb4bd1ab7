import pytest

from anonymizer.errors import RunError
from anonymizer.lake.manifest import ManifestStore, from_table
from tests.lake.manifest.reads import committed_keys, current_rows, names_of
from tests.lake.manifest.rows import FULL, MINIMAL, row
from tests.lake.manifest.stores import MemoryStore


class TestJournal:
    def test_rows_are_there_at_once(self, store):
        found = ManifestStore(store)
        found.write_part("r1", "c1", 1, [FULL, MINIMAL])
        table = found.current()
        assert from_table(table) == [MINIMAL, FULL]
        assert table["run_id"].to_pylist() == ["r1", "r1"]
        assert committed_keys(found, "r1") == {(FULL.key, FULL.attempt), (MINIMAL.key, 1)}
        assert list(found.committed("r2")) == []

    def test_a_repeated_write_is_the_same_part(self, store):
        found = ManifestStore(store)
        assert found.write_part("r1", "c1", 1, [FULL]) == found.write_part("r1", "c1", 1, [FULL])
        assert len(names_of(store)) == 1

    def test_two_workers_under_one_attempt_lose_nothing(self, store):
        found = ManifestStore(store)
        found.write_part("r1", "c1", 1, [])
        found.write_part("r1", "c1", 1, [row("a")])
        found.write_part("r1", "c1", 1, [row("b")])
        assert current_rows(found) == [("a", "r1", 1), ("b", "r1", 1)]

    def test_a_part_is_never_overwritten(self):
        store = MemoryStore()
        found = ManifestStore(store)
        name = found.write_part("r1", "c1", 1, [FULL])
        store.objects[name] = b"something else"
        with pytest.raises(RunError, match="other content"):
            found.write_part("r1", "c1", 1, [FULL])
        assert store.objects[name] == b"something else"

    def test_prefixes_of_run_ids_are_other_runs(self, store):
        found = ManifestStore(store)
        found.write_part("r1", "c", 1, [row("a")])
        found.write_part("r11", "c", 1, [row("b")])
        for final in (False, True):
            assert committed_keys(found, "r1") == {("a", 1)}
            found.compact("r11", final=final)
            found.compact("r1", final=final)
