"""Pixels that are a redaction's are told from pixels that are not, by what is published alone."""

from __future__ import annotations

import typing
from dataclasses import replace

import cv2
import numpy as np
import pytest

from anonymizer.audit.verify.redacted_pixels import RunSettings, decode_published, redacted_masks
from anonymizer.config import Method
from anonymizer.image import geometry
from tests.audit.verify.scenes import FACE, config, encoded, made, portrait, published

METHODS = typing.get_args(Method)
#: Format, Pillow's options, settings of the run.
FILES = {
    "jpeg": ("JPEG", {"quality": 85}, {}),
    "coarse jpeg": ("JPEG", {"quality": 40}, {}),
    "reencoded jpeg": ("JPEG", {"quality": 85}, {"codec": {"jpeg": "reencode"}}),
    "png": ("PNG", {}, {}),
    "webp": ("WEBP", {"quality": 80}, {}),
    "gif": ("GIF", {}, {}),
}


def share(data, row, settings, box=FACE):
    picture = decode_published(data, row, made(settings))
    x1, y1, x2, y2 = box
    return float(redacted_masks(picture, row, made(settings))[0][y1:y2, x1:x2].mean())


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("method", METHODS)
def test_a_redacted_face_is_proven_and_one_in_clear_is_not(method, kind):
    name, options, settings = FILES[kind]
    source = encoded(portrait(), name, **options)
    run = config(redaction={"method": method}, **settings)
    data, row = published(source, run, FACE)
    assert share(data, row, run) >= 0.8
    # What the row says is not believed: the same row, with the photo as it was.
    assert share(source, row, run) < 0.5


@pytest.mark.parametrize("method", ["smooth", "solid"])
@pytest.mark.parametrize("kind", ["jpeg", "coarse jpeg", "png", "gif"])
def test_an_exact_file_is_a_fixed_point(method, kind):
    name, options, settings = FILES[kind]
    run = config(redaction={"method": method}, **settings)
    data, row = published(encoded(portrait(), name, **options), run, FACE)
    assert row.encoding == "exact"
    picture = decode_published(data, row, made(run))
    mask = geometry.head_mask(geometry.round_outward(geometry.grow(FACE, 1.4)), 200, 160, picture.grid)
    assert np.array_equal(redacted_masks(picture, row, made(run))[0], mask)


def test_half_a_face_in_clear_is_half_proven():
    run = config()
    data, row = published(encoded(portrait()), run, FACE)
    picture = decode_published(data, row, made(run))
    pixels = picture.frames[0].pixels.copy()
    pixels[:70] = portrait()[:70]
    forged = replace(picture, frames=(replace(picture.frames[0], pixels=pixels),))
    mask = redacted_masks(forged, row, made(run))[0][40:100, 60:108]
    assert mask[:30].mean() < 0.2


def test_what_is_not_said_to_be_redacted_is_not_proven():
    run = config()
    data, row = published(encoded(portrait()), run)
    assert share(data, row, run) == 0
    data, row = published(encoded(portrait()), run, FACE)
    kept = replace(row, faces=tuple(replace(face, redacted=False) for face in row.faces))
    assert share(data, kept, run) == 0


def test_other_settings_prove_nothing():
    run = config(redaction={"method": "solid"})
    data, row = published(encoded(portrait()), run, FACE)
    assert share(data, row, config(redaction={"method": "solid", "fill": "#ff0000"})) == 0


def test_a_transparent_pixel_is_not_proven():
    pixels = np.dstack([portrait(), np.full((160, 200), 255, np.uint8)])
    pixels[0, 0, 3] = 0
    run = config()
    data, row = published(encoded(pixels), run, FACE)
    picture = decode_published(data, row, made(run))
    assert share(data, row, run) == 1
    assert picture.frames[0].alpha is not None
    alpha = picture.frames[0].alpha.copy()
    alpha[60:70] = 200
    forged = replace(picture, frames=(replace(picture.frames[0], alpha=alpha),))
    mask = redacted_masks(forged, row, made(run))[0]
    assert not mask[60:70].any()
    assert mask[45:55, 80:90].all()


def test_settings_come_from_the_record_of_the_run():
    settings = {"detector": {"padding": 1.5, "name": "yunet"}, "redaction": {"method": "solid"}, "codec": {}}
    found = RunSettings.of({"settings": settings | {"limit": 3}})
    assert found is not None
    assert (found.padding, found.redaction.method) == (1.5, "solid")


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"settings": None},
        {"settings": {"detector": {}, "redaction": {}}},
        {"settings": {"detector": {}, "redaction": {"method": "new"}, "codec": {}}},
        {"settings": {"detector": {"later": 1}, "redaction": {}, "codec": {}}},
    ],
)
def test_a_record_of_another_version_says_nothing(record):
    assert RunSettings.of(record) is None


@pytest.mark.parametrize(("gain", "offset"), [(4, 0), (16, 0), (8, 40_000)])
@pytest.mark.parametrize("method", ["smooth", "solid"])
def test_few_of_many_levels(method, gain, offset):
    """Of samples that are all alike as 8 bit show them, a face in clear is no fill."""
    done, file = cv2.imencode(".png", portrait().astype(np.uint16)[..., ::-1] * gain + offset)
    assert done
    run = config(redaction={"method": method})
    data, row = published(file.tobytes(), run, FACE)
    assert share(data, row, run) >= 0.8
    assert share(file.tobytes(), row, run) < 0.5
