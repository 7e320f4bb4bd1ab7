from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from anonymizer import codec
from anonymizer.errors import DecodeError, ImageTooLarge
from tests.codec.samples import CONFIG, encoded, only_frame, photo, saved


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_what_pillow_writes_is_read(mode: str) -> None:
    image = Image.fromarray(photo()).convert(mode)
    expected = np.asarray(image.convert("RGB" if mode in ("P", "RGB") else "L"))
    frame = only_frame(saved(image, "bmp"))
    np.testing.assert_array_equal(frame.pixels, expected)
    assert frame.alpha is None


def test_pillow_reads_what_we_write() -> None:
    alpha = np.arange(48 * 64, dtype=np.uint8).reshape(48, 64)
    for pixels, mask, mode in ((photo(), None, "RGB"), (photo()[..., 0], None, "L"), (photo(), alpha, "RGBA")):
        image = Image.open(BytesIO(encoded("bmp", pixels, mask)))
        assert image.mode == mode
        np.testing.assert_array_equal(np.asarray(image), pixels if mask is None else np.dstack((pixels, mask)))


def test_gray_with_alpha_becomes_color_with_alpha() -> None:
    alpha = np.full((48, 64), 7, np.uint8)
    frame = only_frame(encoded("bmp", photo()[..., 0], alpha))
    np.testing.assert_array_equal(frame.pixels, np.repeat(photo()[..., :1], 3, axis=2))
    np.testing.assert_array_equal(frame.alpha, alpha)


def test_the_fourth_byte_of_plain_32_bit_is_no_alpha() -> None:
    image = Image.fromarray(np.dstack((photo(), np.zeros((48, 64), np.uint8))))
    frame = only_frame(saved(image, "bmp"))
    assert frame.alpha is None
    np.testing.assert_array_equal(frame.pixels, photo())


def test_rows_from_top_to_bottom() -> None:
    data = bytearray(encoded("bmp"))
    struct.pack_into("<i", data, 22, -48)
    np.testing.assert_array_equal(only_frame(bytes(data)).pixels, photo()[::-1])


def test_a_size_beyond_the_limit_is_refused_before_any_pixel() -> None:
    data = bytearray(encoded("bmp"))
    struct.pack_into("<ii", data, 18, 60_000, 60_000)
    with pytest.raises(ImageTooLarge):
        codec.decode(bytes(data), CONFIG)


@pytest.mark.parametrize(("at", "value"), [(18, 0), (22, 0), (14, 41), (28, 7), (30, 9)])
def test_broken_headers_are_refused(at: int, value: int) -> None:
    data = bytearray(encoded("bmp"))
    struct.pack_into("<H", data, at, value)
    with pytest.raises(DecodeError):
        codec.decode(bytes(data), CONFIG)
