"""INPUT cleaned where it lies: nothing is lost, nothing is done twice, and what went wrong is still there."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from anonymizer.config import RunConfig, from_mapping, merge
from anonymizer.errors import ConfigError, RegistryError
from anonymizer.lake.manifest import SCHEMA, ManifestStore, from_table
from anonymizer.lake.roots import open_originals, original_key
from anonymizer.lake.storage import open_root
from anonymizer.records import ManifestRow
from anonymizer.run import driver
from anonymizer.run.progress import LogProgress
from anonymizer.run.worker import Worker
from anonymizer.run.worker.publisher import Publisher
from tests.integration.runs import QUICK, files, rows, write
from tests.pictures import decoded, photo

pytestmark = pytest.mark.usefixtures("cluster")

FACE = (slice(30, 54), slice(40, 60), 1)


def run(lake, **settings):
    values = merge(QUICK, {"in_place": True, "discard_originals": True, **settings, "input": str(lake)})
    return driver.run(from_mapping(RunConfig, values), LogProgress())


@pytest.fixture
def lake(tmp_path):
    contents = {f"{i}.png": photo(i) for i in range(4)}
    return write(tmp_path / "lake", {**contents, "broken.png": photo(9)[:300], "notes.txt": b"text"})


def shows_the_face(data: bytes) -> bool:
    """Whether the patch is to be seen: it has no green."""
    return bool((decoded(data)[FACE] == 0).all())


def test_photos_are_replaced_and_everything_else_stays(lake, tmp_path):
    before = files(lake)
    summary = run(lake)
    after = files(lake)
    assert set(after) == set(before)
    assert {key for key in after if after[key] != before[key]} == {f"{i}.png" for i in range(4)}
    assert not any(shows_the_face(after[f"{i}.png"]) for i in range(4))
    table = rows(lake)
    assert table["0.png"]["source_sha256"] == hashlib.sha256(before["0.png"]).hexdigest()
    assert table["0.png"]["output_sha256"] == hashlib.sha256(after["0.png"]).hexdigest()
    assert (summary.exit_status, table["broken.png"]["error_code"]) == (3, "decode_error")
    assert not [name for name in files(tmp_path / "lake.manifest") if name.startswith("_intents")]


def test_the_next_night_knows_its_own_outputs(lake):
    run(lake)
    after = files(lake)
    summary = run(lake)
    assert (summary.written, summary.unchanged) == (0, 6)
    write(lake, {"1.png": photo(31)})
    assert run(lake).written == 1
    assert {key: data for key, data in files(lake).items() if key != "1.png"} == {
        key: data for key, data in after.items() if key != "1.png"
    }


def test_originals_are_kept_by_their_content(lake, tmp_path):
    before = files(lake)
    run(lake, originals=str(tmp_path / "kept"), discard_originals=False)
    sha256 = hashlib.sha256(before["2.png"]).hexdigest()
    kept = files(tmp_path / "kept")
    assert kept[original_key("2.png", sha256)] == before["2.png"]
    assert len(kept) == 4
    write(lake, {"2.png": photo(32)})
    run(lake, originals=str(tmp_path / "kept"), discard_originals=False)
    assert len(files(tmp_path / "kept")) == 5


def test_nobody_may_open_more_than_before(lake, tmp_path):
    (lake / "deep").mkdir(mode=0o700)
    write(lake, {"deep/4.png": photo(4)})
    modes = {"0.png": 0o600, "1.png": 0o644, "2.png": 0o640, "deep/4.png": 0o4400}
    for key, mode in modes.items():
        (lake / key).chmod(mode)
    previous = os.umask(0o022)
    try:
        run(lake, originals=str(tmp_path / "kept"), discard_originals=False)
    finally:
        os.umask(previous)
    assert not any(shows_the_face(files(lake)[key]) for key in modes)
    assert {key: mode_of(lake / key) for key in modes} == modes | {"deep/4.png": 0o400}
    for folder in (tmp_path / "kept", tmp_path / "lake.manifest"):
        made = [folder, *folder.rglob("*")]
        assert len(made) > 4
        assert {mode_of(path) for path in made if path.is_dir()} == {0o700}
        assert {mode_of(path) for path in made if path.is_file()} == {0o600}
    locks = {path.name: mode_of(path) for path in tmp_path.iterdir() if path.name.endswith(".anon-lock")}
    assert sorted(locks) == [".kept.anon-lock", ".lake.anon-lock", ".lake.manifest.anon-lock"]
    assert set(locks.values()) == {0o600}


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_owners_stay(lake):
    for key in ("0.png", "1.png"):
        os.chown(lake / key, 1234, 2345)
        (lake / key).chmod(0o640)
    run(lake)
    assert not shows_the_face(files(lake)["0.png"])
    status = (lake / "0.png").stat()
    assert (status.st_uid, status.st_gid, mode_of(lake / "0.png")) == (1234, 2345, 0o640)


def test_a_manifest_of_an_older_version_is_closed_and_an_open_quarantine_is_named(lake, tmp_path, caplog):
    for name in ("lake.manifest", "kept"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o755)
    run(lake, originals=str(tmp_path / "kept"), discard_originals=False)
    assert (mode_of(tmp_path / "lake.manifest"), mode_of(tmp_path / "kept")) == (0o700, 0o755)
    assert f"{tmp_path}/kept contains originals and other users can read it" in caplog.text


def test_workers_of_other_users_can_be_let_in(lake, tmp_path):
    run(lake, originals=str(tmp_path / "kept"), discard_originals=False, storage={"private": False})
    made = [path for name in ("kept", "lake.manifest") for path in (tmp_path / name).rglob("*")]
    assert {mode_of(path) for path in made if path.is_file()} == {0o644}


def test_a_photo_whose_original_cannot_be_kept_is_not_replaced(lake, tmp_path):
    before = files(lake)
    write(tmp_path, {"kept": b"a file where a folder is needed"})
    run(lake, originals=str(tmp_path / "kept"), discard_originals=False)
    assert files(lake) == before
    assert {row["status"] for key, row in rows(lake).items() if key[0].isdigit()} == {"failed"}


def test_a_photo_that_changed_meanwhile_is_left_alone(lake, monkeypatch):
    original = Publisher._keep_original

    def changed(self, computed, image, deadline):
        if computed.item.ref.key == "1.png" and not (lake / "mark").exists():
            write(lake, {"1.png": photo(41), "mark": b""})
        return original(self, computed, image, deadline)

    # The workers are other processes: what they run is patched through the processor that the engine places there.
    monkeypatch.setattr("anonymizer.run.driver.dispatch.Worker", patched(changed))
    run(lake)
    assert not shows_the_face(files(lake)["1.png"])
    assert rows(lake)["1.png"]["source_sha256"] == hashlib.sha256(photo(41)).hexdigest()


def patched(keep):
    class PatchedPublisher(Publisher):
        _keep_original = keep

    class Patched(Worker):
        def __init__(self, job):
            super().__init__(job)
            self._publisher = PatchedPublisher(job.config, self._output, open_originals(job.config))

    return Patched


def test_what_was_replaced_before_a_crash_gets_its_row(lake, tmp_path):
    before = files(lake)
    run(lake)
    manifest = ManifestStore(open_root(str(tmp_path / "lake.manifest")))
    table = rows(lake)
    # As if both had been intended, one replaced, and the worker killed before its rows were written.
    first = manifest.runs()[0]
    done, undone = (row_of(table[key]) for key in ("0.png", "1.png"))
    write(lake, {"1.png": before["1.png"]})
    undone = replace(undone, source_etag=open_root(str(lake)).version("1.png"))
    for name in list(manifest.objects.names("run_id=")) + list(manifest.objects.names("_state/")):
        manifest.objects.delete([name])
    manifest.write_run(first, {**manifest.read_run(first), "finished": None})
    manifest.write_intent(first, "c", 1, [replace(done, output_etag=None), replace(undone, output_etag=None)])

    summary = run(lake)
    after = rows(lake)
    assert summary.run_id == first
    assert after["0.png"]["source_sha256"] == hashlib.sha256(before["0.png"]).hexdigest()
    assert after["0.png"]["processed_at"] == table["0.png"]["processed_at"]
    assert after["1.png"]["processed_at"] > table["1.png"]["processed_at"]
    assert not any(shows_the_face(files(lake)[f"{i}.png"]) for i in range(4))
    assert not list(manifest.objects.names("_intents/"))


def row_of(record: dict[str, object]) -> ManifestRow:
    record = {key: value for key, value in record.items() if key != "run_id"}
    return from_table(pa.Table.from_pylist([record], schema=SCHEMA))[0]


def test_a_withdrawal_redacts_first_and_the_photo_stays(lake, tmp_path):
    registry = tmp_path / "consent.csv"
    settings = {"consent": {"registry": str(registry)}}
    registry.write_text("key,status\n0.png,granted\n1.png,granted\n")
    run(lake, **settings)
    assert [shows_the_face(files(lake)[f"{i}.png"]) for i in range(4)] == [True, True, False, False]
    registry.write_text("key,status\n1.png,granted\n")
    before = files(lake)
    summary = run(lake, **settings)
    assert (summary.removed_unsafe, summary.exit_status) == (1, 3)
    # It is listed after it was overwritten, and is one photo still.
    assert (summary.listed, summary.written, summary.unchanged) == (6, 1, 5)
    assert summary.listed_bytes == sum(map(len, before.values()))
    assert [shows_the_face(files(lake)[f"{i}.png"]) for i in range(4)] == [False, True, False, False]
    assert rows(lake)["0.png"]["status"] == "anonymized"
    assert run(lake, **settings).written == 0


def test_expired_photos_are_redacted_even_when_the_registry_cannot_be_read(lake, tmp_path):
    registry = tmp_path / "consent.csv"
    soon = datetime.now(UTC) + timedelta(hours=1)
    registry.write_text(f"key,status,valid_until\n0.png,granted,{soon.isoformat()}\n1.png,granted,\n")
    run(lake, consent={"registry": str(registry)})
    registry.write_text("no,such,columns\n")
    with pytest.raises(RegistryError):
        run(lake, consent={"registry": str(registry)}, as_of=(soon + timedelta(days=1)).isoformat())
    assert [shows_the_face(files(lake)[f"{i}.png"]) for i in range(2)] == [False, True]


def test_a_photo_that_cannot_be_redacted_any_more_ends_with_5(lake, tmp_path):
    registry = tmp_path / "consent.csv"
    registry.write_text("key,status\n0.png,granted\n")
    run(lake, consent={"registry": str(registry)})
    registry.write_text("key,status\n0.png,withdrawn\n")
    summary = run(lake, consent={"registry": str(registry)}, codec={"max_bytes": 10})
    assert (summary.exit_status, summary.unsafe_left) == (5, ["0.png"])
    assert (summary.listed, summary.written + summary.unchanged) == (6, 6)


def test_nothing_is_ever_deleted_in_place(lake, tmp_path):
    first = run(lake)
    manifest = ManifestStore(open_root(str(tmp_path / "lake.manifest")))
    manifest.write_run(first.run_id, {**manifest.read_run(first.run_id), "finished": None})
    write(lake, {"new.png": photo(9)[:200], "mine.bin": b"no row names it"})
    run(lake, redaction={"method": "solid"})
    assert set(files(lake)) == {*(f"{i}.png" for i in range(4)), "broken.png", "notes.txt", "new.png", "mine.bin"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"discard_originals": False}, "needs either --originals URI"),
        ({"originals": "kept"}, "needs either --originals URI"),
        ({"output": "out"}, "--in-place takes no OUTPUT"),
        ({"names": "hashed"}, "--in-place cannot be combined with"),
        ({"consent": {"policy": "public"}}, "--in-place cannot be combined with"),
        ({"in_place": False, "output": "out"}, "need --in-place"),
    ],
)
def test_what_cannot_be_meant(lake, settings, message):
    before = files(lake)
    with pytest.raises(ConfigError, match=message):
        run(lake, **settings)
    assert files(lake) == before


def test_originals_lie_apart(lake):
    with pytest.raises(ConfigError, match="INPUT and the originals are inside one another"):
        run(lake, originals=str(lake / "kept"), discard_originals=False)


def test_a_named_removal_is_refused(lake, tmp_path):
    write(tmp_path, {"keys.csv": b"key,action\n0.png,remove\n"})
    before = files(lake)
    with pytest.raises(ConfigError, match="only copy"):
        run(lake, keys=str(tmp_path / "keys.csv"))
    assert files(lake) == before
