import pytest

from anonymizer.errors import RunError
from anonymizer.lake import manifest
from anonymizer.lake.manifest import SCHEMA, ManifestStore, from_table
from anonymizer.lake.manifest.schema import CURRENT_SCHEMA
from anonymizer.lake.storage import open_root
from tests.lake.manifest.reads import current_rows, names_of
from tests.lake.manifest.rows import FULL, row
from tests.lake.manifest.stores import BusyStore, MemoryStore


class TestEmpty:
    def test_nothing_is_there(self, store):
        found = ManifestStore(store)
        assert found.current().schema.equals(CURRENT_SCHEMA)
        assert found.current().num_rows == 0
        assert list(found.committed("r1")) == []
        assert found.runs() == found.run_ids() == found.journal_run_ids() == []
        assert found.unfinished("x") is None
        assert found.compact("r1", final=True) == 0
        assert names_of(store) == []

    def test_a_chunk_without_rows_is_committed_too(self, store):
        found = ManifestStore(store)
        found.write_part("r1", "c", 1, [])
        assert found.current().num_rows == 0
        assert found.compact("r1", final=True) == 1
        assert found.current().num_rows == 0


class TestCurrent:
    def test_later_runs_and_attempts_win_wherever_they_stand(self, store):
        found = ManifestStore(store)
        found.write_part("r2", "c1", 1, [row("a", 1), row("b", 0)])
        found.write_part("r1", "c1", 1, [row("a", 7), row("c", 1)])
        found.write_part("r2", "c2", 2, [row("a", 2)])
        expected = [("a", "r2", 2), ("b", "r2", 0), ("c", "r1", 1)]
        assert current_rows(found) == expected
        for run in ("r1", "r2"):
            found.compact(run, final=True)
            assert current_rows(found) == expected

    def test_rows_of_other_statuses_can_be_left_out(self, store):
        found = ManifestStore(store)
        found.write_part("r1", "c", 1, [row("a", status="no_face"), row("b", status="anonymized")])
        found.write_part("r2", "c", 1, [row("a", status="failed"), row("c", status="failed")])
        rows = found.current(["key", "run_id"], statuses=("anonymized", "no_face")).to_pylist()
        assert [(r["key"], r["run_id"]) for r in rows] == [("a", "r1"), ("b", "r1")]
        assert found.current(["key"], statuses=()).num_rows == 0

    def test_columns_are_given_as_asked(self, store):
        found = ManifestStore(store)
        found.write_part("r1", "c1", 1, [FULL])
        assert found.current(["width", "key"]).to_pylist() == [{"width": 640, "key": FULL.key}]
        assert found.current(["run_id"]).to_pylist() == [{"run_id": "r1"}]
        assert found.current().column_names == [*SCHEMA.names, "run_id"]

    def test_unknown_columns_are_refused(self, store):
        with pytest.raises(ValueError, match="the manifest has no columns nonsense"):
            ManifestStore(store).current(["key", "nonsense"])

    @pytest.mark.parametrize("folded", [False, True])
    def test_a_damaged_part_is_named_and_never_skipped(self, folded):
        store = MemoryStore()
        found = ManifestStore(store)
        found.write_part("r1", "c1", 1, [FULL])
        if folded:
            found.compact("r1", final=True)
        (name,) = store.objects
        store.objects[name] = store.objects[name][:-3]
        for read in (found.current, lambda: list(found.committed("r1"))):
            with pytest.raises(RunError) as caught:
                read()
            assert str(caught.value) == f"manifest part {name} is damaged"

    def test_a_damaged_journal_part_is_not_folded_away(self):
        store = MemoryStore()
        found = ManifestStore(store)
        name = found.write_part("r1", "c1", 1, [FULL])
        store.objects[name] = b"PAR1"
        with pytest.raises(RunError, match="is damaged"):
            found.compact("r1", final=True)
        assert list(store.objects) == [name]

    def test_files_of_others_are_left_alone(self):
        store = MemoryStore()
        for name in ("_SUCCESS", "run_id=r1/_metadata", "run_id=r1/.part-00000.parquet.tmp", "_journal/x", "_runs/x"):
            store.objects[name] = b"?"
        found = ManifestStore(store)
        assert found.current().num_rows == 0
        assert found.run_ids() == []

    def test_module_level_current_opens_the_folder(self, tmp_path):
        ManifestStore(open_root(str(tmp_path))).write_part("r1", "c1", 1, [FULL])
        assert from_table(manifest.current(str(tmp_path))) == [FULL]


class TestScan:
    def test_it_gives_what_current_gives(self, store):
        found = ManifestStore(store, part_rows=2)
        assert list(found.scan(["key"])) == []
        for run, keys in (("r1", "adg"), ("r2", "bdh"), ("r3", "ca")):
            for number, key in enumerate(keys):
                found.write_part(run, f"c{number}", 1, [row(key, output_sha256=run)])
            if run != "r3":
                found.compact(run, final=run == "r1")
        # A journal of a run at work, with a key twice, beside folded parts; `r2` has some of both.
        found.write_part("r3", "c0", 2, [row("c", output_sha256="again")])
        assert found.journal_run_ids() == ["r2", "r3"]
        columns = ["output_sha256", "key", "run_id", "attempt"]
        streamed = [record for table in found.scan(columns) for record in table.to_pylist()]
        assert streamed == found.current(columns).to_pylist()
        assert [record["key"] for record in streamed] == list("abcdgh")
        assert all(list(record) == columns for record in streamed)

    @pytest.mark.parametrize("method", ["get", "names"])
    def test_nothing_is_lost_while_another_process_compacts(self, method):
        def fold(store: BusyStore) -> None:
            ManifestStore(store).compact("r1", final=True)

        store = BusyStore(method, fold)
        found = ManifestStore(store)
        for number in range(4):
            found.write_part("r1", f"c{number}", 1, [row(f"k{number}"), row(f"l{number}")])
        expected = found.current(["key"])["key"].to_pylist()
        store.armed = True
        assert [key for table in found.scan(["key"]) for key in table["key"].to_pylist()] == expected
