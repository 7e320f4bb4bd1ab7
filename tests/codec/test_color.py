from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from anonymizer.codec.color import to_srgb
from tests.codec.samples import icc_profile, only_frame, photo, saved, swapped_profile


@pytest.mark.parametrize(
    "profile", [None, b"", b"no profile", bytes(9 * 2**20)], ids=["none", "empty", "broken", "huge"]
)
def test_without_a_usable_profile_colors_stay(profile: bytes | None) -> None:
    image = Image.fromarray(photo())
    assert to_srgb(image, profile) is image


def test_srgb_by_profile_is_left_alone() -> None:
    image = Image.fromarray(photo())
    assert to_srgb(image, icc_profile()) is image


def test_a_profile_for_other_colors_is_ignored() -> None:
    image = Image.fromarray(photo()[..., 0])
    assert to_srgb(image, icc_profile()) is image


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


def test_ink_becomes_light() -> None:
    cyan = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
    converted = to_srgb(cyan, None)
    assert converted.mode == "RGB"
    assert converted.getpixel((0, 0)) == (0, 255, 255)
