"""Boxes from outside, in addition to detection and in place of it, through the public API."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from anonymizer import Anonymizer
from anonymizer.config import DetectorConfig
from anonymizer.errors import BoxesMismatch, BoxesMissing, NotAnImage, Withheld
from anonymizer.image import detectors
from anonymizer.records import EVERY_FRAME, NO_CONSENT, Detections, Face, GivenBoxes, Grant, Region
from tests.pictures import decoded, encoded, scene

FACES = [(10, 10, 34, 40), (70, 12, 94, 44)]
SOURCE = encoded(scene(120, 90, FACES))
GREEN = (0, 255, 0)

Box = tuple[float, float, float, float]
"""`x, y, w, h`."""


def anonymizer(mode: str, **settings: object) -> Anonymizer:
    values = {"detector": {"name": "patch"}, "redaction": {"method": "solid", "fill": "#00ff00"}}
    return Anonymizer({**values, "boxes": {"mode": mode, "uri": "boxes.csv"}, **settings})


def given(*boxes: Box, score: float = 1.0) -> GivenBoxes:
    faces = [Face(EVERY_FRAME, *box, score, True) for box in boxes]
    return GivenBoxes(Detections.of(faces), 120, 90, hashlib.sha256(SOURCE).hexdigest())


def faces(image):
    return [(face.x, face.y, face.w, face.h) for face in image.faces]


def test_given_boxes_come_on_top_of_what_is_detected():
    image = anonymizer("add")(SOURCE, given=given((50, 60, 20, 20), (11, 11, 24, 30)))
    after = decoded(image.data)
    assert (after[60:80, 50:70] == GREEN).all()
    for x1, y1, x2, y2 in FACES:
        assert (after[y1:y2, x1:x2] == GREEN).all()
    # One of them is a face that was detected too: it counts once.
    assert (image.face_count, image.redacted_count) == (3, 3)


def test_without_boxes_for_a_photo_what_is_detected_is_redacted_all_the_same():
    assert faces(anonymizer("add")(SOURCE)) == [(10, 10, 24, 30), (70, 12, 24, 32)]


def test_in_place_of_detection_nothing_else_is_redacted_and_no_detector_is_made(monkeypatch):
    monkeypatch.setattr(detectors, "make", lambda *_: pytest.fail("a detector was made"))
    monkeypatch.setattr(detectors, "load_weights", lambda *_: pytest.fail("weights were read"))
    subject = anonymizer("replace")
    subject.self_test()
    image = subject(SOURCE, given=given((50, 60, 20, 20), score=0.5))
    assert [(f.x, f.y, f.w, f.h, f.score) for f in image.faces] == [(50, 60, 20, 20, 0.5)]
    before, after = decoded(SOURCE), decoded(image.data)
    assert (after[60:80, 50:70] == GREEN).all()
    assert (after[10:44] == before[10:44]).all()


def test_given_boxes_are_padded_like_detected_ones():
    box = (40, 30, 20, 20)
    redacted = decoded(anonymizer("replace")(SOURCE, given=given(box)).data)
    changed = (redacted == GREEN).all(axis=2)
    side = round(20 * DetectorConfig().padding)
    assert (changed[40, :].sum(), changed[:, 50].sum()) == (side, side)


def test_no_face_is_an_answer_and_no_answer_is_a_failure():
    subject = anonymizer("replace")
    assert subject(SOURCE, given=given()).status == "no_face"
    with pytest.raises(BoxesMissing) as caught:
        subject(SOURCE)
    assert (caught.value.status, caught.value.retryable) == ("failed", False)
    with pytest.raises(NotAnImage):
        subject(b"notes")


@pytest.mark.parametrize("mode", ["add", "replace"])
@pytest.mark.parametrize(
    "misfit",
    [
        replace(given(), source_sha256="0" * 64),
        replace(given(), width=90, height=120),
        replace(given(), outdated=True),
        given((130, 10, 5, 5)),
    ],
)
def test_boxes_of_another_version_fail_the_photo(mode, misfit):
    with pytest.raises(BoxesMismatch) as caught:
        anonymizer(mode)(SOURCE, given=misfit)
    assert (caught.value.status, caught.value.retryable) == ("failed", False)


@pytest.mark.parametrize("mode", ["add", "replace"])
def test_consent_speaks_of_given_boxes_as_of_detected_ones(mode):
    known = given((10, 10, 24, 30), (70, 12, 24, 32))
    grant = Grant(0, False, Region(4, 4, 40, 45, 120, 90), "rec-1", None)
    image = anonymizer(mode)(SOURCE, replace(NO_CONSENT, grants=(grant,)), known)
    assert [face.redacted for face in image.faces] == [False, True]
    assert (decoded(image.data)[10:40, 10:34] == decoded(SOURCE)[10:40, 10:34]).all()


def test_a_withheld_photo_needs_no_boxes():
    with pytest.raises(Withheld):
        anonymizer("replace", consent={"policy": "public"})(SOURCE)


def test_every_frame_of_a_film():
    stills = [Image.fromarray(scene(120, 90, seed=i)) for i in range(3)]
    film = io.BytesIO()
    stills[0].save(film, "GIF", save_all=True, append_images=stills[1:])
    known = replace(given((50, 60, 20, 20)), source_sha256=None)
    image = anonymizer("replace")(film.getvalue(), given=known)
    assert [face.frame for face in image.faces] == [0, 1, 2]
    with Image.open(io.BytesIO(image.data)) as opened:
        for index in range(3):
            opened.seek(index)
            inside = np.asarray(opened.convert("RGB"))[60:80, 50:70].reshape(-1, 3)
            assert len(np.unique(inside, axis=0)) == 1


@pytest.mark.parametrize("method", ["smooth", "blur", "pixelate", "solid", "gaussian"])
@pytest.mark.parametrize("image_format", ["PNG", "JPEG"])
def test_done_again_from_its_own_faces_the_same_bytes_come_out(monkeypatch, method, image_format):
    # Boxes as networks give them, overlapping, at the border, of any fraction.
    rng = np.random.default_rng(5)
    corners = rng.uniform(0, 80, (40, 2)).astype(np.float32)
    boxes = np.concatenate([corners, corners + rng.uniform(0.4, 40, (40, 2)).astype(np.float32)], axis=1)
    scores = np.sort(rng.uniform(0.05, 1, 40).astype(np.float32))[::-1]
    found = (np.minimum(boxes, np.array([120, 90, 120, 90], np.float32)), scores)
    source = encoded(scene(120, 90, seed=3), image_format, quality=90)
    first = Anonymizer({"detector": {"name": "patch"}, "redaction": {"method": method}})
    monkeypatch.setattr(first.detector, "detect", lambda pixels: found)
    image = first(source)
    known = GivenBoxes(Detections.of(image.faces), image.width, image.height, image.source_sha256)
    again = Anonymizer({"boxes": {"mode": "replace"}, "redaction": {"method": method}})(source, given=known)
    assert again.data == image.data
    assert again.faces == image.faces


def test_the_row_says_where_the_boxes_came_from_and_every_box_counts():
    known, other = given((50, 60, 20, 20)), given((51, 60, 20, 20))
    alone = Anonymizer({"detector": {"name": "patch"}})
    add, replace_ = anonymizer("add"), anonymizer("replace")
    assert alone.detector is not None
    assert alone.made_by(None) == ("patch", alone.detector.sha256, alone.settings_sha256)
    said = [subject.made_by(boxes) for subject in (add, replace_) for boxes in (None, known, other)]
    assert [name for name, _, _ in said] == ["patch+boxes"] * 3 + ["boxes"] * 3
    assert said[4][1] == known.sha256
    assert len({sha256 for _, sha256, _ in said}) == 6
    assert len({settings for _, _, settings in said} | {alone.settings_sha256}) == 7
    assert anonymizer("add").made_by(given((50, 60, 20, 20))) == said[1]


def test_what_the_detector_would_have_done_does_not_count_in_its_place():
    hashes = {anonymizer("replace", detector={"name": "patch", "scale": s}).made_by(None)[2] for s in (0.5, 1)}
    assert len(hashes) == 1
    hashes = {anonymizer("replace", detector={"name": "patch", "padding": p}).made_by(None)[2] for p in (1.2, 1.3)}
    assert len(hashes) == 2
