"""The public profiles: their bytes, and what two colour engines make of them."""

from __future__ import annotations

import hashlib
import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageCms

from anonymizer.image.profiles import PROFILES

# Raise `OUTPUT_REVISION` of the codecs when one of these changes: every output with that profile does.
SHA256 = {
    "srgb": "bc52c196de6b3b76",
    "display-p3": "8edbf9e408bb9446",
    "adobe-rgb": "9ea57f4b1c9d40dd",
    "prophoto-rgb": "6ffc86a46f357b92",
    "rec2020": "6f3a227f0bb24604",
    "gray-gamma22": "85df65c102ab56b7",
    "gray-srgb": "69da3a638c10e500",
}

# Red, green and blue in XYZ under D50: Display P3 and Adobe RGB (1998) as their makers' profiles have them, sRGB as
# the ICC's sRGB2014 has it, ROMM as ISO 22028-2 has it, BT.2020 as in the ICC's registry.
COLORANTS = {
    "srgb": ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7139)),
    "display-p3": ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)),
    "adobe-rgb": ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)),
    "prophoto-rgb": ((0.7977, 0.2880, 0.0), (0.1352, 0.7119, 0.0), (0.0313, 0.0001, 0.8249)),
    "rec2020": ((0.67348, 0.27904, -0.00194), (0.16568, 0.67534, 0.02998), (0.12505, 0.04561, 0.79686)),
}

CURVES = {
    "srgb": lambda v: np.where(v > 0.04045, ((v + 0.055) / 1.055) ** 2.4, v / 12.92),
    "display-p3": lambda v: np.where(v > 0.04045, ((v + 0.055) / 1.055) ** 2.4, v / 12.92),
    "adobe-rgb": lambda v: v**2.19921875,
    "prophoto-rgb": lambda v: v**1.8,
    "rec2020": lambda v: np.where(v >= 0.08124, ((v + 0.0992968) / 1.0992968) ** (1 / 0.45), v / 4.5),
}


def opened(profile: bytes) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(BytesIO(profile))


def tag(profile: bytes, name: bytes) -> bytes:
    (count,) = struct.unpack_from(">I", profile, 128)
    for entry in range(132, 132 + 12 * count, 12):
        found, offset, size = struct.unpack_from(">4sII", profile, entry)
        if found == name:
            return profile[offset : offset + size]
    raise KeyError(name)


def test_the_bytes_are_the_same_everywhere():
    assert {name: hashlib.sha256(profile).hexdigest()[:16] for name, profile in PROFILES.items()} == SHA256


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_is_small_whole_and_names_nobody(name):
    profile = PROFILES[name]
    assert len(profile) == struct.unpack_from(">I", profile)[0] < 800
    assert profile[36:40] == b"acsp"
    assert profile[4:8] == profile[40:44] == profile[48:52] == profile[52:56] == profile[80:84] == bytes(4)
    assert struct.unpack_from(">6H", profile, 24) == (2000, 1, 1, 0, 0, 0)
    assert ImageCms.getProfileDescription(opened(profile)).strip()
    ends = [sum(struct.unpack_from(">II", profile, at + 4)) for at in range(132, 132 + 12 * profile[131], 12)]
    assert len(profile) - 3 <= max(ends) <= len(profile)


@pytest.mark.parametrize("name", COLORANTS)
def test_colorants_are_the_published_ones_and_make_white(name):
    found = [struct.unpack(">3i", tag(PROFILES[name], key)[8:]) for key in (b"rXYZ", b"gXYZ", b"bXYZ")]
    np.testing.assert_allclose(np.array(found) / 65536, COLORANTS[name], atol=1e-4)
    assert tuple(np.sum(found, axis=0)) == (0xF6D6, 0x10000, 0xD32D) == struct.unpack_from(">3i", PROFILES[name], 68)


def test_srgb_is_srgb():
    standard = ImageCms.createProfile("sRGB")
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(1, -1, 3)
    for one, other in ((opened(PROFILES["srgb"]), standard), (standard, opened(PROFILES["srgb"]))):
        transform = ImageCms.buildTransform(one, other, "RGB", "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC)
        assert np.abs(np.asarray(transform.apply(Image.fromarray(grid))).astype(int) - grid).max() <= 1


@pytest.mark.parametrize("name", COLORANTS)
def test_conversion_to_srgb_agrees_with_the_colour_maths(name):
    """From primaries, white and curve, without a profile: BT.709 and the others share a white but for ROMM."""
    colors = np.random.default_rng(3).integers(0, 256, (1, 4000, 3), dtype=np.uint8)
    transform = ImageCms.buildTransform(
        opened(PROFILES[name]), ImageCms.createProfile("sRGB"), "RGB", "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC
    )
    shown = np.asarray(transform.apply(Image.fromarray(colors))).astype(float)
    light = CURVES[name](colors / 255) @ np.array(COLORANTS[name]) @ np.linalg.inv(np.array(COLORANTS["srgb"]))
    light = light.clip(0, 1)
    expected = 255 * np.where(light > 0.0031308, 1.055 * light ** (1 / 2.4) - 0.055, light * 12.92)
    assert np.abs(shown - expected).max() < 1.6
    assert np.abs(shown - expected).mean() < 0.4


@pytest.mark.parametrize("name", ["gray-gamma22", "gray-srgb"])
def test_gray(name):
    levels = np.arange(256, dtype=np.uint8)[None]
    transform = ImageCms.buildTransform(opened(PROFILES[name]), ImageCms.createProfile("sRGB"), "L", "RGB")
    shown = np.asarray(transform.apply(Image.fromarray(levels)))[..., 1].astype(float)
    light = (levels / 255) ** 2.2
    by_power = 255 * np.where(light > 0.0031308, 1.055 * light ** (1 / 2.4) - 0.055, light * 12.92)
    assert np.abs(shown - (levels if name == "gray-srgb" else by_power)).max() <= 1.1
