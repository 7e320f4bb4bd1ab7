"""Suspects: written beside the manifest, read by every run, redacted besides what is found."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from anonymizer import Anonymizer
from anonymizer.errors import BoxesMissing, RunError
from anonymizer.lake.storage import open_root
from anonymizer.people.boxes import SuspectList, with_suspects
from anonymizer.people.boxes.suspects import FOLDER, written
from anonymizer.records import Detections, Face, GivenBoxes, Suspects
from tests.pictures import decoded, photo

SECOND = (80, 40, 100, 64)


def faces(*boxes, score=0.75, frame=0):
    return Detections.of([Face(frame, x1, y1, x2 - x1, y2 - y1, score, True) for x1, y1, x2, y2 in boxes])


def suspects(*boxes, data=None, **changes):
    return Suspects(faces(*boxes, **changes), hashlib.sha256(data or photo(0)).hexdigest())


@pytest.fixture
def folder(tmp_path):
    return open_root(str(tmp_path / "out.manifest"))


def of(known: SuspectList, key: str) -> Suspects:
    given = known.besides(key, None)
    assert given is not None
    assert given.suspects is not None
    assert not given.complete
    return given.suspects


def lists(suspects):
    return suspects.faces.xyxy.tolist(), suspects.faces.score.tolist(), suspects.faces.frame.tolist()


def test_there_are_none(folder):
    known = SuspectList.read(folder)
    assert len(known) == 0
    assert known.besides("a.png", None) is None
    given = GivenBoxes(faces(SECOND))
    assert known.besides("a.png", given) is given


def test_what_is_written_is_read(folder):
    found = {"a.png": suspects(SECOND, (1, 2, 30, 40)), "ü\n.png": suspects((1.5, 2.25, 30, 40), frame=3)}
    name = written(folder, "r1", found.items())
    assert written(folder, "r1", found.items()) == name
    known = SuspectList.read(folder)
    assert len(known) == 2
    for key, expected in found.items():
        assert lists(of(known, key)) == lists(expected)
        assert of(known, key).sha256 == expected.sha256


def test_later_lists_add_to_earlier_ones_and_speak_for_a_newer_photo(folder):
    written(folder, "r1", [("a.png", suspects(SECOND)), ("b.png", suspects(SECOND))])
    written(folder, "r2", [("a.png", suspects(SECOND, (1, 2, 30, 40))), ("b.png", suspects((5, 5, 9, 9), data=b"new"))])
    known = SuspectList.read(folder)
    assert of(known, "a.png").faces.xyxy.tolist() == [list(SECOND), [1, 2, 30, 40]]
    assert lists(of(known, "b.png")) == lists(suspects((5, 5, 9, 9)))
    assert of(known, "b.png").source_sha256 == hashlib.sha256(b"new").hexdigest()


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b'{"key": "a.png"}',
        b'{"key":"a","frame":0,"x":1,"y":1,"w":0,"h":1,"score":1,"source_sha256":"00"}',
        b'{"key":"a","frame":0,"x":1,"y":1,"w":NaN,"h":1,"score":1,"source_sha256":"00"}',
        b'{"key":"a","frame":"b","x":1,"y":1,"w":1,"h":1,"score":1,"source_sha256":"00"}',
    ],
)
def test_a_damaged_list_is_not_passed_over(folder, line):
    folder.put(f"{FOLDER}r1-00.jsonl", line + b"\n")
    with pytest.raises(RunError, match="list of suspects"):
        SuspectList.read(folder)


def test_they_are_added_as_they_are():
    there = faces((80, 40, 100, 60), score=0.9)
    of_it = suspects(SECOND, (1, 1, 9, 9), score=0.95)
    joined = with_suspects(there, of_it, 1, of_it.source_sha256)
    # The first two are one face to a detector; here both are redacted.
    assert joined.xyxy.tolist() == [list(SECOND), [1, 1, 9, 9], [80, 40, 100, 60]]
    assert with_suspects(there, of_it, 1, "00") is there
    late = suspects(SECOND, frame=2)
    assert len(with_suspects(there, late, 2, late.source_sha256)) == 1
    assert with_suspects(there, late, 3, late.source_sha256).frame.tolist() == [0, 2]


def test_they_are_redacted_besides_what_is_found_and_the_row_says_so():
    anonymizer = Anonymizer({"detector": {"name": "patch"}, "redaction": {"method": "solid", "fill": "#010203"}})
    given = GivenBoxes(faces(), complete=False, suspects=suspects(SECOND))
    image = anonymizer(photo(0), given=given)
    after = decoded(image.data)
    assert (after[40:64, 80:100] == (1, 2, 3)).all()
    assert (after[30:54, 40:60] == (1, 2, 3)).all()
    assert [(face.x, face.score) for face in image.faces] == [(40, 1), (80, 0.75)]
    assert anonymizer.made_by(given)[0] == "patch+second_look"
    assert len({anonymizer.made_by(one)[2] for one in (None, given)}) == 2
    # Of another version of the photo they say nothing.
    other = anonymizer(photo(1), given=given)
    assert other.face_count == 1


def test_they_do_not_stand_for_the_boxes_that_are_missing():
    only = Anonymizer({"boxes": {"mode": "replace", "uri": "boxes.csv"}})
    with pytest.raises(BoxesMissing):
        only(photo(0), given=GivenBoxes(faces(), complete=False, suspects=suspects(SECOND)))
    both = GivenBoxes(faces((40, 30, 60, 54)), suspects=suspects(SECOND))
    assert only(photo(0), given=both).face_count == 2
    assert only.made_by(both)[0] == "boxes+second_look"


def test_boxes_without_suspects_have_the_hash_that_they_had():
    given = GivenBoxes(faces(SECOND))
    said = repr((None, None, None, False, 1))
    arrays = (given.faces.xyxy, given.faces.score, given.faces.frame)
    expected = hashlib.sha256(said.encode() + b"".join(np.ascontiguousarray(array).tobytes() for array in arrays))
    assert given.sha256 == expected.hexdigest()
