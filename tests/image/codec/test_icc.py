"""Curves and matrices of profiles."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymizer.image.codec.icc import _LIGHTS, linear_profile, to_srgb
from anonymizer.image.profiles import PROFILES

SAMPLES = np.linspace(0, 1, 65536)


def gray_with(curve: bytes) -> bytes:
    """A gray profile with this curve tag."""
    profile = bytearray(PROFILES["gray-gamma22"])
    at = next(at for at in range(132, 200, 12) if profile[at : at + 4] == b"kTRC")
    struct.pack_into(">II", profile, at + 4, len(profile), len(curve))
    return bytes(profile) + curve


def para(kind: int, *values: float) -> bytes:
    return b"para" + struct.pack(f">4xHH{len(values)}i", kind, 0, *(round(value * 65536) for value in values))


def curv(*points: int) -> bytes:
    return b"curv" + struct.pack(f">4xI{len(points)}H", len(points), *points)


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        (curv(), SAMPLES),
        (curv(512), SAMPLES**2),
        (curv(0, 65535), SAMPLES),
        (curv(0, 0, 65535), np.maximum(2 * SAMPLES - 1, 0)),
        (para(0, 2), SAMPLES**2),
        (para(1, 2, 1, -0.5), np.maximum(SAMPLES - 0.5, 0) ** 2),
        (para(2, 2, 1, -0.5, 0.25), np.maximum(SAMPLES - 0.5, 0) ** 2 + 0.25),
        (para(3, 2, 1, 0, 0.5, 0.5), np.where(SAMPLES >= 0.5, SAMPLES**2, SAMPLES / 2)),
        (para(4, 2, 1, 0, 0.5, 0.5, 0.1, 0.2), np.where(SAMPLES >= 0.5, SAMPLES**2 + 0.1, SAMPLES / 2 + 0.2)),
    ],
)
def test_curves(curve, expected):
    profile = linear_profile(gray_with(curve))
    assert profile is not None
    assert profile.matrix is None
    np.testing.assert_allclose(profile.curves[0], expected.clip(0, 1), atol=2e-5)


@pytest.mark.parametrize(
    "curve",
    [b"", b"curv", curv(1, 2)[:-1], b"curv" + struct.pack(">4xI", 2**31), para(5, 1), para(1, 2, 0, 0), b"mft2" * 9],
    ids=["none", "bare", "cut", "endless", "unknown", "no slope", "table"],
)
def test_a_damaged_curve_is_no_profile(curve):
    assert linear_profile(gray_with(curve)) is None


def test_tables_go_before_the_matrix():
    profile = bytearray(PROFILES["srgb"])
    profile[132:136] = b"A2B0"
    assert linear_profile(bytes(profile)) is None


@given(st.binary(max_size=600), st.integers(0, 599))
@settings(max_examples=60, deadline=None)
def test_hostile_bytes_never_raise(noise, at):
    base = PROFILES["display-p3"]
    linear_profile(noise)
    linear_profile(base[:at] + noise[:40] + base[at + 40 :])


def test_blocks_make_no_difference_and_the_input_stays():
    profile = linear_profile(PROFILES["adobe-rgb"])
    assert profile is not None
    pixels = np.random.default_rng(1).integers(0, 65536, (600, 1000, 3), dtype=np.uint16)
    before = pixels.copy()
    whole = to_srgb(pixels, profile)
    np.testing.assert_array_equal(whole[530:], to_srgb(pixels[530:], profile))
    np.testing.assert_array_equal(pixels, before)


def test_a_last_bit_never_decides_a_level():
    light = np.arange(_LIGHTS + 1) / _LIGHTS
    encoded = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055) * 65535
    assert np.abs(encoded % 1 - 0.5).min() > 1e-10
