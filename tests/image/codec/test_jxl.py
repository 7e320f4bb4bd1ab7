"""JPEG XL: coefficients of a JPEG stay, samples without loss stay, the codestream says how it is turned."""

from __future__ import annotations

import numpy as np
import pytest

from anonymizer import Anonymizer
from anonymizer.config import CodecConfig
from anonymizer.errors import DecodeError, ImageTooLarge, UnsupportedFormat
from anonymizer.image import codec, metadata
from anonymizer.image.codec.depth import narrowed, spread
from anonymizer.image.codec.jxl import Settings, library, read, write
from anonymizer.image.detectors.patch import PATCH_RGB
from anonymizer.records import Frame, Picture
from tests.image.codec import jxl
from tests.image.codec.samples import (
    CONFIG,
    CORNERS,
    cornered,
    orientation_exif,
    photo,
    saved,
    swapped_profile,
    with_segment,
)
from tests.pictures import scene

pytestmark = pytest.mark.skipif(not jxl.IS_HERE, reason="libjxl is not here")


def _libjxl():
    found = library.load()
    assert found is not None
    return found


def _frames(count: int = 3) -> list[np.ndarray]:
    return [np.roll(photo(), 5 * number, axis=1) for number in range(count)]


def _animation(form: write.Form) -> bytes:
    return write.of_frames(_libjxl(), _frames(len(form.durations)), form)


def test_without_the_library_it_is_an_unsupported_format(monkeypatch):
    data = jxl.saved(photo())
    monkeypatch.setattr(library, "load", lambda: None)
    with pytest.raises(UnsupportedFormat):
        codec.decode(data, CONFIG)


@pytest.mark.parametrize("depth", [9, 10, 12, 15, 16])
def test_every_depth_is_exact(depth):
    samples = narrowed(np.random.default_rng(depth).integers(0, 65536, (40, 30, 3)).astype(np.uint16), depth)
    # imagecodecs says of deep samples that they are linear light.
    source = write.of_frames(_libjxl(), [samples], write.Form(depth, 3, None, 0, 3))
    np.testing.assert_array_equal(jxl.shown(source), samples)
    picture = codec.decode(source, CONFIG)
    np.testing.assert_array_equal(picture.frames[0].pixels, spread(samples, depth))
    written = codec.encode(picture)
    assert written.encoding == "exact"
    metadata.check(written.data, "jxl", 30, 40)
    np.testing.assert_array_equal(jxl.shown(written.data), samples)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("settings", [{"subsampling": 0}, {"subsampling": 2, "progressive": True}], ids=["444", "420"])
def test_the_coefficients_of_a_jpeg_stay_outside_of_the_mask(orientation, settings):
    pixels = scene(160, 96, seed=3)
    pixels[16:48, 32:64] = PATCH_RGB
    jpeg = with_segment(
        saved(pixels, "jpeg", quality=92, **settings), 0xE1, b"Exif\0\0" + orientation_exif(orientation)
    )
    made = {"detector": {"name": "patch"}, "redaction": {"method": "solid"}}
    image = Anonymizer(made)(jxl.from_jpeg(jpeg))
    plain = Anonymizer(made)(jpeg)
    assert (image.format, image.encoding, image.redacted_count) == ("jxl", "exact", 1)
    assert image.faces == plain.faces
    # Coefficient for coefficient what becomes of the JPEG itself. Other writers of JPEG XL predict chroma from luma
    # where it has as many samples, which a decoder's roundings show; here two decoders' roundings differ.
    if settings["subsampling"]:
        np.testing.assert_array_equal(jxl.shown(image.data), jxl.shown(jxl.from_jpeg(plain.data)))
    else:
        shown = codec.decode(plain.data, CONFIG).frames[0].pixels
        assert np.abs(jxl.shown(image.data).astype(int) - shown).max() <= 3
    assert b"jbrd" not in image.data


def test_a_damaged_note_about_the_jpeg_leaves_the_picture():
    data = bytearray(jxl.from_jpeg(saved(photo(), "jpeg")))
    at = data.index(b"jbrd") + 4
    data[at : at + 8] = b"\xff" * 8
    picture = codec.decode(bytes(data), CONFIG)
    assert isinstance(picture.encoder, Settings)
    assert not picture.encoder.from_jpeg
    assert np.abs(picture.frames[0].pixels.astype(int) - photo()).mean() < 6


def test_the_codestream_turns_and_exif_has_no_say():
    turned = np.ascontiguousarray(np.rot90(cornered(), 1))
    jpeg = with_segment(saved(turned, "jpeg", quality=95), 0xE1, b"Exif\0\0" + orientation_exif(6))
    for data in (
        jxl.from_jpeg(jpeg),
        jxl.with_boxes(jxl.saved(cornered()), jxl.box(b"Exif", bytes(4) + orientation_exif(6))),
    ):
        pixels = codec.decode(data, CONFIG).frames[0].pixels.astype(int)
        assert pixels.shape == (32, 64, 3)
        assert np.abs(np.array([pixels[y, x] for y in (4, 27) for x in (4, 59)]) - CORNERS).max() < 40


@pytest.mark.parametrize("distance", [0, 1.0])
def test_an_animation_keeps_its_frames_and_times(distance):
    source = _animation(write.Form(8, 3, None, distance, 3, (1000, 1), 4, (80, 120, 40)))
    picture = codec.decode(source, CONFIG)
    assert picture.animation is not None
    assert (picture.animation.durations_ms, picture.animation.loop) == ((80.0, 120.0, 40.0), 4)
    written = codec.encode(picture)
    assert written.encoding == ("reencoded" if distance else "exact")
    metadata.check(written.data, "jxl", 64, 48, 3)
    again = codec.decode(written.data, CONFIG)
    assert again.animation == picture.animation
    assert len(jxl.shown(written.data)) == 3
    if not distance:
        for frame, source_frame in zip(again.frames, _frames(), strict=True):
            np.testing.assert_array_equal(frame.pixels, source_frame)


def test_frames_are_counted_before_any_is_decoded():
    data = _animation(write.Form(8, 3, None, 0, 1, (1000, 1), 0, (40,) * 5))
    codec.decode(data, CodecConfig(max_pixels=5 * 48 * 64))
    with pytest.raises(ImageTooLarge):
        codec.decode(data, CodecConfig(max_pixels=5 * 48 * 64 - 1))


def test_a_size_is_refused_before_memory_is_taken():
    data = write.of_frames(_libjxl(), [np.zeros((8000, 8000, 1), np.uint8)], write.Form(8, 1, None, 0, 1))
    assert len(data) < 20_000
    with pytest.raises(ImageTooLarge):
        codec.decode(data, CodecConfig(max_pixels=8000 * 8000 - 1))


def test_a_decoder_that_asks_for_too_much_gets_nothing(monkeypatch):
    data = jxl.saved(scene(600, 600))
    monkeypatch.setattr(read, "_BASE_BYTES", 1 << 20)
    monkeypatch.setattr(read, "_BYTES_PER_SAMPLE", 1)
    with pytest.raises(DecodeError):
        codec.decode(data, CONFIG)


def test_colors_of_a_profile_are_kept_or_converted():
    jpeg = saved(photo(), "jpeg", icc_profile=swapped_profile())
    picture = codec.decode(jxl.from_jpeg(jpeg), CONFIG)
    assert picture.converted
    assert codec.encode(picture).encoding == "reencoded"


@pytest.mark.parametrize("profile", ["display-p3", "adobe-rgb", "prophoto-rgb", "rec2020"])
@pytest.mark.parametrize("lossless", [True, False])
def test_public_colour_spaces_are_named_in_the_codestream(profile, lossless):
    written = codec.encode(Picture("jxl", (Frame(photo()),), profile=profile, encoder=Settings(lossless=lossless)))
    metadata.check(written.data, "jxl", 64, 48)
    assert codec.decode(written.data, CONFIG).profile == profile


def test_float_and_light_beyond_white_are_refused():
    with pytest.raises(UnsupportedFormat):
        codec.decode(jxl.saved(photo().astype(np.float32) / 255), CONFIG)


@pytest.mark.parametrize(
    ("depth", "alpha_depth", "premultiplied", "encoding"),
    [
        (8, 8, False, "exact"),
        (8, 1, False, "exact"),
        (16, 8, False, "exact"),
        (8, 16, False, "reencoded"),
        (10, 16, False, "reencoded"),
        (8, 8, True, "reencoded"),
    ],
)
def test_alpha_that_does_not_come_out_as_it_is_coded_is_not_called_exact(depth, alpha_depth, premultiplied, encoding):
    levels = np.linspace(0, 65535, 48 * 64).reshape(48, 64)
    samples = np.dstack([levels] * 4).astype(np.uint16)
    source = jxl.with_alpha(samples, depth, alpha_depth, premultiplied=premultiplied)
    assert codec.encode(codec.decode(source, CONFIG)).encoding == encoding


def test_spare_channels_are_dropped_and_named():
    samples = np.dstack((photo()[..., 0], photo()[..., 1]))
    data = jxl.saved(samples, photometric="gray", planar=False)
    assert codec.decode(data, CONFIG).frames[0].pixels.ndim == 2
