"""Variants, the crops that are cut from them alike, and what attackers see there."""

from __future__ import annotations

import numpy as np
import pytest

from anonymizer.errors import UsageError
from anonymizer.lab.privacy import features, looks, photos, variants
from anonymizer.lab.privacy.people import Labelled
from tests.lab.privacy import made
from tests.lab.privacy.made import FACE, Known


def plain(width: int, height: int) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows, columns, rows + columns], axis=-1).astype(np.uint8)


def test_a_crop_is_a_square_around_the_box():
    pixels = plain(100, 80)
    box = np.array([40, 30, 50, 50], np.float32)  # Middle (45, 40), longer side 20.
    found = looks.crop(pixels, box, view=2.0, side_px=40)
    assert np.array_equal(found, pixels[20:60, 25:65])


def test_a_crop_that_reaches_beyond_the_picture_repeats_its_border():
    pixels = plain(30, 30)
    found = looks.crop(pixels, np.array([0, 0, 10, 10], np.float32), view=2.0, side_px=20)
    assert np.array_equal(found[5:, 5:], pixels[:15, :15])
    assert (found[:5, 5:] == pixels[0, :15]).all()
    assert (found[5:, :5] == pixels[:15, :1]).all()


def test_the_middle_of_a_crop_is_the_crop_of_a_narrower_view():
    pixels = plain(240, 240)
    wide = looks.crop(pixels, np.array([100, 100, 140, 140], np.float32), view=features.VIEW, side_px=96)
    face = looks.crop(pixels, np.array([100, 100, 140, 140], np.float32), view=1.4, side_px=56)
    assert np.array_equal(features.middle(wide[None], 1.4)[0], face)


def test_eyes_give_finite_rows_of_their_width():
    crops = np.random.default_rng(0).integers(0, 256, (3, features.SIDE_PX, features.SIDE_PX, 3), dtype=np.uint8)
    for eye, width in (
        (features.face_pixels, 3072),
        (features.wide_pixels, 3072),
        (features.face_gradients, 2196),
        (features.wide_gradients, 2196),
    ):
        found = eye(crops)
        assert found.shape == (3, width)
        assert np.isfinite(found).all()
        assert 0 <= found.min() <= found.max() <= 3


def test_the_face_s_eyes_do_not_see_around_it():
    crops = np.full((1, features.SIDE_PX, features.SIDE_PX, 3), 90, np.uint8)
    other = crops.copy()
    other[:, :40] = 250
    assert np.array_equal(features.face_pixels(crops), features.face_pixels(other))
    assert np.array_equal(features.face_gradients(crops), features.face_gradients(other))
    assert not np.array_equal(features.wide_pixels(crops), features.wide_pixels(other))


@pytest.fixture
def subjects(tmp_path):
    root = made.folder(tmp_path / "raw", people=2, photos=2)
    labelled = [Labelled(f"p0{person}/{photo}.png", str(person)) for person in range(2) for photo in range(2)]
    return photos.read(root, labelled, Known())


EYES = {"whole": lambda crops: crops.reshape(len(crops), -1).astype(np.float32)}


def seen(subjects, name: str) -> np.ndarray:
    variant = variants.raw() if name == "raw" else variants.method(name)
    return looks.look(subjects.photos, variant, EYES).features["whole"][:, 0].reshape(4, 224, 224, 3)


def test_raw_and_redacted_are_cut_alike_and_differ_under_the_mask_alone(subjects):
    raw, solid = seen(subjects, "raw"), seen(subjects, "solid")
    changed = (raw != solid).any(axis=(0, 3))
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    # The mask is 1.4 of the 2.4 boxes that a crop shows; a pixel of the photo is about two of the crop.
    rim = round(224 * (1 - 1.4 / 2.4) / 2)
    for found in (rows, columns):
        assert abs(found[0] - rim) <= 3
        assert abs(found[-1] - (223 - rim)) <= 3
    assert (solid[:, 112, 112] == 128).all()


def test_a_strength_is_the_run_s_setting(subjects):
    wider = seen(subjects, "solid:padding=1.8")
    rim = round(224 * (1 - 1.8 / 2.4) / 2)
    assert (wider[:, 112, rim + 3] == 128).all()
    few, many = (np.unique(seen(subjects, f"pixelate:cells={cells}")[0, 80:140, 80:140]).size for cells in (2, 16))
    assert few < many
    assert variants.method("smooth:padding=1.8").solid == "solid:padding=1.8"
    assert variants.method("pixelate:cells=3").solid == "solid"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "none of"),
        ("glue", "'glue' is none of"),
        ("smooth:strength=3", "a strength is one of"),
        ("pixelate:cells=99", "cells"),
        ("pixelate:cells=many", "cells"),
    ],
)
def test_methods_that_are_none_are_refused(text, said):
    with pytest.raises(UsageError, match=said):
        variants.method(text)


def test_each_variant_has_its_solid_beside_it(tmp_path):
    chosen = variants.chosen(["smooth", "smooth:padding=1.8", "smooth"], [("mine", tmp_path)])
    assert [variant.name for variant in chosen] == [
        "raw",
        "mine",
        "smooth",
        "smooth:padding=1.8",
        "solid",
        "solid:padding=1.8",
    ]


@pytest.mark.parametrize("names", [("raw",), ("smooth",), ("solid",), ("a", "a")])
def test_a_folder_may_not_be_called_like_something_else(tmp_path, names):
    with pytest.raises(UsageError, match="NAME=FOLDER"):
        variants.chosen([], [(name, tmp_path) for name in names])


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no such folder"):
        variants.folder("mine", tmp_path / "missing")


def test_copies_are_of_the_methods_at_their_default_strength(tmp_path):
    single = variants.chosen(["smooth", "pixelate:cells=3"], [("mine", tmp_path)])
    several = variants.with_copies(single, 8)
    assert [(v.name, v.solid, v.single) for v in several] == [
        ("smooth ×8", "solid ×8", "smooth"),
        ("solid ×8", "solid ×8", "solid"),
    ]
    assert variants.with_copies(single, 1) == ()


def test_a_run_s_output_is_read_by_the_key_also_where_the_format_had_to_change(tmp_path, subjects):
    output = tmp_path / "out"
    (output / "p00").mkdir(parents=True)
    first, second = subjects.photos[0], subjects.photos[1]
    (output / first.key).write_bytes(first.shot().data)
    (output / f"{second.key}.jpg").write_bytes(second.shot().data)
    found = looks.look(subjects.photos, variants.folder("mine", output), EYES)
    assert found.usable.tolist() == [True, True, False, False]
    assert found.refused == {"missing": 2}
    assert np.array_equal(found.features["whole"][:2, 0].reshape(2, 224, 224, 3), seen(subjects, "raw")[:2])
    assert not found.features["whole"][2:].any()


def test_a_file_that_is_damaged_is_counted_by_its_reason(tmp_path, subjects):
    output = tmp_path / "out"
    for photo in subjects.photos:
        (output / photo.key).parent.mkdir(parents=True, exist_ok=True)
        (output / photo.key).write_bytes(b"nothing")
    found = looks.look(subjects.photos, variants.folder("mine", output), EYES)
    assert not found.usable.any()
    assert found.refused == {"not_an_image": 4}


def test_copies_stand_beside_each_other_and_a_missed_one_is_replaced(subjects):
    bursts = []
    for photo in subjects.photos:
        shot = photo.shot()
        bursts.append([shot, None, *photos.burst(shot, 2, Known(), seed=1)[1:]])
    found = looks.look(subjects.photos, variants.raw(), EYES, bursts).features["whole"]
    assert found.shape[:2] == (4, 3)
    assert np.array_equal(found[:, 0], found[:, 1])
    assert not np.array_equal(found[:, 0], found[:, 2])


def test_all_variants_are_of_the_same_photos_and_of_people_who_still_have_two():
    person = np.array([0, 0, 1, 1, 1, 2, 2])
    everything = np.ones(7, bool)
    some = everything.copy()
    some[[1, 4]] = False
    assert looks.used([everything, some], person).tolist() == [False, False, True, True, False, True, True]


def test_the_face_of_the_made_people_lies_where_the_tests_say():
    assert FACE[2] - FACE[0] == FACE[3] - FACE[1] == 48
