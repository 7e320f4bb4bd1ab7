import contextlib
import itertools
from collections.abc import Callable

import pytest

from anonymizer.errors import RunError
from anonymizer.lake import manifest
from anonymizer.lake.manifest import ManifestStore
from tests.lake.manifest.reads import committed_keys, current_rows, names_of
from tests.lake.manifest.rows import row
from tests.lake.manifest.stores import BusyStore, Crash, MemoryStore, MortalStore


class TestCompaction:
    def test_everything_is_folded_at_the_end(self, store):
        found = ManifestStore(store, part_rows=10)
        for number in range(7):
            found.write_part("r1", f"c{number}", 1, [row(f"{number}-{i}") for i in range(4)])
        before = found.current()
        assert found.compact("r1", final=True) == 7
        assert names_of(store) == ["run_id=r1/part-00000.parquet", "run_id=r1/part-00001.parquet"]
        assert found.current().equals(before)
        assert len(committed_keys(found, "r1")) == 28
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
        assert names_of(store, "run_id=r1/part-") == [f"run_id=r1/part-0000{number}.parquet" for number in range(3)]

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
        assert current_rows(found) == [("a", "r1", 1), ("b", "r1", 1)]

    def test_two_compactions_at_once_are_noticed(self):
        def fold(store: BusyStore) -> None:
            ManifestStore(store).compact("r1", final=True)

        store = BusyStore("get", fold)
        found = ManifestStore(store)
        found.write_part("r1", "c", 1, [row("a")])
        store.armed = True
        with pytest.raises(RunError, match="another process"):
            found.compact("r1", final=True)
        assert current_rows(found) == [("a", "r1", 1)]


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
            assert current_rows(survivor) == self._truth(committed), k
            for run in ("r1", "r2"):
                expected = {(self.ROWS[i][3].key, self.ROWS[i][2]) for i in committed if self.ROWS[i][0] == run}
                assert committed_keys(survivor, run) == expected, k
            self._life(store, committed, committed.add)
            assert current_rows(survivor) == self._truth(set(range(len(self.ROWS)))), k
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
            assert current_rows(ManifestStore(store)) == self._truth(committed)

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
