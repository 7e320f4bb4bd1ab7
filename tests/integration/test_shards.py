"""Runs over photographs inside shards: the same shard out, a row for each picture, and consent as for any photo."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anonymizer.audit.verify.run import verify
from anonymizer.pipeline import Anonymizer
from anonymizer.run import driver
from anonymizer.run.progress import LogProgress
from tests.integration.runs import config, files, rows, run, write
from tests.pictures import photo
from tests.shards.making import rewritten, tar, zipped

pytestmark = pytest.mark.usefixtures("no_ray")

COUNT = 6
PHOTOS = {f"{number:03}.png": photo(number) for number in range(COUNT)}
SIDECARS = {f"{number:03}.cls": b"%d" % number for number in range(COUNT)}


def a_tar(photos=None) -> bytes:
    photos = PHOTOS if photos is None else photos
    return tar(
        pair for name in photos for pair in ((name, photos[name]), (f"{name[:-4]}.cls", SIDECARS[f"{name[:-4]}.cls"]))
    )


def a_table() -> bytes:
    target = io.BytesIO()
    cells = [{"bytes": data, "path": name} for name, data in PHOTOS.items()]
    pq.write_table(pa.table({"image": cells, "label": list(range(COUNT))}), target, row_group_size=4)
    return target.getvalue()


def shard_lake(tmp_path):
    return write(tmp_path / "in", {"s.tar": a_tar(), "s.zip": zipped(PHOTOS.items()), "s.parquet": a_table(), **PHOTOS})


def inside_tar(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {member.name: (archive.extractfile(member) or io.BytesIO()).read() for member in archive}


def inside_zip(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def findings(output) -> dict[str, int]:
    return dict(verify(config("", output)).findings)


KEEP = {"shards": {"keep": "cls,label"}}


@pytest.fixture
def lake(tmp_path):
    return shard_lake(tmp_path)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def test_every_picture_comes_out_as_it_would_as_a_file(lake, out):
    summary = run(lake, out, KEEP)
    assert summary.exit_status == 0
    assert summary.statuses == {"anonymized": 4 * COUNT}
    assert (summary.listed, summary.shards, summary.inside) == (COUNT + 3, 3, 3 * COUNT)
    published = files(out)
    loose = {name: published[name] for name in PHOTOS}
    assert inside_tar(published["s.tar"]) == loose | SIDECARS
    assert inside_zip(published["s.zip"]) == loose
    table = pq.read_table(io.BytesIO(published["s.parquet"])).to_pylist()
    assert [row["image"] for row in table] == [{"bytes": data, "path": None} for data in loose.values()]
    assert [row["label"] for row in table] == list(range(COUNT))
    assert findings(out) == {}


def test_rows_of_shards_and_of_the_pictures_in_them(lake, out):
    run(lake, out, KEEP)
    published, found = files(out), rows(out)
    whole, one = found["s.tar"], found["s.tar/001.png"]
    assert (whole["format"], whole["picture_count"], whole["face_count"], whole["shard"]) == (
        "tar",
        COUNT,
        None,
        "s.tar",
    )
    assert whole["output_sha256"] == hashlib.sha256(published["s.tar"]).hexdigest()
    assert (one["status"], one["face_count"], one["shard"]) == ("anonymized", 1, "s.tar")
    assert (one["shard_sha256"], one["output_uri"]) == (whole["output_sha256"], None)
    assert one["output_sha256"] == found["001.png"]["output_sha256"]
    assert one["source_sha256"] == hashlib.sha256(PHOTOS["001.png"]).hexdigest()
    assert {key for key in found if key.startswith("s.parquet/")} == {f"s.parquet/{row}/image" for row in range(COUNT)}
    assert found["s.parquet"]["left_out"] == []


def test_an_unchanged_shard_is_not_done_again(lake, out):
    run(lake, out, KEEP)
    again = run(lake, out, KEEP)
    assert (again.unchanged, again.written) == (COUNT + 3, 0)


def counted(monkeypatch):
    """Counts what goes through the anonymizer."""
    made: list[str] = []
    before = Anonymizer.__call__

    def call(self, data, *rest):
        made.append(hashlib.sha256(data).hexdigest())
        return before(self, data, *rest)

    monkeypatch.setattr(Anonymizer, "__call__", call)
    return made


def test_another_setting_of_side_cars_copies_the_pictures(lake, out, monkeypatch):
    run(lake, out, KEEP)
    before, made = files(out), counted(monkeypatch)
    again = run(lake, out)
    assert (again.shards, made) == (3, [])
    after = files(out)
    assert inside_tar(after["s.tar"]) == {name: after[name] for name in PHOTOS}
    assert {name: after[name] for name in PHOTOS} == {name: before[name] for name in PHOTOS}
    assert findings(out) == {}


def registry(tmp_path, *keys: str):
    path = tmp_path / "consent.csv"
    path.write_text("key,status\n" + "".join(f"{key},granted\n" for key in keys))
    return KEEP | {"consent": {"registry": str(path)}}


def shown(found) -> set[str]:
    return {key for key, row in found.items() if row["status"] == "retained" and row["shard"] != key}


GRANTED = ("s.tar/001.png", "s.tar/002.png", "s.zip/004.png", "s.parquet/5/image")


def test_consent_names_pictures_inside_shards(lake, out, tmp_path, monkeypatch):
    run(lake, out, registry(tmp_path))
    made = counted(monkeypatch)
    run(lake, out, registry(tmp_path, *GRANTED))
    assert shown(rows(out)) == {*GRANTED}
    assert len(made) == len(GRANTED)
    made.clear()
    last = run(lake, out, registry(tmp_path, GRANTED[0]))
    assert (last.removed_unsafe, len(made)) == (3, 3)
    assert shown(rows(out)) == {GRANTED[0]}
    assert files(out)["s.tar"] not in (None, b"")
    assert findings(out) == {}


@pytest.mark.parametrize("name", ["s.tar", "s.zip", "s.parquet"])
def test_a_withdrawal_from_a_shard_whose_source_is_gone(lake, out, tmp_path, name):
    keys = [key for key in (*GRANTED, "s.zip/003.png", "s.parquet/1/image") if key.startswith(name)]
    run(lake, out, registry(tmp_path, *keys))
    (lake / name).unlink()
    summary = run(lake, out, registry(tmp_path, keys[0]))
    assert summary.exit_status == 0
    assert shown(rows(out)) == {keys[0]}
    found = {row["key"]: row for row in rows(out).values() if row["shard"] == name}
    assert found[keys[1]]["status"] == "removed"
    assert found[name]["picture_count"] == COUNT - 1
    assert findings(out) == {}


def test_a_withdrawal_from_a_shard_that_is_damaged_now(lake, out, tmp_path):
    run(lake, out, registry(tmp_path, *GRANTED))
    (lake / "s.tar").write_bytes(a_tar()[:-11_000])
    summary = run(lake, out, registry(tmp_path))
    assert summary.exit_status == 3
    assert shown(rows(out)) == set()
    assert set(inside_tar(files(out)["s.tar"])) == {*PHOTOS, *SIDECARS} - {
        "001.png", "002.png", "001.cls", "002.cls",
    }  # fmt: skip
    assert findings(out) == {}


def test_a_picture_that_fails_takes_its_sample_along(tmp_path, out):
    photos = PHOTOS | {"003.png": PHOTOS["003.png"][:60]}
    lake = write(tmp_path / "in", {"s.tar": a_tar(photos)})
    summary = run(lake, out, KEEP)
    assert (summary.exit_status, summary.statuses) == (3, {"anonymized": COUNT - 1, "failed": 1})
    assert set(inside_tar(files(out)["s.tar"])) == {*PHOTOS, *SIDECARS} - {"003.png", "003.cls"}
    assert rows(out)["s.tar/003.png"]["error_code"] == "decode_error"
    failed = run(lake, out, KEEP)
    assert (failed.exit_status, failed.unchanged, failed.current_failures) == (3, 1, 1)


def test_a_shard_fails_with_its_picture_if_asked_to(tmp_path, out):
    lake = write(tmp_path / "in", {"s.tar": a_tar(PHOTOS | {"003.png": PHOTOS["003.png"][:60]})})
    summary = run(lake, out, {"shards": {"on_failure": "fail"}})
    assert (summary.statuses, list(files(out))) == ({"failed": 1}, [])
    assert rows(out)["s.tar"]["error_code"] == "shard_image"


def test_a_shard_with_another_picture_instead(lake, out):
    run(lake, out, KEEP)
    write(lake, {"s.tar": a_tar({name: data for name, data in PHOTOS.items() if name != "002.png"})})
    run(lake, out, KEEP)
    assert "s.tar/002.png" not in rows(out)
    assert "002.png" not in inside_tar(files(out)["s.tar"])


def test_a_shard_that_is_gone_is_pruned_with_its_pictures(lake, out):
    run(lake, out, KEEP)
    (lake / "s.zip").unlink()
    summary = run(lake, out, KEEP | {"prune": True, "prune_limit": "100%"})
    assert summary.removed_gone == 1
    assert "s.zip" not in files(out)
    assert not any(key.startswith("s.zip/") for key in rows(out))


@pytest.mark.parametrize("settings", [{"in_place": True, "discard_originals": True}, {"names": "hashed"}])
def test_shards_fail_where_they_cannot_be_written(tmp_path, out, settings):
    lake = write(tmp_path / "in", {"s.tar": a_tar()})
    target = "" if "in_place" in settings else out
    summary = driver.run(config(lake, target, settings), LogProgress(), names_secret=b"k" * 32)
    assert summary.codes == {"shard_settings": 1}


def test_archives_without_pictures_are_no_shards(tmp_path, out):
    lake = write(tmp_path / "in", {"texts.zip": zipped([("a.txt", b"a")]), "nested.zip": zipped([("a.zip", a_tar())])})
    summary = run(lake, out)
    assert summary.codes == {"not_an_image": 1, "archive_unread": 1}
    assert files(out) == {}


def test_what_comes_out_goes_through_again(lake, out, tmp_path):
    run(lake, out, KEEP)
    published = files(out)
    assert rewritten(published["s.tar"], keep=("cls",))[0] == published["s.tar"]
    assert rewritten(published["s.zip"])[0] == published["s.zip"]
    assert rewritten(published["s.parquet"], keep=("label",))[0] == published["s.parquet"]
