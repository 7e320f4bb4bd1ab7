"""Bytes in, safe bytes out, through the public API."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageOps

from anonymizer import AnonymizedImage, Anonymizer, ObjectError, pipeline
from anonymizer.config import DetectorConfig, RunConfig
from anonymizer.errors import ConfigError, DecodeError, NotAnImage, ScrubCheckFailed
from anonymizer.image import codec, detectors
from anonymizer.records import NO_CONSENT, Encoded, Frame, Grant, Partial, Region, Veto
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


class Halved:
    """Finds what it is told to, and says that half the size is enough to see it."""

    name, sha256, output_revision = "halved", "0" * 64, 1

    def __init__(self, xyxy: list[tuple[int, int, int, int]], factor: int = 2) -> None:
        self.xyxy, self.factor = np.array(xyxy, np.float32).reshape(-1, 4), factor
        self.shapes: list[tuple[int, ...]] = []

    def detect(self, pixels):
        self.shapes.append(pixels.shape[:2])
        return self.xyxy / np.float32(480 / pixels.shape[1]), np.ones(len(self.xyxy), np.float32)

    def reduction(self, width, height):
        assert (width, height) == (480, 360)
        return self.factor

    def self_test(self):
        pass


LARGE_FACES = [(60, 40, 170, 180), (300, 100, 420, 250)]


def redacted_by(detector, method="smooth", **settings):
    made = anonymizer(method, **settings)
    made.detector = detector
    return made


@pytest.mark.parametrize("method", METHODS)
def test_a_photo_is_read_as_large_as_it_takes(method, monkeypatch):
    source = encoded(scene(480, 360, LARGE_FACES), "JPEG", quality=90)
    sizes = []
    decode = codec.decode

    def noted(*given):
        picture = decode(*given)
        sizes.append(picture.frames[0].pixels.shape[:2])
        return picture

    monkeypatch.setattr(codec, "decode", noted)
    halved, nothing = Halved(LARGE_FACES), Halved([])
    image, empty = redacted_by(halved, method)(source), redacted_by(nothing, method)(source)
    assert halved.shapes[0] == nothing.shapes[0] == (180, 240)
    # Means of cells are those of the picture itself.
    assert sizes == ([(180, 240)] if method in ("smooth", "solid") else [(180, 240), (360, 480)]) + [(180, 240)]
    assert (image.width, image.height, image.encoding, image.redacted_count) == (480, 360, "exact", 2)
    assert [(f.x, f.y, f.x + f.w, f.y + f.h) for f in image.faces] == LARGE_FACES
    whole, as_it_is = (redacted_by(Halved(each, 1), method)(source) for each in (LARGE_FACES, []))
    assert empty.data == as_it_is.data
    if method != "smooth":
        assert image == whole
    else:
        assert np.abs(decoded(image.data).astype(int) - decoded(whole.data)).max() < 16


def test_small_faces_and_refused_coefficients_take_the_whole_photo(monkeypatch):
    source = encoded(scene(480, 360, LARGE_FACES), "JPEG", quality=90)
    small = [*LARGE_FACES, (200, 300, 220, 330)]
    assert redacted_by(Halved(small, 4))(source).data == redacted_by(Halved(small, 1))(source).data

    def refuse(*_, **__):
        raise codec.jpeg.jpeg_turbo.TransformRefused

    monkeypatch.setattr(codec.jpeg.jpeg_turbo, "transform", refuse)
    for faces in ([], LARGE_FACES):
        image = redacted_by(Halved(faces))(source)
        assert image.encoding == "reencoded"
        assert image == redacted_by(Halved(faces, 1))(source)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([220, 100, 240.5, 180.5], [[440, 200, 480, 361]]),
        ([239.875, 0, 240.5, 4], [[479.75, 0, 480, 8]]),
        ([240.25, 0, 241, 4], []),
    ],
)
def test_a_box_at_the_border_of_a_smaller_picture_stays_within_the_whole_one(found, expected):
    frame = Frame(np.zeros((181, 241, 3), np.uint8), partial=Partial(480, 361, 2))
    detector = Halved([])
    detector.xyxy = np.array([found], np.float32) * np.float32(480 / 241)
    assert pipeline.detect(detector, [frame]).xyxy.tolist() == expected
