"""Bytes in, safe bytes out, through the public API."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageOps

from anonymizer import AnonymizedImage, Anonymizer, ObjectError
from anonymizer.config import DetectorConfig, RunConfig
from anonymizer.errors import ConfigError, DecodeError, NotAnImage, ScrubCheckFailed
from anonymizer.image import codec, detectors
from anonymizer.records import NO_CONSENT, Encoded, Grant, Region, Veto
from tests.pictures import decoded, encoded, photo, scene

FACES = [(10, 10, 34, 40), (70, 12, 94, 44)]
METHODS = ["smooth", "blur", "pixelate", "solid", "gaussian"]
FORMATS = ["JPEG", "PNG", "WEBP", "BMP"]


def anonymizer(method: str = "smooth", **settings: object) -> Anonymizer:
    return Anonymizer({"detector": {"name": "patch"}, "redaction": {"method": method, "fill": "#00ff00"}, **settings})


def decision(grants=(), vetoes=()):
    return replace(NO_CONSENT, grants=tuple(grants), vetoes=tuple(vetoes))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("image_format", FORMATS)
def test_every_method_in_every_format(method, image_format):
    source = encoded(scene(120, 90, FACES), image_format, quality=95)
    image = anonymizer(method)(source)
    assert isinstance(image, AnonymizedImage)
    assert (image.status, image.face_count, image.redacted_count) == ("anonymized", 2, 2)
    assert image.format == image_format.lower()
    after = decoded(image.data).astype(int)
    assert after.shape == (90, 120, 3)
    if method in ("smooth", "solid"):
        assert len(detectors.make(DetectorConfig(name="patch"), None).detect(decoded(image.data))[0]) == 0


def test_the_row_says_where_the_faces_were():
    image = anonymizer()(encoded(scene(120, 90, FACES)))
    assert [(f.x, f.y, f.w, f.h, f.score, f.redacted) for f in image.faces] == [
        (10, 10, 24, 30, 1, True),
        (70, 12, 24, 32, 1, True),
    ]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_faces_are_found_upright_whatever_the_orientation(orientation):
    upright = Image.fromarray(scene(120, 90, [(70, 12, 94, 44)]))
    turn = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = upright.transpose(Image.Transpose(turn[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    source = encoded(np.asarray(stored), "PNG", exif=exif)
    assert np.array_equal(np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(source)))), np.asarray(upright))
    image = anonymizer("solid")(source)
    assert (image.width, image.height) == (120, 90)
    assert [(f.x, f.y) for f in image.faces] == [(70, 12)]
    assert "exif.orientation" in image.metadata_removed
    assert (decoded(image.data)[12:44, 70:94] == (0, 255, 0)).all()


def test_a_retained_face_keeps_its_pixels_and_its_neighbour_does_not():
    source = encoded(scene(120, 90, FACES))
    region = Region(4, 4, 40, 45, 120, 90)
    image = anonymizer("solid")(source, decision([Grant(0, False, region, "rec-1", None)]))
    before, after = decoded(source), decoded(image.data)
    assert (before[10:40, 10:34] == after[10:40, 10:34]).all()
    assert (after[12:44, 70:94] == (0, 255, 0)).all()
    assert (image.status, image.consent_status, image.redacted_count) == ("anonymized", "partial", 1)
    assert image.consent_record_ids == ("rec-1",)


def test_an_objection_is_redacted_where_no_face_was_found():
    source = encoded(scene(120, 90))
    image = anonymizer("solid")(source, decision(vetoes=[Veto("denied", Region(50, 40, 20, 20, 120, 90), None)]))
    assert (image.status, image.face_count, image.redacted_count) == ("anonymized", 1, 1)
    assert (decoded(image.data)[40:60, 50:70] == (0, 255, 0)).all()


def test_an_objection_over_a_found_face_is_one_face():
    source = encoded(scene(120, 90, FACES[:1]))
    image = anonymizer("solid")(source, decision(vetoes=[Veto("denied", Region(8, 8, 30, 36, 120, 90), None)]))
    assert (image.face_count, image.redacted_count) == (1, 1)


def test_consent_for_everyone_keeps_every_pixel():
    source = encoded(scene(120, 90, FACES))
    image = anonymizer()(source, decision([Grant(0, True, None, None, None)]))
    assert (image.status, image.consent_status, image.redacted_count) == ("retained", "granted", 0)
    assert (decoded(source) == decoded(image.data)).all()


def test_no_face_is_scrubbed_all_the_same():
    source = encoded(scene(60, 40), "JPEG", comment=b"MARKER")
    image = anonymizer()(source)
    assert (image.status, image.face_count) == ("no_face", 0)
    assert image.metadata_removed == ("comment",)
    assert b"MARKER" in source
    assert b"MARKER" not in image.data


@pytest.mark.parametrize("method", ["smooth", "solid"])
@pytest.mark.parametrize("image_format", ["PNG", "BMP", "WEBP", "JPEG"])
def test_published_bytes_do_not_depend_on_what_lies_under_a_mask(monkeypatch, method, image_format):
    # The detector's boxes are held fixed: only then does the promise speak. A JPEG's own blocks reach eight pixels
    # further, and sixteen with its chroma, so its sources differ well inside the mask only.
    fixed = np.array([[64, 32, 112, 96]], np.float32)
    subject = anonymizer(method)
    monkeypatch.setattr(subject.detector, "detect", lambda pixels: (fixed, np.ones(1, np.float32)))
    options: dict[str, object] = {"lossless": True} if image_format == "WEBP" else {"quality": 90}
    outputs = set()
    for seed in range(3):
        pixels = scene(160, 128, seed=9)
        pixels[48:80, 80:96] = np.random.default_rng(seed).integers(0, 255, (32, 16, 3))
        outputs.add(subject(encoded(pixels, image_format, **options)).data)
    assert len(outputs) == 1


@pytest.mark.parametrize(("data", "error"), [(b"", NotAnImage), (b"hello", NotAnImage), (photo(1)[:100], DecodeError)])
def test_what_cannot_be_read_is_an_object_error(data, error):
    with pytest.raises(error) as caught:
        anonymizer()(data)
    assert isinstance(caught.value, ObjectError)


def test_bytes_that_fail_the_check_are_never_an_image(monkeypatch):
    dirty = encoded(scene(60, 40), "JPEG", comment=b"left behind")
    monkeypatch.setattr(codec, "encode", lambda picture: Encoded(dirty, "jpeg", "reencoded"))
    with pytest.raises(ScrubCheckFailed):
        anonymizer()(encoded(scene(60, 40), "JPEG"))


def test_settings_are_checked():
    with pytest.raises(ConfigError, match=r"redaction\.method"):
        Anonymizer({"redaction": {"method": "smudge"}})
    assert Anonymizer(RunConfig()).settings_sha256 != anonymizer().settings_sha256
