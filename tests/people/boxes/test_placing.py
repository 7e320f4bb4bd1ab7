"""Given boxes on a decoded picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from anonymizer.errors import BoxesMismatch
from anonymizer.lake.manifest import to_table
from anonymizer.people.boxes import from_manifest, placed
from anonymizer.records import EVERY_FRAME, Detections, Face, Frame, GivenBoxes, ImageRef, ManifestRow
from tests.lake.manifest.rows import NOON

SHA = "ab" * 32

Box = tuple[float, float, float, float]
"""`x, y, w, h`."""

FRAMES = [Frame(np.zeros((40, 60), np.uint8))] * 3


def given(*boxes: Box, score: float = 1.0, frame: int = EVERY_FRAME) -> GivenBoxes:
    faces = [Face(frame, *box, score - i / 10, True) for i, box in enumerate(boxes)]
    return GivenBoxes(Detections.of(faces), 60, 40, SHA)


def test_nothing_is_an_answer():
    found = placed(given(), FRAMES, SHA)
    assert (found.xyxy.shape, found.score.shape, found.frame.shape) == ((0, 4), (0,), (0,))


def test_a_box_without_a_frame_is_in_every_one():
    found = placed(given((1, 2, 3, 4)), FRAMES, SHA)
    assert found.frame.tolist() == [0, 1, 2]
    assert found.xyxy.tolist() == [[1, 2, 4, 6]] * 3


def test_strongest_first_within_a_frame():
    known = given((1, 1, 1, 1), (2, 2, 2, 2), (3, 3, 3, 3))
    faces = replace(known.faces, score=np.array([0.25, 0.5, 0.5], np.float32), frame=np.array([1, 0, 1], np.int32))
    found = placed(replace(known, faces=faces), FRAMES, SHA)
    assert found.xyxy[:, 0].tolist() == [2, 3, 1]
    assert found.frame.tolist() == [0, 1, 1]


def test_boxes_over_the_border_are_not_clipped():
    assert placed(given((-5, 30, 20, 20), frame=0), FRAMES, SHA).xyxy.tolist() == [[-5, 30, 15, 50]]


@pytest.mark.parametrize(
    "misfit",
    [
        replace(given(), source_sha256="cd" * 32),
        replace(given(), width=61),
        replace(given(), height=41),
        replace(given(), outdated=True),
        given((60, 0, 5, 5)),
        given((0, -5, 5, 5)),
        given((1, 1, 1, 1), frame=3),
    ],
)
def test_boxes_of_something_else_are_refused(misfit):
    with pytest.raises(BoxesMismatch):
        placed(misfit, FRAMES, SHA)


def test_what_was_not_said_is_not_checked():
    assert len(placed(GivenBoxes(given((1, 1, 2, 2), frame=0).faces), FRAMES, SHA)) == 1


def test_a_manifest_is_boxes():
    row = ManifestRow("a.gif", "", "anonymized", NOON, source_sha256=SHA, width=60, height=40)
    faces = (Face(0, 1, 2, 3, 4, 0.5, True), Face(2, -1, 0.1, 5.7, 6, 0.25, False))
    rows = [replace(row, faces=faces), replace(row, key="b.png", status="no_face")]
    table = from_manifest(to_table(rows))
    one, two = (table.find(ImageRef(key, "", "any", 1, None)) for key in ("a.gif", "b.png"))
    assert one is not None
    assert two is not None
    assert np.array_equal(one.faces.xyxy, Detections.of(faces).xyxy)
    assert (one.faces.frame.tolist(), one.faces.score.tolist()) == ([0, 2], [0.5, 0.25])
    assert (one.width, one.height, one.source_sha256, one.outdated) == (60, 40, SHA, False)
    assert (len(two.faces), two.width) == (0, 60)
    assert len(from_manifest(to_table([]))) == 0
