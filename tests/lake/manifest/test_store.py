import contextlib
import itertools
from collections.abc import Callable

import pytest

from anonymizer.errors import RunError, SourceGone
from anonymizer.lake import manifest
from anonymizer.lake.manifest import SCHEMA, ManifestStore, ObjectStore, from_table
from anonymizer.lake.manifest.schema import CURRENT_SCHEMA
from anonymizer.lake.manifest.store import COMMITTED_COLUMNS
from anonymizer.lake.storage import open_root
from tests.lake.manifest.rows import FULL, MINIMAL, row
from tests.lake.manifest.stores import BusyStore, Crash, MemoryStore, MortalStore


@pytest.fixture(params=["memory", "local"])
def store(request, tmp_path):
    return MemoryStore() if request.param == "memory" else open_root(str(tmp_path / "out.manifest"))


def _state(found: ManifestStore) -> list[tuple[str, str, int]]:
    records = found.current(["key", "run_id", "attempt"]).to_pylist()
    return [(r["key"], r["run_id"], r["attempt"]) for r in records]


def _committed(found: ManifestStore, run_id: str) -> set[tuple[str, int]]:
    tables = list(found.committed(run_id))
    assert all(tuple(table.column_names) == COMMITTED_COLUMNS for table in tables)
    return {(r["key"], r["attempt"]) for table in tables for r in table.to_pylist()}


def _names(store: ObjectStore, prefix: str = "") -> list[str]:
    return list(store.names(prefix))


class TestEmpty:
    def test_nothing_is_there(self, store):
        found = ManifestStore(store)
        assert found.current().schema.equals(CURRENT_SCHEMA)
        assert found.current().num_rows == 0
        assert list(found.committed("r1")) == []
        assert found.runs() == found.run_ids() == found.journal_run_ids() == []
        assert found.unfinished("x") is None
        assert found.compact("r1", final=True) == 0
        assert _names(store) == []

    def test_a_chunk_without_rows_is_committed_too(self, store):
        found = ManifestStore(store)
        found.write_part("r1", "c", 1, [])
        assert found.current().num_rows == 0
        assert found.compact("r1", final=True) == 1
        assert found.current().num_rows == 0


class TestJournal:
    def test_rows_are_there_at_once(self, store):
        found = ManifestStore(store)
        found.write_part("r1", "c1", 1, [FULL, MINIMAL])
        table = found.current()
        assert from_table(table) == [MINIMAL, FULL]
        assert table["run_id"].to_pylist() == ["r1", "r1"]
        assert _committed(found, "r1") == {(FULL.key, FULL.attempt), (MINIMAL.key, 1)}
        assert list(found.committed("r2")) == []

    def test_a_repeated_write_is_the_same_part(self, store):
        found = ManifestStore(store)
        assert found.write_part("r1", "c1", 1, [FULL]) == found.write_part("r1", "c1", 1, [FULL])
        assert len(_names(store)) == 1

    def test_two_workers_under_one_attempt_lose_nothing(self, store):
        found = ManifestStore(store)
        found.write_part("r1", "c1", 1, [])
        found.write_part("r1", "c1", 1, [row("a")])
        found.write_part("r1", "c1", 1, [row("b")])
        assert _state(found) == [("a", "r1", 1), ("b", "r1", 1)]

    def test_a_part_is_never_overwritten(self):
        store = MemoryStore()
        found = ManifestStore(store)
        name = found.write_part("r1", "c1", 1, [FULL])
        store.objects[name] = b"something else"
        with pytest.raises(RunError, match="other bytes"):
            found.write_part("r1", "c1", 1, [FULL])
        assert store.objects[name] == b"something else"

    def test_prefixes_of_run_ids_are_other_runs(self, store):
        found = ManifestStore(store)
        found.write_part("r1", "c", 1, [row("a")])
        found.write_part("r11", "c", 1, [row("b")])
        for final in (False, True):
            assert _committed(found, "r1") == {("a", 1)}
            found.compact("r11", final=final)
            found.compact("r1", final=final)


class TestCurrent:
    def test_later_runs_and_attempts_win_wherever_they_stand(self, store):
        found = ManifestStore(store)
        found.write_part("r2", "c1", 1, [row("a", 1), row("b", 0)])
        found.write_part("r1", "c1", 1, [row("a", 7), row("c", 1)])
        found.write_part("r2", "c2", 2, [row("a", 2)])
        expected = [("a", "r2", 2), ("b", "r2", 0), ("c", "r1", 1)]
        assert _state(found) == expected
        for run in ("r1", "r2"):
            found.compact(run, final=True)
            assert _state(found) == expected

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
        with pytest.raises(ValueError, match="no columns of the manifest: nonsense"):
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


class TestCompaction:
    def test_everything_is_folded_at_the_end(self, store):
        found = ManifestStore(store, part_rows=10)
        for number in range(7):
            found.write_part("r1", f"c{number}", 1, [row(f"{number}-{i}") for i in range(4)])
        before = found.current()
        assert found.compact("r1", final=True) == 7
        assert _names(store) == ["run_id=r1/part-00000.parquet", "run_id=r1/part-00001.parquet"]
        assert found.current().equals(before)
        assert len(_committed(found, "r1")) == 28
        assert found.compact("r1", final=True) == 0

    @pytest.mark.parametrize(
        ("chunk_rows", "final", "part_rows"),
        [
            ([], True, []),
            ([3], True, [3]),
            ([3], False, []),
            ([10], False, []),
            ([10, 9], False, []),
            ([10, 9], True, [19]),
            ([10, 10], False, [10]),
            ([10, 10], True, [10, 10]),
            ([4] * 7, True, [12, 16]),
            ([25, 25], False, [25]),
            ([0, 0, 0], True, [0]),
        ],
    )
    def test_parts_have_the_rows_they_should(self, chunk_rows, final, part_rows):
        store = MemoryStore()
        found = ManifestStore(store, part_rows=10)
        for number, count in enumerate(chunk_rows):
            found.write_part("r1", f"c{number}", 1, [row(f"{number}-{i}") for i in range(count)])
        found.compact("r1", final=final)
        lengths = [
            manifest.parts.decode(store.objects[name], name, ["key"]).num_rows for name in store.names("run_id=")
        ]
        assert lengths == part_rows
        assert found.current().num_rows == sum(chunk_rows)

    def test_intermediate_compaction_without_enough_rows_reads_nothing(self):
        store = MortalStore(dies_at=-1)
        found = ManifestStore(store, part_rows=10)
        for number in range(10):
            found.write_part("r1", f"c{number}", 1, [row(f"{number}")])
        before = store.operations
        assert found.compact("r1", final=False) == 0
        assert store.operations == before + 1

    def test_numbers_go_on_where_they_stopped(self):
        store = MemoryStore()
        found = ManifestStore(store)
        store.objects["run_id=r1/rewritten.parquet"] = b""
        for number in range(3):
            found.write_part("r1", "c", number, [row("a", number)])
            found.compact("r1", final=True)
        assert _names(store, "run_id=r1/part-") == [f"run_id=r1/part-0000{number}.parquet" for number in range(3)]

    def test_a_number_that_another_process_took_is_left_to_it(self):
        def take(store: BusyStore) -> None:
            store.objects["run_id=r1/part-00000.parquet"] = taken

        other = MemoryStore()
        ManifestStore(other).write_part("r1", "c", 1, [row("a")])
        ManifestStore(other).compact("r1", final=True)
        taken = other.objects["run_id=r1/part-00000.parquet"]
        store = BusyStore("get", take)
        found = ManifestStore(store)
        found.write_part("r1", "d", 1, [row("b")])
        store.armed = True
        found.compact("r1", final=True)
        assert store.objects["run_id=r1/part-00000.parquet"] == taken
        assert _state(found) == [("a", "r1", 1), ("b", "r1", 1)]

    def test_two_compactions_at_once_are_noticed(self):
        def fold(store: BusyStore) -> None:
            ManifestStore(store).compact("r1", final=True)

        store = BusyStore("get", fold)
        found = ManifestStore(store)
        found.write_part("r1", "c", 1, [row("a")])
        store.armed = True
        with pytest.raises(RunError, match="another process"):
            found.compact("r1", final=True)
        assert _state(found) == [("a", "r1", 1)]

    @pytest.mark.parametrize("method", ["get", "names"])
    def test_readers_lose_nothing_while_another_process_compacts(self, method):
        def fold(store: BusyStore) -> None:
            ManifestStore(store).compact("r1", final=True)

        for read in (_state, lambda found: sorted(_committed(found, "r1"))):
            store = BusyStore(method, fold)
            found = ManifestStore(store)
            found.write_part("r1", "c", 1, [row("a")])
            found.write_part("r1", "d", 1, [row("b")])
            before = read(found)
            store.armed = True
            assert read(found) == before
            assert not store.armed

    def test_parts_that_keep_vanishing_end_the_reading(self):
        class Ghosts(MemoryStore):
            def get(self, name: str) -> bytes:
                raise SourceGone

        store = Ghosts()
        found = ManifestStore(store)
        found.write_part("r1", "c", 1, [row("a")])
        with pytest.raises(RunError, match="vanish"):
            found.current()


class TestCrash:
    """The process dies at its k-th operation, for every k; the next one goes on with what is left."""

    ROWS = tuple(
        ("r1" if number < 4 else "r2", f"c{number}", attempt, row(f"k{number % 4}", attempt))
        for number in range(6)
        for attempt in (1, 2)
    )

    def _life(self, store: MemoryStore, committed: set[int], note: Callable[[int], None]) -> None:
        found = ManifestStore(store, part_rows=3)
        for index, (run, chunk, attempt, written) in enumerate(self.ROWS):
            if index not in committed:
                found.write_part(run, chunk, attempt, [written])
                note(index)
            if index % 7 == 6:
                found.compact(run, final=False)
        for run in ("r1", "r2"):
            found.compact(run, final=True)

    def _truth(self, committed: set[int]) -> list[tuple[str, str, int]]:
        best: dict[str, tuple[str, int]] = {}
        for index in committed:
            run, _, attempt, written = self.ROWS[index]
            best[written.key] = max(best.get(written.key, ("", -1)), (run, attempt))
        return [(key, *value) for key, value in sorted(best.items())]

    def test_every_step(self):
        for k in itertools.count(1):
            store, committed = MortalStore(k), set[int]()
            try:
                self._life(store, committed, committed.add)
            except Crash:
                store.dies_at = -1
            else:
                break
            survivor = ManifestStore(store, part_rows=3)
            assert _state(survivor) == self._truth(committed), k
            for run in ("r1", "r2"):
                expected = {(self.ROWS[i][3].key, self.ROWS[i][2]) for i in committed if self.ROWS[i][0] == run}
                assert _committed(survivor, run) == expected, k
            self._life(store, committed, committed.add)
            assert _state(survivor) == self._truth(set(range(len(self.ROWS)))), k
            assert survivor.journal_run_ids() == [], k
        assert k > 40

    def test_dying_twice(self):
        for first, second in itertools.product((16, 19, 22, 38), (4, 9, 14, 21)):
            store, committed = MortalStore(first), set[int]()
            for _ in range(2):
                with contextlib.suppress(Crash):
                    self._life(store, committed, committed.add)
                store.dies_at = store.operations + second
            store.dies_at = -1
            assert _state(ManifestStore(store)) == self._truth(committed)

    def test_a_write_whose_answer_got_lost_is_repeated_without_harm(self):
        class Deaf(MemoryStore):
            def create(self, name: str, data: bytes) -> bool:
                super().create(name, data)
                return False

        store = Deaf()
        found = ManifestStore(store)
        found.write_part("r1", "c", 1, [row("a")])
        assert found.compact("r1", final=True) == 1
        assert list(store.objects) == ["run_id=r1/part-00000.parquet"]


class TestRuns:
    def test_records_come_back_and_are_replaced(self, store):
        found = ManifestStore(store)
        found.write_run("r1", {"arguments": ["ä", None, 1.5], "finished": None})
        found.write_run("r1", {"finished": "2026-01-01T00:00:00+00:00"})
        found.write_run("r0", {})
        assert found.read_run("r1") == {"finished": "2026-01-01T00:00:00+00:00"}
        assert found.runs() == ["r0", "r1"]

    def test_no_such_run(self, store):
        with pytest.raises(RunError, match="no record of a run r1"):
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
