import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from anonymizer.errors import RunError
from anonymizer.lake.manifest import ManifestStore, Snapshot, from_table, schema, snapshot
from anonymizer.lake.manifest.schema import CURRENT_SCHEMA
from tests.lake.manifest.rows import FULL, INSIDE, SHARD
from tests.lake.manifest.stores import MemoryStore

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def row(key, **values):
    return replace(FULL, key=key, **values)


def scanned(store, columns=("key", "run_id", "status")):
    tables = list(Snapshot(store).scan(columns))
    return [tuple(record.values()) for table in tables for record in table.to_pylist()]


def same_as_current(store):
    """What the snapshot gives is what the parts of the runs say."""
    found = [row for table in Snapshot(store).scan(CURRENT_SCHEMA.names) for row in table.to_pylist()]
    assert found == ManifestStore(store).current().to_pylist()
    return found


def write(manifest, run_id, rows, chunk="c"):
    manifest.write_part(run_id, chunk, 1, rows)
    manifest.compact(run_id, final=True)


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def manifest(store):
    return ManifestStore(store)


def test_nothing_is_an_empty_snapshot(store):
    assert Snapshot(store).is_empty
    assert scanned(store) == []


def test_of_each_key_the_newest_row_in_order_of_keys(store, manifest):
    write(manifest, "r1", [row("b"), row("a"), row("c")])
    write(manifest, "r2", [row("é"), row("b", status="removed")])
    expected = [("a", "anonymized", "r1"), ("b", "removed", "r2"), ("c", "anonymized", "r1"), ("é", "anonymized", "r2")]
    assert scanned(store, ("key", "status", "run_id")) == expected
    same_as_current(store)


def test_a_saved_snapshot_is_taken_up_and_later_runs_are_added(store, manifest):
    write(manifest, "r1", [row("a", retained_until=NOW), row("b", output_uri=None)])
    totals = Snapshot(store).save("r1", checked="x", as_of=NOW)
    assert (totals.rows, totals.published, totals.next_expiry) == (2, 1, NOW)
    assert Snapshot(store).totals == totals
    write(manifest, "r2", [row("c")])
    assert Snapshot(store).totals is None
    assert [key for key, *_ in scanned(store)] == ["a", "b", "c"]
    totals = Snapshot(store).save("r2", checked=None, as_of=NOW)
    assert totals.statuses == {FULL.status: 3}
    assert list(store.names("_state/")) == ["_state/r2.json"]


def test_many_overlapping_parts_are_merged_and_say_the_same(store, manifest, monkeypatch):
    monkeypatch.setattr(snapshot, "MERGED_ROWS", 7)
    rng = random.Random(1)
    for run in range(30):
        rows = [row(f"{rng.randrange(60):03}", face_count=run) for _ in range(6)]
        write(manifest, f"r{run:02}", {r.key: r for r in rows}.values())
        Snapshot(store).save(f"r{run:02}", checked=None, as_of=NOW)
        expected = same_as_current(store)
    merged = list(store.names("_state/r"))
    assert len([name for name in merged if name.endswith(".json")]) == 1
    assert 1 < len(merged) <= 1 + -(-len(expected) // 7)
    totals = Snapshot(store).totals
    assert totals is not None
    assert totals.rows == len(expected)


def test_a_run_that_goes_on_after_its_rows_were_merged_is_not_lost(store, manifest, monkeypatch):
    monkeypatch.setattr(snapshot, "DEPTH", 0)
    write(manifest, "r1", [row("a"), row("b")])
    Snapshot(store).save("r1", checked=None, as_of=NOW)
    write(manifest, "r1", [row("b", attempt=FULL.attempt + 1, face_count=9), row("c")], chunk="d")
    Snapshot(store).save("r1", checked=None, as_of=NOW)
    assert [r["face_count"] for r in same_as_current(store)] == [FULL.face_count, 9, FULL.face_count]


def test_a_damaged_index_is_made_again_from_the_parts(store, manifest, caplog):
    write(manifest, "r1", [row("a")])
    Snapshot(store).save("r1", checked=None, as_of=NOW)
    store.put("_state/r1.json", b"{")
    assert [key for key, *_ in scanned(store)] == ["a"]
    assert "is damaged" in caplog.text


def test_a_part_that_is_gone_or_damaged_is_said(store, manifest):
    write(manifest, "r1", [row("a")])
    Snapshot(store).save("r1", checked=None, as_of=NOW)
    [name] = store.names("run_id=")
    data = store.get(name)
    store.put(name, data[: len(data) // 2])
    with pytest.raises(RunError, match=f"{name} is damaged"):
        scanned(store)
    store.delete([name])
    with pytest.raises(RunError, match=f"{name} is gone"):
        Snapshot(store)


def test_a_missing_merged_part_names_the_remedy(store, manifest, monkeypatch):
    monkeypatch.setattr(snapshot, "DEPTH", 0)
    write(manifest, "r1", [row("a")])
    Snapshot(store).save("r1", checked=None, as_of=NOW)
    store.delete(list(store.names("_state/r1/")))
    with pytest.raises(RunError, match="delete _state/ and start again"):
        scanned(store)
    store.delete(list(store.names("_state/")))
    assert [key for key, *_ in scanned(store)] == ["a"]


def test_only_parts_whose_range_comes_up_are_read(store, manifest):
    for run in range(5):
        write(manifest, f"r{run}", [row(f"{run}{n}") for n in range(3)])
    Snapshot(store).save("r4", checked=None, as_of=NOW)
    read: list[str] = []
    original = store.get

    def get(name):
        read.append(name)
        return original(name)

    store.get = get
    tables = Snapshot(store).scan(["key"])
    next(tables)
    assert [name.split("/")[0] for name in read] == ["_state", "run_id=r0"]


def test_whole_rows_come_back(store, manifest):
    rows = [row("a", retained_until=NOW + timedelta(days=1)), row("b")]
    write(manifest, "r1", rows)
    [table] = Snapshot(store).scan([name for name in CURRENT_SCHEMA.names if name != "run_id"])
    assert from_table(table) == rows


def test_the_row_of_a_picture_in_a_shard_counts_as_long_as_that_output_stands(store, manifest):
    other = replace(INSIDE, key="s.tar/b.jpg")
    write(manifest, "r1", [SHARD, INSIDE, other, row("s.tar-2"), row("t.jpg")])
    assert [key for key, *_ in scanned(store)] == ["s.tar", "s.tar-2", "s.tar/a.jpg", "s.tar/b.jpg", "t.jpg"]
    same_as_current(store)
    # Published anew without b.jpg: its row describes an output that is gone.
    write(manifest, "r2", [replace(SHARD, output_sha256="8" * 64), replace(INSIDE, shard_sha256="8" * 64)])
    assert [key for key, *_ in scanned(store)] == ["s.tar", "s.tar-2", "s.tar/a.jpg", "t.jpg"]
    same_as_current(store)
    # The shard fails and its older output stays; then it is removed.
    write(manifest, "r3", [replace(SHARD, status="failed", output_sha256="8" * 64)])
    assert "s.tar/a.jpg" in [key for key, *_ in scanned(store)]
    write(manifest, "r4", [replace(SHARD, status="removed", output_sha256=None)])
    assert [key for key, *_ in scanned(store)] == ["s.tar", "s.tar-2", "t.jpg"]
    same_as_current(store)
    assert ManifestStore(store).current(keys=["s.tar/a.jpg"]).num_rows == 0


def test_a_picture_can_be_looked_up_without_its_shard(store, manifest):
    write(manifest, "r1", [SHARD, INSIDE])
    found = ManifestStore(store).current(["key"], keys=["s.tar/a.jpg"])
    assert found.to_pylist() == [{"key": "s.tar/a.jpg"}]


def test_shards_that_were_passed_are_forgotten(store, manifest, monkeypatch):
    monkeypatch.setattr(schema, "HELD_SHARDS", 2)
    shards = [f"{name}.tar" for name in "abcdefgh"]
    rows = [replace(SHARD, key=key, shard=key) for key in shards]
    rows += [replace(INSIDE, key=f"{key}/x.jpg", shard=key) for key in shards]
    write(manifest, "r1", rows)
    assert len(scanned(store)) == len(rows)


def test_pictures_in_shards_count_as_published(store, manifest):
    until = NOW + timedelta(days=1)
    write(manifest, "r1", [SHARD, replace(INSIDE, output_sha256="9" * 64, retained_until=until)])
    totals = Snapshot(store).save("r1", checked=None, as_of=NOW)
    assert (totals.published, totals.shards, totals.next_expiry) == (1, 2, until)
