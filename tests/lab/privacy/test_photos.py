"""Faces of the raw photos, near copies of them, and what is left out."""

from __future__ import annotations

import numpy as np

from anonymizer.lab.privacy import photos
from anonymizer.lab.privacy.people import Labelled
from anonymizer.lab.privacy.photos import Shot
from tests.lab.privacy import made
from tests.lab.privacy.made import FACE, Known, picture, png


def test_what_cannot_be_used_is_counted_by_its_reason(tmp_path):
    made.folder(tmp_path, people=4, photos=3)
    (tmp_path / "p00/0.png").write_bytes(b"no picture at all")
    (tmp_path / "p01/0.png").unlink()
    (tmp_path / "p02/0.png").write_bytes(png(picture(2, 0, with_face=False)))
    (tmp_path / "p03/0.png").write_bytes(png(picture(3, 0))[:200])
    (tmp_path / "p03/1.png").unlink()
    labelled = [Labelled(f"p0{person}/{photo}.png", f"p0{person}") for person in range(4) for photo in range(3)]
    subjects = photos.read(tmp_path, labelled, Known())
    assert subjects.refused == {"alone": 1, "decode_error": 1, "missing": 2, "no_face": 1, "not_an_image": 1}
    assert [photo.key for photo in subjects.photos] == [f"p0{p}/{n}.png" for p in range(3) for n in (1, 2)]
    assert subjects.persons.tolist() == [0, 0, 1, 1, 2, 2]
    assert subjects.person_count == 3
    assert len(subjects.photos) + sum(subjects.refused.values()) == len(labelled)


def test_the_largest_face_is_the_labelled_person_s():
    class Two(Known):
        def detect(self, pixels):
            return np.array([[0, 0, 10, 10], FACE, [90, 90, 110, 120]], np.float32), np.array([0.9, 0.8, 0.7])

    found = photos.shot(png(picture(0, 0)), Two())
    assert found is not None
    assert found.main.tolist() == list(FACE)
    assert len(found.given.faces) == 3  # All of them are redacted.


def test_copies_are_near_the_photo_and_lie_where_they_were_moved():
    original = photos.shot(png(picture(0, 0)), Known())
    assert original is not None
    pixels = photos.first_frame(original.data).astype(int)
    copies = photos.burst(original, 12, Known(), seed=3)
    assert copies[0] is original
    assert len(copies) == 12
    moves = set()
    for copy in copies[1:]:
        assert copy is not None
        right, down = (int(v) for v in copy.main[:2] - original.main[:2])
        moves.add((right, down))
        seen = photos.first_frame(copy.data).astype(int)
        inner = seen[2 + down : 118 + down, 2 + right : 118 + right]
        assert np.abs(inner - pixels[2:118, 2:118]).mean() < 12  # JPEG; elsewhere it would be another picture.
    assert moves <= {(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)}
    assert len(moves) > 3
    again = photos.burst(original, 12, Known(), seed=3)
    assert [copy.data for copy in again if copy] == [copy.data for copy in copies if copy]


def test_a_copy_in_which_the_face_is_missed_is_said_to_be():
    class Elsewhere(Known):
        def detect(self, pixels):
            return np.array([[0, 0, 20, 20]], np.float32), np.ones(1, np.float32)

    original = photos.shot(png(picture(0, 0)), Known())
    assert original is not None
    assert photos.burst(original, 3, Elsewhere(), seed=0)[1:] == [None, None]
    blank = Shot(png(picture(0, 0, with_face=False)), original.given, original.main)

    class Blind(Known):
        def detect(self, pixels):
            return np.zeros((0, 4), np.float32), np.zeros(0, np.float32)

    assert photos.burst(blank, 2, Blind(), seed=0)[1:] == [None]
