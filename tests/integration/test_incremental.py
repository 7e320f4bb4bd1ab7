"""Night after night: only what would come out otherwise is done again, and what must not stand goes first."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from anonymizer.errors import ConfigError, ListingError, RunError
from anonymizer.lake.manifest import ManifestStore, from_table
from anonymizer.lake.storage import open_root
from anonymizer.lake.storage.local.root import LocalRoot
from anonymizer.run import engine
from tests.integration.runs import files, rows, run, write
from tests.pictures import photo

pytestmark = pytest.mark.usefixtures("cluster")


@pytest.fixture
def lake(tmp_path):
    contents = {f"{i:02}.png": photo(i) for i in range(6)}
    return write(tmp_path / "in", {**contents, "broken.png": photo(9)[:300], "notes.txt": b"text"})


@pytest.fixture
def no_ray(monkeypatch):
    """Fails whoever asks for a cluster."""

    def asked(*_):
        raise AssertionError("Ray is started although there is nothing to do")

    monkeypatch.setattr(engine, "connected", asked)


def versions(folder: Path) -> dict[str, tuple[int, int]]:
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.iterdir()}


def changed(before, after):
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def test_an_unchanged_night_starts_no_ray_reads_no_output_and_writes_no_row(lake, tmp_path, request, monkeypatch):
    first = run(lake, tmp_path / "out")
    before, manifest = versions(tmp_path / "out"), files(tmp_path / "out.manifest")
    request.getfixturevalue("no_ray")
    listed: list[str] = []
    original = LocalRoot.list

    def list_(self, *args, **options):
        listed.append(self.uri)
        return original(self, *args, **options)

    monkeypatch.setattr(LocalRoot, "list", list_)
    second = run(lake, tmp_path / "out")
    assert (second.written, second.unchanged, second.exit_status) == (0, first.listed, first.exit_status)
    assert not any(uri.endswith("/out") for uri in listed)
    assert versions(tmp_path / "out") == before
    added = set(files(tmp_path / "out.manifest")) - set(manifest)
    assert added == {f"_runs/{second.run_id}.json"}


def test_what_is_new_or_changed_is_done_and_nothing_else(lake, tmp_path):
    run(lake, tmp_path / "out")
    before = versions(tmp_path / "out")
    write(lake, {"02.png": photo(22), "02a.png": photo(23)})
    summary = run(lake, tmp_path / "out")
    assert (summary.written, summary.unchanged) == (2, 7)
    assert changed(before, versions(tmp_path / "out")) == {"02.png", "02a.png"}
    table = rows(tmp_path / "out")
    assert {key for key, row in table.items() if row["run_id"] == summary.run_id} == {"02.png", "02a.png"}
    assert run(lake, tmp_path / "out").written == 0


def test_a_setting_that_changes_outputs_redoes_all_and_force_does_too(lake, tmp_path):
    run(lake, tmp_path / "out")
    solid = {"redaction": {"method": "solid"}}
    assert run(lake, tmp_path / "out", solid).written == 8
    assert run(lake, tmp_path / "out", {**solid, "engine": {"io_threads": 2}}).written == 0
    assert run(lake, tmp_path / "out", {**solid, "force": True}).written == 8


def test_what_failed_for_a_passing_reason_is_tried_again_every_night(lake, tmp_path, request):
    (lake / "03.png").chmod(0)
    if os.access(lake / "03.png", os.R_OK):
        pytest.skip("this user reads everything")
    assert rows_of(run(lake, tmp_path / "out"), tmp_path)["03.png"]["error_code"] == "access_denied"
    assert run(lake, tmp_path / "out").written == 1
    (lake / "03.png").chmod(0o644)
    assert rows_of(run(lake, tmp_path / "out"), tmp_path)["03.png"]["status"] == "anonymized"


def rows_of(_summary, tmp_path):
    return rows(tmp_path / "out")


def test_a_failed_object_still_counts_when_it_was_not_tried_again(lake, tmp_path):
    assert run(lake, tmp_path / "out").exit_status == 3
    assert run(lake, tmp_path / "out").exit_status == 3
    assert run(lake, tmp_path / "out", {"max_failures": "1"}).exit_status == 0


def test_a_change_of_the_registry_redoes_exactly_whom_it_is_about(lake, tmp_path):
    registry = tmp_path / "consent.csv"
    settings = {"consent": {"registry": str(registry)}}
    registry.write_text("key,status\n00.png,granted\n01.png,granted\n02.png,denied\n")
    run(lake, tmp_path / "out", settings)
    before = versions(tmp_path / "out")
    registry.write_text("key,status\n03.png,granted\n01.png,granted\n02.png,denied\n")
    summary = run(lake, tmp_path / "out", settings)
    assert summary.removed_unsafe == 1
    assert changed(before, versions(tmp_path / "out")) == {"00.png", "03.png"}
    table = rows(tmp_path / "out")
    assert [table[f"0{i}.png"]["status"] for i in range(4)] == ["anonymized", "retained", "anonymized", "retained"]
    assert run(lake, tmp_path / "out", settings).written == 0


def test_a_grant_that_runs_out_is_taken_down_although_the_registry_is_the_same(lake, tmp_path):
    registry = tmp_path / "consent.csv"
    soon = datetime.now(UTC) + timedelta(hours=1)
    registry.write_text(f"key,status,valid_until\n00.png,granted,{soon.isoformat()}\n")
    settings = {"consent": {"registry": str(registry)}}
    run(lake, tmp_path / "out", settings)
    assert run(lake, tmp_path / "out", settings).written == 0
    (lake / "00.png").unlink()
    summary = run(lake, tmp_path / "out", {**settings, "as_of": (soon + timedelta(1)).isoformat()})
    assert summary.removed_unsafe == 1
    assert "00.png" not in files(tmp_path / "out")


def test_an_earlier_as_of_is_held_against_every_output(lake, tmp_path):
    registry = tmp_path / "consent.csv"
    now = datetime.now(UTC)
    registry.write_text(f"key,status,valid_from\n00.png,granted,{(now - timedelta(days=1)).isoformat()}\n")
    settings = {"consent": {"registry": str(registry)}}
    run(lake, tmp_path / "out", settings)
    summary = run(lake, tmp_path / "out", {**settings, "as_of": (now - timedelta(days=2)).isoformat()})
    assert summary.removed_unsafe == 1
    assert rows(tmp_path / "out")["00.png"]["status"] == "anonymized"


def test_sources_that_are_gone_are_reported_and_pruned_only_when_asked(lake, tmp_path):
    run(lake, tmp_path / "out")
    for name in ("00.png", "broken.png"):
        (lake / name).unlink()
    summary = run(lake, tmp_path / "out")
    assert (summary.gone, summary.removed_gone, "00.png" in files(tmp_path / "out")) == (1, 0, True)
    with pytest.raises(RunError, match="1 of 6 outputs no longer have a source"):
        run(lake, tmp_path / "out", {"prune": True})
    newest = max((tmp_path / "out.manifest/_runs").iterdir())
    assert json.loads(newest.read_text())["exit_status"] == 1
    assert "00.png" in files(tmp_path / "out")
    summary = run(lake, tmp_path / "out", {"prune": True, "prune_limit": "1"})
    # The failure goes with its source: it cannot stand in the way of exit status 0 for ever.
    assert (summary.removed_gone, summary.exit_status) == (2, 0)
    table = rows(tmp_path / "out")
    assert (table["00.png"]["status"], table["00.png"]["error_code"]) == ("removed", "source_gone")
    assert set(files(tmp_path / "out")) == {f"{i:02}.png" for i in range(1, 6)}
    assert run(lake, tmp_path / "out", {"prune": True}).gone == 0


def test_an_output_that_somebody_changed_is_not_pruned(lake, tmp_path):
    run(lake, tmp_path / "out")
    (lake / "00.png").unlink()
    write(tmp_path / "out", {"00.png": b"something else"})
    run(lake, tmp_path / "out", {"prune": True, "prune_limit": "50%"})
    assert files(tmp_path / "out")["00.png"] == b"something else"


def test_a_listing_that_ends_early_prunes_nothing(lake, tmp_path, monkeypatch):
    run(lake, tmp_path / "out")
    original = LocalRoot.list

    def list_(self, *args, **options):
        for count, entry in enumerate(original(self, *args, **options)):
            if self.uri.endswith("/in") and count == 2:
                raise ListingError("the disk is gone")
            yield entry

    monkeypatch.setattr(LocalRoot, "list", list_)
    with pytest.raises(ListingError):
        run(lake, tmp_path / "out", {"prune": True, "prune_limit": "100%"})
    assert len(files(tmp_path / "out")) == 6


@pytest.mark.parametrize("part", [{"limit": 3}, {"include": ["*.png"]}, {"exclude": ["x"]}, {"keys": "keys.csv"}])
def test_pruning_needs_the_whole_listing(lake, tmp_path, part):
    with pytest.raises(ConfigError, match="--prune needs the whole listing"):
        run(lake, tmp_path / "out", {"prune": True, **part})


def test_outputs_of_another_input_are_no_business_of_this_one(lake, tmp_path):
    run(lake, tmp_path / "out")
    other = write(tmp_path / "other", {"x.png": photo(30)})
    summary = run(other, tmp_path / "out", {"prune": True, "prune_limit": "100%"})
    assert (summary.gone, len(files(tmp_path / "out"))) == (0, 7)


def test_what_a_dead_run_published_without_a_row_gets_it(lake, tmp_path):
    first = run(lake, tmp_path / "out")
    manifest = ManifestStore(open_root(str(tmp_path / "out.manifest")))
    manifest.write_run(first.run_id, {**manifest.read_run(first.run_id), "finished": None})
    # A worker had written down that it would publish it; nobody says so of the other one.
    known = from_table(manifest.current().drop_columns(["run_id"]))[0]
    uri = open_root(str(tmp_path / "out")).uri
    rows_of_it = [replace(known, key=f"{name}.png", output_uri=f"{uri}/{name}.png") for name in ("orphan", "never")]
    manifest.write_intent(first.run_id, "dead", 1, rows_of_it)
    data = files(tmp_path / "out")[known.key]
    write(tmp_path / "out", {"orphan.png": data, "stranger.png": b"laid there meanwhile"})
    summary = run(lake, tmp_path / "out", {"redaction": {"method": "solid"}})
    assert (summary.recovered, summary.gone) == (1, 1)
    assert list(manifest.intents()) == []
    assert rows(tmp_path / "out")["orphan.png"]["output_sha256"] == known.output_sha256
    assert set(files(tmp_path / "out")) == {"orphan.png", "stranger.png", *(f"{i:02}.png" for i in range(6))}


def test_an_output_that_was_deleted_by_hand_comes_back_with_its_next_change(lake, tmp_path):
    run(lake, tmp_path / "out")
    (tmp_path / "out/00.png").unlink()
    write(lake, {"00.png": photo(50)})
    summary = run(lake, tmp_path / "out")
    assert summary.statuses["anonymized"] == 1
    assert "00.png" in files(tmp_path / "out")


def test_named_objects_are_redone_or_taken_down_without_listing(lake, tmp_path, monkeypatch):
    run(lake, tmp_path / "out")
    before = versions(tmp_path / "out")
    named = tmp_path / "keys.csv"
    named.write_text("key,action\n04.png,remove\n01.png,redo\nnothing.png,redo\n02.png,check\n")
    original = LocalRoot.list

    def list_(self, *args, **options):
        assert not self.uri.endswith("/in")
        return original(self, *args, **options)

    monkeypatch.setattr(LocalRoot, "list", list_)
    summary = run(lake, tmp_path / "out", {"keys": str(named)})
    assert (summary.written, summary.unchanged, summary.removed_requested) == (1, 1, 1)
    assert summary.missing == ["nothing.png"]
    assert changed(before, versions(tmp_path / "out")) == {"01.png", "04.png"}
    row = rows(tmp_path / "out")["04.png"]
    assert (row["status"], row["error_code"]) == ("removed", "requested")


def test_what_was_removed_on_request_stays_away_until_something_changes(lake, tmp_path):
    run(lake, tmp_path / "out")
    named = tmp_path / "keys.csv"
    named.write_text("key,action\n04.png,remove\n")
    run(lake, tmp_path / "out", {"keys": str(named)})
    assert run(lake, tmp_path / "out").written == 0
    assert "04.png" not in files(tmp_path / "out")
    write(lake, {"04.png": photo(60)})
    assert run(lake, tmp_path / "out").written == 1
    assert "04.png" in files(tmp_path / "out")


def test_a_named_object_does_not_take_the_output_of_one_that_was_not_named(tmp_path):
    lake = write(tmp_path / "in", {"a.heic.jpg": photo(1, image_format="JPEG")})
    run(lake, tmp_path / "out")
    published = files(tmp_path / "out")
    write(lake, {"a.heic": b"a photo that would become a.heic.jpg"})
    write(tmp_path, {"keys.csv": b"key\na.heic.jpg\n"})
    (tmp_path / "out/a.heic.jpg").write_bytes(b"of a.heic")
    run(lake, tmp_path / "out", {"keys": str(tmp_path / "keys.csv")})
    assert files(tmp_path / "out") == {"a.heic.jpg": b"of a.heic"} != published
    assert rows(tmp_path / "out")["a.heic.jpg"]["error_code"] == "key_collision"
