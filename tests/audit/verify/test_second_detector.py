"""A second look: what is covered, what is kept, and what is suspect."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from anonymizer.audit.verify.second_detector import MIN_FACE_PX, FlipAugmented, check_photo, detector_settings
from anonymizer.config import DetectorConfig
from anonymizer.image import detectors
from anonymizer.records import Face, Frame, ManifestRow, Picture
from tests.pictures import scene

PATCH = (40, 30, 60, 54)


def patch():
    return FlipAugmented(detectors.make(DetectorConfig(name="patch"), None))


def row(*faces):
    return ManifestRow("a.png", "in/a.png", "anonymized", datetime.now(UTC), faces=faces)


def face(box, frame=0, redacted=False):
    x1, y1, x2, y2 = box
    return Face(frame, x1, y1, x2 - x1, y2 - y1, 0.9, redacted)


def masks(*boxes, count=1):
    found = np.zeros((count, 90, 120), bool)
    for x1, y1, x2, y2 in boxes:
        found[:, y1:y2, x1:x2] = True
    return tuple(found)


def picture(*frames):
    return Picture("png", tuple(Frame(scene(120, 90, boxes, seed=i)) for i, boxes in enumerate(frames)))


def test_nobody():
    seen = check_photo(picture([]), row(), masks(), patch())
    assert (seen.faces, seen.suspects) == (0, ())


def test_a_face_in_clear_is_suspect():
    seen = check_photo(picture([PATCH]), row(), masks(), patch())
    assert [(one.frame, one.xyxy, one.score, one.covered) for one in seen.suspects] == [(0, (40, 30, 60, 54), 1, 0)]


@pytest.mark.parametrize(("rows", "suspect"), [(20, False), (19, True)])
def test_four_fifths_of_it_have_to_be_redacted(rows, suspect):
    # A detector that is not impressed by what is gray: of 25 rows so many are redacted.
    box = (40, 30, 60, 55)
    covered = (40, 30, 60, 30 + rows)
    seen = check_photo(picture([box]), row(face(box, redacted=True)), masks(covered), always(box))
    assert bool(seen.suspects) is suspect
    assert (seen.redacted, seen.proven) == (1, 0 if suspect else 1)


def always(box):
    class Always:
        name, sha256, output_revision = "always", "", 1

        def detect(self, pixels):
            del pixels
            return np.array([box], np.float32), np.array([0.8], np.float32)

    return Always()


def test_what_the_redaction_looks_like_is_not_suspect():
    """A covered patch that reaches beyond its mask on one side: seen once, and not any more when the mask is gray."""
    seen = check_photo(picture([(40, 30, 60, 54)]), row(), masks((40, 30, 60, 46)), patch())
    assert seen.faces == 1
    assert seen.suspects == ()


def test_a_face_that_consent_has_kept_is_none():
    assert check_photo(picture([PATCH]), row(face(PATCH)), masks(), patch()).suspects == ()
    # The second detector's box is not the first one's.
    assert check_photo(picture([PATCH]), row(face((38, 24, 62, 58))), masks(), patch()).suspects == ()
    # Another, smaller face in front of the kept one is another face.
    assert len(check_photo(picture([PATCH]), row(face((10, 0, 110, 90))), masks(), patch()).suspects) == 1
    assert len(check_photo(picture([PATCH]), row(face((80, 30, 100, 54))), masks(), patch()).suspects) == 1


def test_every_frame_is_looked_at_with_its_own_masks_and_faces():
    film = picture([PATCH], [PATCH], [PATCH])
    kept = row(face(PATCH, frame=1))
    bare, covered = masks()[0], masks((30, 20, 70, 64))[0]
    seen = check_photo(film, kept, (bare, bare, covered), patch())
    assert [one.frame for one in seen.suspects] == [0]


@pytest.mark.parametrize(("height", "suspect"), [(MIN_FACE_PX, True), (MIN_FACE_PX - 1, False)])
def test_nobody_is_known_by_a_few_pixels(height, suspect):
    seen = check_photo(picture([(40, 30, 54, 30 + height)]), row(), masks(), patch())
    assert bool(seen.suspects) is suspect


def test_a_mirror_shows_faces_that_look_the_other_way():
    class ToTheLeft:
        """Sees a patch only if it is in the left half."""

        name, sha256, output_revision = "left", "", 1

        def detect(self, pixels):
            boxes, scores = detectors.make(DetectorConfig(name="patch"), None).detect(pixels)
            left = boxes[:, 2] <= pixels.shape[1] / 2
            return boxes[left], scores[left]

        def self_test(self):
            raise AssertionError

    both = scene(120, 90, [(10, 10, 30, 34), (80, 40, 107, 70)])
    boxes, _ = FlipAugmented(ToTheLeft()).detect(both)
    assert sorted(boxes.tolist()) == [[10, 10, 30, 34], [80, 40, 107, 70]]
    with pytest.raises(AssertionError):
        FlipAugmented(ToTheLeft()).self_test()


def test_it_looks_larger_than_a_run_does_unless_told_otherwise():
    assert (
        detector_settings(DetectorConfig(name="yunet")).scale,
        detector_settings(DetectorConfig(name="yunet")).min_score,
    ) == (1, 0.5)
    asked = DetectorConfig(name="yunet", scale=2, min_score=0.4, max_area_px=10_000)
    assert detector_settings(asked) == asked
    assert detector_settings(DetectorConfig()).min_score is None


def recording(widest):
    class Recording:
        name, sha256, output_revision = "recording", "", 1

        def detect(self, pixels):
            widest.append(int(np.ptp(pixels[10:80, 70:110])))
            return np.array([(75, 20, 105, 60)], np.float32), np.array([0.8], np.float32)

    return Recording()


def test_what_is_painted_gray_hides_nobody_in_a_framed_fog():
    """The gray stays among the tones of the fog: else the fog would be the little that a stretched picture shows."""
    fog = np.random.default_rng(1).integers(200, 216, (90, 120), dtype=np.uint8)
    fog[:3], fog[-3:] = 0, 255
    widest: list[int] = []
    check_photo(Picture("png", (Frame(fog),)), row(), masks((20, 15, 65, 75)), recording(widest))
    # As it is and stretched, before and after.
    assert [value > 150 for value in widest] == [False, True, False, True]
