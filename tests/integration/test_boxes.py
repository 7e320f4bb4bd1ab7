"""A run with boxes from outside: in addition, in place, and from an earlier run."""

from __future__ import annotations

import hashlib

import pytest

from anonymizer.errors import ConfigError
from anonymizer.image import detectors
from tests.integration.runs import files, rows, run, write
from tests.pictures import decoded, photo

pytestmark = pytest.mark.usefixtures("cluster")

SOLID = {"redaction": {"method": "solid", "fill": "#010203"}}
INK = (1, 2, 3)


@pytest.fixture
def lake(tmp_path):
    contents = {f"album/{i}.png": photo(i) for i in range(6)}
    return write(tmp_path / "in", contents | {"street.png": photo(7, faces=()), "notes.txt": b"no picture"})


def boxes(tmp_path, *lines, columns="key,x,y,w,h,width,height,source_sha256"):
    path = tmp_path / "boxes.csv"
    path.write_text("\n".join([columns, *lines, ""]))
    return path


def sha256(seed):
    return hashlib.sha256(photo(seed)).hexdigest()


def status(row):
    return row["status"], row["error_code"]


def test_in_addition_to_detection(lake, tmp_path):
    given = boxes(tmp_path, "album/1.png,80,60,20,16,120,90,", f"album/2.png,80,60,20,16,,,{sha256(3)}")
    summary = run(lake, tmp_path / "out", {"boxes": {"uri": str(given)}, **SOLID})
    table = rows(tmp_path / "out")
    assert [table[f"album/{i}.png"]["face_count"] for i in (0, 1)] == [1, 2]
    after = decoded((tmp_path / "out/album/1.png").read_bytes())
    assert (after[60:76, 80:100] == INK).all()
    assert (after[30:54, 40:60] == INK).all()
    assert status(table["album/2.png"]) == ("failed", "boxes_mismatch")
    assert table["street.png"]["status"] == "no_face"
    assert {row["detector"] for row in table.values()} == {"patch+boxes"}
    assert (summary.exit_status, summary.statuses["failed"]) == (3, 1)
    assert summary.listed == len(table)


def test_in_place_of_detection(lake, tmp_path, monkeypatch):
    monkeypatch.setattr(detectors, "load_weights", lambda *_: pytest.fail("weights were read"))
    given = boxes(
        tmp_path,
        f"album/0.png,80,60,20,16,120,90,{sha256(0)}",
        "album/1.png,,,,,,,",
        f"album/2.png,80,60,20,16,,,{sha256(3)}",
        "album/3.png,80,60,20,16,90,120,",
        "album/4.png,80,60,20,16,,,",
        "gone.png,1,1,1,1,,,",
        "notes.txt,1,1,1,1,,,",
    )
    # Without weights and without a detector: there is none to be had.
    settings = {"boxes": {"uri": str(given), "mode": "replace"}, "detector": {"name": "yunet"}, **SOLID}
    run(lake, tmp_path / "out", settings)
    table = rows(tmp_path / "out")
    assert {key: status(row) for key, row in table.items()} == {
        "album/0.png": ("anonymized", None),
        "album/1.png": ("no_face", None),
        "album/2.png": ("failed", "boxes_mismatch"),
        "album/3.png": ("failed", "boxes_mismatch"),
        "album/4.png": ("anonymized", None),
        "album/5.png": ("failed", "boxes_missing"),
        "notes.txt": ("skipped", "not_an_image"),
        "street.png": ("failed", "boxes_missing"),
    }
    assert set(files(tmp_path / "out")) == {"album/0.png", "album/1.png", "album/4.png"}
    assert not any(row["retryable"] for row in table.values())
    assert {row["detector"] for row in table.values()} == {"boxes"}
    after = decoded((tmp_path / "out/album/0.png").read_bytes())
    assert (after[60:76, 80:100] == INK).all()
    assert (after[30:54, 40:60] == (255, 0, 128)).all()


def test_an_earlier_run_is_redone_without_detecting(lake, tmp_path, monkeypatch):
    registry = tmp_path / "r.csv"
    registry.write_text("key,status\nalbum/4.png,granted\n")
    consent = {"consent": {"registry": str(registry)}}
    run(lake, tmp_path / "first", consent)
    monkeypatch.setattr(detectors, "load_weights", lambda *_: pytest.fail("weights were read"))
    known = {"boxes": {"uri": f"{tmp_path}/first.manifest", "mode": "replace"}}
    run(lake, tmp_path / "again", {**known, **consent})
    assert files(tmp_path / "again") == files(tmp_path / "first")
    run(lake, tmp_path / "solid", {**known, **SOLID})
    before, after = rows(tmp_path / "first"), rows(tmp_path / "solid")
    assert set(before) == set(after)
    assert (before["album/4.png"]["status"], after["album/4.png"]["status"]) == ("retained", "anonymized")
    for key in files(tmp_path / "first"):
        assert [f | {"redacted": True} for f in before[key]["faces"]] == after[key]["faces"]
    assert (decoded((tmp_path / "solid/album/0.png").read_bytes())[30:54, 40:60] == INK).all()


def test_a_run_may_be_redone_over_itself_and_a_failure_takes_no_boxes_away(lake, tmp_path):
    out = tmp_path / "out"
    run(lake, out)
    known = {"boxes": {"uri": f"{out}.manifest", "mode": "replace"}, **SOLID}
    (lake / "album/5.png").write_bytes(photo(50))
    run(lake, out, known)
    table = rows(out)
    assert status(table["album/5.png"]) == ("failed", "boxes_mismatch")
    assert (decoded((out / "album/0.png").read_bytes())[30:54, 40:60] == INK).all()
    (lake / "album/5.png").write_bytes(photo(5))
    run(lake, out, known)
    assert rows(out)["album/5.png"]["status"] == "anonymized"
    assert (decoded((out / "album/5.png").read_bytes())[30:54, 40:60] == INK).all()


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"mode": "replace"}, "--boxes"),
        ({"uri": "missing.csv"}, "the file of boxes"),
        ({"uri": "missing"}, "is neither a manifest's folder nor"),
        ({"uri": "boxes.csv"}, "row 1: w: not a number"),
        ({"uri": "in"}, "is neither a manifest's folder nor"),
    ],
)
def test_what_is_wrong_with_boxes_is_said_before_any_work(lake, tmp_path, monkeypatch, settings, said, dry_run):
    monkeypatch.chdir(tmp_path)
    boxes(tmp_path, "a.png,1,1,0,1,,,")
    with pytest.raises(ConfigError, match=said) as caught:
        run(lake, tmp_path / "out", {"boxes": settings, "dry_run": dry_run})
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_boxes_that_change_are_other_arguments_or_other_settings(lake, tmp_path):
    hashes = []
    for x in (80, 81):
        given = boxes(tmp_path, f"album/1.png,{x},60,20,16,120,90,")
        run(lake, tmp_path / "out", {"boxes": {"uri": str(given)}})
        hashes.append({key: row["settings_sha256"] for key, row in rows(tmp_path / "out").items()})
    changed = {key for key, value in hashes[0].items() if value != hashes[1][key]}
    assert changed == {"album/1.png"}
