import pytest

from anonymizer.errors import RunError, SourceGone
from anonymizer.lake.manifest import ManifestStore
from tests.lake.manifest.reads import committed_keys, current_rows
from tests.lake.manifest.rows import row
from tests.lake.manifest.stores import BusyStore, MemoryStore


class TestWhileAnotherProcessCompacts:
    @pytest.mark.parametrize("method", ["get", "names"])
    def test_readers_lose_nothing_while_another_process_compacts(self, method):
        def fold(store: BusyStore) -> None:
            ManifestStore(store).compact("r1", final=True)

        for read in (current_rows, lambda found: sorted(committed_keys(found, "r1"))):
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
        with pytest.raises(RunError, match="deleted faster"):
            found.current()
