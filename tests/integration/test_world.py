"""The world around a run changes: disks come and go, places are mixed up, clocks are put back, files are somebody's."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from anonymizer.image.detectors.patch import PATCH_RGB
from anonymizer.lake.manifest import ManifestStore, from_table
from anonymizer.lake.storage import open_root
from anonymizer.lake.storage.local.root import LocalRoot
from anonymizer.lake.storage.s3.root import S3Root
from infra.proof.days.steps import Steps, counted
from tests.integration.worlds import Disk
from tests.pictures import decoded, photo

pytestmark = pytest.mark.usefixtures("no_ray")

SHOWN = {"a.png", "b.png"}


def said(capsys):
    """The closing table, its blanks made one."""
    return " ".join(capsys.readouterr().out.split())


def test_a_take_down_is_pending_until_output_is_there(world, capsys, caplog):
    assert world.run() == 0
    assert world.shown() == SHOWN
    world.hide_output()
    world.grant("b.png,granted")
    world.delete("a.png")
    before = world.rows()
    for _ in range(2):
        assert world.run() == 5
        assert "NOT SAFE: a.png" in capsys.readouterr().out
        assert "does not have the mark file" in caplog.text
        assert world.published() == {}
        assert world.rows() == before
    world.show_output()
    assert world.run() == 0
    assert "taken down 1 outputs" in said(capsys)
    assert world.shown() == {"b.png"}
    row = world.rows()["a.png"]
    assert (row["status"], row["error_code"], row["output_uri"]) == ("removed", "unsafe", None)


def test_nothing_is_published_to_a_place_that_is_not_output(world, capsys):
    assert world.run() == 0
    world.hide_output()
    world.put("d.png", photo(9))
    assert world.run() == 2
    assert "is its disk mounted" in capsys.readouterr().err
    assert world.run("--dry-run") == 2
    assert world.published() == {}
    assert "d.png" not in world.rows()
    world.show_output()
    assert world.run() == 0
    assert world.published().keys() == {"a.png", "b.png", "c.png", "d.png"}


def test_a_wrong_registry_takes_nothing_down_in_a_place_that_is_not_output(world, capsys):
    world.grant("a.png,granted,2026-01-05", header="key,status,valid_until")
    assert world.run("--as-of", "2026-01-01") == 0
    world.hide_output()
    world.registry.write_text("nonsense\n1\n")
    assert world.run("--as-of", "2026-02-01") == 2
    assert world.rows()["a.png"]["status"] == "retained"
    world.show_output()
    assert world.run("--as-of", "2026-02-01") == 2
    assert world.shown() == set()


def test_an_output_that_was_emptied_on_purpose_is_made_anew(world):
    assert world.run() == 0
    before = world.published()
    world.hide_output()
    world.grant("b.png,granted")
    assert world.run("--adopt", "keep") == 0
    assert world.shown() == {"b.png"}
    assert {k: v for k, v in world.published().items() if k != "a.png"} == {
        k: v for k, v in before.items() if k != "a.png"
    }
    assert world.run() == 0


def test_a_manifest_speaks_of_one_output(world, capsys):
    assert world.run() == 0
    other = f"{world.output}-2"
    manifest = ["--manifest", f"{world.output}.manifest"]
    world.grant("b.png,granted")
    assert world.run(*manifest, output=other) == 2
    assert f"is the manifest of {open_root(world.output, world.options).uri}" in capsys.readouterr().err
    assert world.run("--dry-run", *manifest, output=other) == 2
    assert list(open_root(other, world.options).list(output=True)) == []
    assert world.shown() == SHOWN
    assert world.run() == 0
    assert world.shown() == {"b.png"}


def test_rows_from_before_there_were_marks_have_to_speak_of_this_output(world, capsys):
    assert world.run() == 0
    forget_identity(world)
    other = f"{world.output}-2"
    assert world.run("--manifest", f"{world.output}.manifest", output=other) == 2
    assert "has rows of another OUTPUT" in capsys.readouterr().err
    world.hide_output()
    world.grant("b.png,granted")
    assert world.run() == 5
    world.show_output()
    assert world.run() == 0
    assert world.shown() == {"b.png"}


def forget_identity(world):
    """As if an older version had made it."""
    manifest = open_root(f"{world.output}.manifest", world.options)
    output = open_root(world.output, world.options)
    output.clear_mark(json.loads(manifest.get("_output.json"))["output_id"])
    manifest.delete(["_output.json"])


def test_an_output_of_another_manifest_is_refused(world, capsys):
    assert world.run() == 0
    assert world.run("--manifest", f"{world.output}-other.manifest") == 2
    assert "has the mark of another manifest" in capsys.readouterr().err
    assert world.shown() == SHOWN


def test_two_outputs_of_one_manifest_cannot_be_mixed_up_by_their_marks(world):
    """A mark counts with its content only: a file of its name may be anybody's."""
    assert world.run() == 0
    [name] = marks(world)
    world.hide_output()
    world.lay(name, b"not ours")
    assert world.run() == 2
    world.lay(name, b"")
    assert world.run() == 2


def marks(world):
    root = open_root(world.output, world.options)
    return [f".anon-output-{found}" for found in root.marks()]


@pytest.mark.parametrize("later", ["deleted", "withdrawn", "expired"])
def test_no_equal_hash_keeps_a_face_whose_source_became_a_link(tmp_path, later):
    world = Disk(tmp_path)
    world.put("a.png", photo(1))
    world.put("b.png", photo(2))
    world.grant("a.png,granted,2027-01-01", "b.png,granted,", header="key,status,valid_until")
    assert world.run("--as-of", "2026-01-01") == 0
    world.delete("a.png")
    (tmp_path / "in/a.png").symlink_to("b.png")
    assert world.run("--as-of", "2026-01-02") == 3
    row = world.rows()["a.png"]
    assert (row["error_code"], row["output_uri"] is not None) == ("not_a_regular_file", True)
    assert world.shown() == SHOWN
    if later == "deleted":
        world.grant("b.png,granted,", header="key,status,valid_until")
    elif later == "withdrawn":
        world.grant("a.png,withdrawn,", "b.png,granted,", header="key,status,valid_until")
    assert world.run("--as-of", "2027-02-01" if later == "expired" else "2026-01-03") == 3
    assert world.shown() == {"b.png"}
    row = world.rows()["a.png"]
    assert (row["status"], row["error_code"], row["output_uri"]) == ("failed", "not_a_regular_file", None)


@pytest.mark.parametrize("source", ["stays", "gone"])
@pytest.mark.parametrize(
    "begins",
    ["a.png,granted,p-1,2026-02-01,10,10,20,20,99,80", "a.png,denied,p-2,2026-02-01,,,,,,"],
    ids=["region that does not fit", "objection"],
)
def test_a_window_that_begins_can_end_what_was_allowed(world, source, begins):
    header = "key,status,subject_id,valid_from,x,y,w,h,width,height"
    world.grant("a.png,granted,p-1,,,,,,,", "b.png,granted,p-3,,,,,,,", begins, header=header)
    allowed = SHOWN if "granted,p-1,2026" in begins else {"b.png"}
    assert world.run("--as-of", "2026-01-01") == 0
    assert world.shown() == allowed
    if source == "gone":
        world.delete("a.png")
    assert world.run("--as-of", "2026-01-31T23:59:59Z") == 0
    assert world.shown() == allowed
    assert world.run("--as-of", "2026-02-01") == 0
    assert world.shown() == {"b.png"}


def test_pruned_is_purged(versions):
    assert versions.run() == 0
    versions.delete("a.png")
    assert versions.run("--prune", "--prune-limit", "100%") == 0
    assert versions.shown() == {"b.png"}
    assert not [key for key, _ in versions.everything_published() if key == "a.png"]
    versions.grant("b.png,granted")
    assert versions.run() == 0
    assert versions.shown() == {"b.png"}


def test_what_older_software_pruned_is_purged_with_the_first_mark(versions):
    assert versions.run() == 0
    versions.delete("a.png")
    kept = versions.published()["a.png"]
    assert versions.run("--prune", "--prune-limit", "100%") == 0
    versions.lay("a.png", kept)
    versions.unlay("a.png")
    assert "a.png" in versions.shown()
    forget_identity(versions)
    assert versions.run() == 0
    assert versions.shown() == {"b.png"}


@pytest.mark.parametrize("change", ["another photo", "another method", "a damaged photo", "a photo for everybody"])
def test_no_older_version_shows_what_the_current_one_does_not(versions, change):
    assert versions.run() == 0
    assert versions.shown() == SHOWN
    settings = []
    if change == "another photo":
        versions.put("a.png", photo(7, faces=()))
    elif change == "a damaged photo":
        versions.put("a.png", b"\x89PNG\r\n\x1a\n")
        versions.grant("b.png,granted")
    elif change == "another method":
        settings = ["--method", "solid"]
    else:
        versions.grant("a.png,denied", "b.png,granted")
    assert versions.run(*settings) in (0, 3)
    versions.grant("b.png,granted")
    assert versions.run(*settings) in (0, 3)
    assert versions.shown() == {"b.png"}


def test_names_that_move_outputs_make_them_due(world, capsys):
    assert world.run() == 0
    assert world.published().keys() == {"a.png", "b.png", "c.png"}
    assert world.run("--names", "hashed") == 0
    hashed = world.published()
    assert len(hashed) == 3
    assert not {"a.png", "b.png", "c.png"} & hashed.keys()
    assert {
        row["output_uri"].removeprefix(open_root(world.output, world.options).uri + "/")
        for row in world.rows().values()
    } == set(hashed)
    assert world.run("--names", "hashed") == 0
    assert world.published() == hashed
    assert world.run() == 0
    assert world.published().keys() == {"a.png", "b.png", "c.png"}
    assert sorted(world.published().values()) == sorted(hashed.values())


def test_what_became_a_link_does_not_keep_its_plain_name(tmp_path):
    world = Disk(tmp_path)
    world.put("a.png", photo(1))
    assert world.run() == 0
    world.delete("a.png")
    (tmp_path / "in/a.png").symlink_to("elsewhere")
    assert world.run("--names", "hashed") == 3
    assert world.published() == {}
    assert world.rows()["a.png"]["output_uri"] is None


def test_a_place_that_was_never_seen_marked_is_asked_about_anew(world, monkeypatch):
    """The run that began to mark it died; the disk is not there the next night."""
    assert world.run() == 0
    forget_identity(world)

    def dies(self, output_id):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        for kind in (LocalRoot, S3Root):
            patched.setattr(kind, "set_mark", dies)
        assert world.run() == 1
    world.hide_output()
    world.grant("b.png,granted")
    assert world.run() == 5
    assert world.published() == {}
    world.show_output()
    assert world.run() == 0
    assert world.shown() == {"b.png"}


def test_a_wrong_registry_after_an_upgrade_takes_down_what_has_run_out(world):
    world.grant("a.png,granted,2026-01-05", header="key,status,valid_until")
    assert world.run("--as-of", "2026-01-01") == 0
    forget_identity(world)
    world.registry.write_text("nonsense\n1\n")
    assert world.run("--as-of", "2026-02-01") == 2
    assert world.shown() == set()


def test_a_photo_that_cannot_move_loses_its_output(world):
    assert world.run() == 0
    world.put("c.png", b"\x89PNG\r\n\x1a\n")
    assert world.run("--names", "hashed") == 3
    assert len(world.published()) == 2
    assert "c.png" not in world.published()


def test_a_clock_that_was_put_back_revives_no_grant(world, clock, caplog):
    world.grant("a.png,granted,2026-06-09", "b.png,granted,2026-07-01", header="key,status,valid_until")
    assert world.run() == 0
    assert world.shown() == {"b.png"}
    clock[0] -= timedelta(days=2)
    assert world.run("--force") == 0
    assert world.shown() == {"b.png"}
    assert "but an earlier run evaluated consent for 2026-06-10" in caplog.text
    assert {row["as_of"] for row in world.rows().values()} == {datetime(2026, 6, 10, tzinfo=UTC)}
    clock[0] += timedelta(days=30)
    assert world.run() == 0
    assert world.shown() == set()


def test_a_time_given_by_hand_is_a_word_and_is_recorded(world, clock):
    world.grant("a.png,granted,2026-06-09", header="key,status,valid_until")
    assert world.run() == 0
    assert world.shown() == set()
    assert world.run("--as-of", "2026-06-08") == 0
    assert world.shown() == {"a.png"}
    manifest = ManifestStore(open_root(f"{world.output}.manifest", world.options))
    record = manifest.read_run(manifest.runs()[-1])
    assert (record["as_of"], record["as_of_given"]) == ("2026-06-08T00:00:00+00:00", True)
    # Nobody says so any more: what was known to be over stays over, although the clock was put back too.
    clock[0] -= timedelta(days=2)
    assert world.run() == 0
    assert world.shown() == set()


def test_a_folder_of_somebodys_files_is_refused_and_nothing_of_it_touched(world, capsys):
    theirs = {"a.png": b"theirs", "notes.txt": b"theirs too", "d/x.jpg": b"and this"}
    for key, data in theirs.items():
        world.lay(key, data)
    world.put("notes.txt", b"no picture")
    assert world.run() == 2
    assert "is not empty (it has 'a.png')" in capsys.readouterr().err
    assert world.run("--dry-run") == 2
    assert world.published() == theirs


@pytest.mark.parametrize("adopt", ["keep", "replace"])
def test_an_adopted_folder_loses_nothing(world, adopt):
    theirs = {"a.png": b"theirs", "notes.txt": b"theirs too", "broken.png": b"and this"}
    for key, data in theirs.items():
        world.lay(key, data)
    world.put("notes.txt", b"no picture")
    world.put("broken.png", b"\x89PNG\r\n\x1a\n")
    assert world.run("--adopt", adopt) == 3
    published = world.published()
    assert {key: published[key] for key in ("notes.txt", "broken.png")} == {
        "notes.txt": b"theirs too",
        "broken.png": b"and this",
    }
    row = world.rows()["a.png"]
    if adopt == "keep":
        assert published["a.png"] == b"theirs"
        assert (row["status"], row["error_code"], row["output_uri"]) == ("failed", "output_taken", None)
    else:
        assert published["a.png"] != b"theirs"
        assert row["status"] == "retained"
    assert world.rows()["b.png"]["status"] == "retained"


def test_what_somebody_lays_into_output_is_not_ours(world):
    assert world.run() == 0
    world.lay("d.png", b"theirs")
    world.lay("mine.txt", b"theirs")
    world.put("d.png", photo(8))
    assert world.run("--force") == 3
    assert world.published()["d.png"] == b"theirs"
    assert world.rows()["d.png"]["error_code"] == "output_taken"
    world.delete("d.png")
    assert world.run("--prune", "--prune-limit", "100%") == 0
    assert {"d.png", "mine.txt"} <= world.published().keys()


def test_a_mark_is_no_photo_of_a_lake_that_was_an_output(tmp_path):
    world = Disk(tmp_path)
    world.put("a.png", photo(1))
    assert world.run() == 0
    assert driver_of_output(world) == 0
    assert set(world.rows(f"{world.output}-2")) == {"a.png"}


def driver_of_output(world):
    first = world.folder / "in"
    shutil.rmtree(first)
    shutil.copytree(world.folder / "out", first)
    return world.run(output=f"{world.output}-2")


def test_a_take_down_in_a_disk_that_vanishes_meanwhile_is_pending(tmp_path, monkeypatch, capsys):
    world = Disk(tmp_path)
    world.put("a.png", photo(1))
    world.grant("a.png,granted")
    assert world.run() == 0
    world.grant("x.png,granted")
    purge = LocalRoot.purge

    def unmounted(self, key, *, expected=None):
        world.hide_output()
        purge(self, key, expected=expected)

    monkeypatch.setattr(LocalRoot, "purge", unmounted)
    assert world.run() == 5
    assert "NOT SAFE: a.png" in capsys.readouterr().out
    assert world.rows()["a.png"]["status"] == "retained"
    monkeypatch.undo()
    world.show_output()
    assert world.run() == 0
    assert world.shown() == set()


#: At every step of such a night the disk may go; this is beyond the last one.
MANY_STEPS = 400


@pytest.mark.parametrize("away", [None, 1, 4, 9])
def test_at_whatever_step_the_disk_goes_nothing_is_written_beside_it_and_nothing_lost(tmp_path, away):
    """It is away until the run has ended, or for so many steps."""
    for at in range(1 + (away or 0) % 3, MANY_STEPS, 19):
        (tmp_path / str(at)).mkdir()
        world = Disk(tmp_path / str(at))
        for i, key in enumerate(("a.png", "b.png", "d/c.png", "d/d.png", "d/e.png")):
            world.put(key, photo(i))
        world.grant("a.png,granted", "b.png,granted", "d/c.png,granted")
        assert world.run() == 0
        world.delete("a.png")
        world.put("d/c.png", photo(7))
        world.put("d/d.png", photo(8))
        world.grant("b.png,granted")
        steps = Steps(at)
        marked: list[int] = []

        def goes(world=world, steps=steps, marked=marked, at=at):
            world.hide_output()
            marked.append((world.folder / "out").stat().st_mtime_ns)
            steps.at, steps.happens = (None if away is None else at + away), lambda: comes(world, marked)

        def comes(world, marked):
            assert (world.folder / "out").stat().st_mtime_ns == marked.pop()
            world.show_output()

        steps.happens = goes
        with counted(steps):
            status = world.run()
        if steps.taken < at:
            assert at > MANY_STEPS // 8
            return
        if marked:
            comes(world, marked)
        assert status in (0, 1, 3, 5)
        assert world.run() == 0
        assert world.shown() == {"b.png"}
        assert set(world.published()) == {"b.png", "d/c.png", "d/d.png", "d/e.png"}
        assert {key for key, row in world.rows().items() if row["output_uri"]} == set(world.published())
    raise AssertionError("the night has more steps")


def test_what_could_not_be_removed_on_request_is_tried_by_every_later_run(tmp_path, monkeypatch):
    world = Disk(tmp_path)
    world.put("a.png", photo(1, faces=()))
    assert world.run() == 0
    world.delete("a.png")
    (tmp_path / "keys.csv").write_text("key,action\na.png,remove\n")

    def denied(self, key, *, expected=None):
        raise OSError

    monkeypatch.setattr(LocalRoot, "purge", denied)
    assert world.run("--keys", str(tmp_path / "keys.csv")) == 5
    row = world.rows()["a.png"]
    assert (row["status"], row["error_code"], row["output_uri"] is not None) == ("removed", "requested", True)
    assert world.run() == 5
    monkeypatch.undo()
    assert world.run() == 0
    assert world.published() == {}


def test_in_place_what_is_not_mounted_is_pending(tmp_path, capsys):
    world = Disk(tmp_path)
    world.put("a.png", photo(1))
    world.put("b.png", photo(2))
    world.grant("a.png,granted", "b.png,granted")
    in_place = ["--in-place", "--discard-originals", "--manifest", str(tmp_path / "kept")]
    assert world.run(*in_place) == 0
    (tmp_path / "in").rename(tmp_path / "unmounted")
    (tmp_path / "in").mkdir()
    world.grant("b.png,granted")
    assert world.run(*in_place) == 5
    assert "NOT SAFE: a.png" in capsys.readouterr().out
    shutil.rmtree(tmp_path / "in")
    (tmp_path / "unmounted").rename(tmp_path / "in")
    assert world.run(*in_place) == 0
    data = (tmp_path / "in/a.png").read_bytes()
    assert data != photo(1)
    assert "listed 2," in said(capsys)


def test_in_place_a_run_over_a_part_takes_down_everywhere(tmp_path):
    world = Disk(tmp_path)
    for i, key in enumerate(("a.png", "b.png")):
        world.put(key, photo(i))
    world.grant("a.png,granted", "b.png,granted")
    in_place = ["--in-place", "--discard-originals", "--manifest", str(tmp_path / "kept")]
    assert world.run(*in_place) == 0
    world.grant("x.png,granted")
    assert world.run(*in_place, "--include", "b*") == 0
    for key in ("a.png", "b.png"):
        assert not (decoded((tmp_path / "in" / key).read_bytes()) == PATCH_RGB).all(axis=-1).any()


def test_an_objection_to_what_is_a_link_matches(tmp_path, capsys):
    world = Disk(tmp_path)
    world.put("b.png", photo(2))
    (tmp_path / "in/a.png").symlink_to("b.png")
    world.grant("a.png,denied")
    assert world.run() == 3
    assert "match no listed object" not in said(capsys)


def test_what_a_killed_run_published_is_judged_today_and_a_stranger_beside_it_is_not(world):
    assert world.run() == 0
    manifest = ManifestStore(open_root(f"{world.output}.manifest", world.options))
    [known] = [row for row in from_table(manifest.current().drop_columns(["run_id"])) if row.key == "a.png"]
    uri = open_root(world.output, world.options).uri
    intended = [replace(known, key=key, output_uri=f"{uri}/{key}") for key in ("d.png", "stranger.png")]
    manifest.write_intent(manifest.runs()[-1], "dead", 1, intended)
    world.lay("d.png", world.published()["a.png"])
    world.lay("stranger.png", photo(5))
    # It shows a face that nobody allows.
    assert world.run() == 0
    assert set(world.published()) == {"a.png", "b.png", "c.png", "stranger.png"}
    assert list(manifest.intents()) == []
    assert (world.rows()["d.png"]["status"], world.rows()["d.png"]["error_code"]) == ("removed", "unsafe")
