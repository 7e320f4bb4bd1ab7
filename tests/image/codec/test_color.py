from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageCms

from anonymizer.image.codec.color import from_cicp, settle
from anonymizer.image.profiles import PROFILES
from tests.image.codec.samples import icc_profile, only_frame, photo, saved, swapped_profile

RGB = ("display-p3", "adobe-rgb", "prophoto-rgb", "rec2020")


def random_colors(*shape: int, bits: int = 8):
    return np.random.default_rng(5).integers(0, 2**bits, shape, dtype=np.uint16 if bits > 8 else np.uint8)


def with_description(profile: bytes, text: str) -> bytes:
    """The same colours by another name, as a device's own profile has them: a longer file, a date and a maker."""
    changed = bytearray(profile + text.encode("utf-16-be") + bytes(-2 * len(text) % 4))
    struct.pack_into(">I", changed, 0, len(changed))
    struct.pack_into(">6H", changed, 24, 2019, 5, 6, 7, 8, 9)
    changed[48:52] = b"ACME"
    at = next(at for at in range(132, 300, 12) if changed[at : at + 4] == b"desc")
    (offset,) = struct.unpack_from(">I", changed, at + 4)
    struct.pack_into(">I", changed, at + 8, len(changed) - offset)
    struct.pack_into(">II", changed, offset + 20, 2 * len(text), len(profile) - offset)
    return bytes(changed)


def small_lab_profile() -> bytes:
    """A gray profile by way of Lab: a curve, but none that 16-bit arithmetic knows."""
    profile = bytearray(PROFILES["gray-gamma22"])
    profile[20:24] = b"Lab "
    return bytes(profile)


@pytest.mark.parametrize(
    "profile", [None, b"", b"no profile", bytes(200), bytes(9 * 2**20)], ids=["none", "empty", "short", "0", "huge"]
)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_without_a_usable_profile_samples_stay(profile, channels):
    pixels = random_colors(4, 5, channels).squeeze()
    settled = settle(pixels, profile)
    assert settled.pixels is pixels
    assert (settled.profile, settled.converted) == (None, False)


@pytest.mark.parametrize("cut", [131, 140, 200, 300, 400])
def test_a_profile_cut_short_never_raises(cut):
    pixels = random_colors(4, 5, 3)
    for bits in (8, 16):
        settled = settle(pixels.astype(np.uint8 if bits == 8 else np.uint16), PROFILES["display-p3"][:cut])
        assert settled.pixels.shape == pixels.shape


@pytest.mark.parametrize("bits", [8, 16])
def test_srgb_by_profile_is_left_alone(bits):
    pixels = random_colors(4, 5, 3, bits=bits)
    for profile in (icc_profile(), PROFILES["srgb"], with_description(PROFILES["srgb"], "My own screen")):
        settled = settle(pixels, profile)
        assert settled.pixels is pixels
        assert (settled.profile, settled.converted) == (None, False)
    gray = random_colors(4, 5, bits=bits)
    assert settle(gray, PROFILES["gray-srgb"]).pixels is gray


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("name", RGB)
def test_a_public_space_is_told_by_its_colours_not_by_its_bytes(name, bits):
    pixels = random_colors(4, 5, 3, bits=bits)
    for profile in (PROFILES[name], with_description(PROFILES[name], "Camera of nobody")):
        settled = settle(pixels, profile)
        assert settled.pixels is pixels
        assert (settled.profile, settled.converted) == (name, False)


def test_gray_gamma_stays_by_name():
    pixels = random_colors(4, 5)
    assert settle(pixels, PROFILES["gray-gamma22"]).profile == "gray-gamma22"
    converted = settle(pixels, PROFILES["gray-gamma22"], keep=False)
    assert converted.converted
    assert converted.pixels.shape == pixels.shape


@pytest.mark.parametrize("name", RGB)
def test_where_no_profile_can_be_held_colours_are_converted(name):
    pixels = random_colors(20, 30, 3)
    before = pixels.copy()
    settled = settle(pixels, PROFILES[name], keep=False)
    assert (settled.profile, settled.converted) == (None, True)
    expected = ImageCms.profileToProfile(
        Image.fromarray(pixels),
        ImageCms.ImageCmsProfile(BytesIO(PROFILES[name])),
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    assert np.abs(settled.pixels.astype(int) - np.asarray(expected)).max() <= 1
    np.testing.assert_array_equal(pixels, before)


@pytest.mark.parametrize("name", [*RGB, "gray-gamma22", "swapped"])
def test_16_bit_is_converted_at_16_bit(name):
    profile = swapped_profile() if name == "swapped" else PROFILES[name]
    narrow = random_colors(40, 50) if name == "gray-gamma22" else random_colors(40, 50, 3)
    by_8 = settle(narrow, profile, keep=False).pixels
    wide = settle(narrow.astype(np.uint16) * 257, profile, keep=False)
    assert wide.converted
    assert wide.pixels.dtype == np.uint16
    assert np.abs(wide.pixels / 257 - by_8).max() < 1.1
    ramp = np.arange(32768, 33280, dtype=np.uint16)[None]
    ramp = ramp if name == "gray-gamma22" else np.repeat(ramp[..., None], 3, axis=2)
    assert len(np.unique(settle(ramp, profile, keep=False).pixels)) > 400


def test_16_bit_by_a_profile_beyond_curves_and_matrix_still_has_the_colours():
    narrow = random_colors(8, 8)
    by_8 = settle(narrow, small_lab_profile(), keep=False)
    by_16 = settle(narrow.astype(np.uint16) * 257, small_lab_profile(), keep=False)
    assert by_8.converted
    np.testing.assert_array_equal(by_16.pixels, by_8.pixels.astype(np.uint16) * 257)


def test_a_profile_for_other_colours_is_ignored():
    for pixels, profile in (
        (random_colors(4, 5), PROFILES["display-p3"]),
        (random_colors(4, 5, 3), PROFILES["gray-gamma22"]),
        (random_colors(4, 5, 4), PROFILES["display-p3"]),
    ):
        assert settle(pixels, profile).pixels is pixels


def test_a_profile_that_is_no_devices_is_ignored():
    linked = bytearray(PROFILES["display-p3"])
    linked[12:16] = b"link"
    pixels = random_colors(4, 5, 3)
    assert settle(pixels, bytes(linked)).pixels is pixels


@pytest.mark.parametrize(
    ("points", "name"),
    [((1, 13), None), ((12, 13), "display-p3"), ((9, 1), "rec2020"), ((9, 16), None), ((2, 2), None), ((0, 999), None)],
)
def test_code_points(points, name):
    assert from_cicp(*points) == name


@pytest.mark.parametrize("format_name", ["jpeg", "png", "webp"])
def test_colors_are_converted(format_name: str) -> None:
    """Pure red by the swapped profile is sRGB's green."""
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 200
    settings = {"quality": 95} if format_name != "png" else {}
    frame = only_frame(saved(red, format_name, icc_profile=swapped_profile(), **settings))
    assert np.abs(frame.pixels[8, 8].astype(int) - (0, 200, 0)).max() < 12


def test_alpha_is_no_color() -> None:
    source = np.zeros((4, 4, 4), np.uint8)
    source[..., 0], source[..., 3] = 200, 77
    frame = only_frame(saved(source, "png", icc_profile=swapped_profile()))
    assert frame.alpha is not None
    assert (frame.alpha == 77).all()
    assert np.abs(frame.pixels[0, 0].astype(int) - (0, 200, 0)).max() < 3


def test_srgb_pictures_keep_their_samples() -> None:
    np.testing.assert_array_equal(only_frame(saved(photo(), "png", icc_profile=icc_profile())).pixels, photo())
