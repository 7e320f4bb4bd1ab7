from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image

from anonymizer import codec
from anonymizer.errors import DecodeError, ImageTooLarge, MultiFrame
from tests.codec.samples import CONFIG, only_frame, photo, riff_chunk, saved, webp_of


def test_lossless_stays_lossless() -> None:
    picture = codec.decode(saved(photo(), "webp", lossless=True), CONFIG)
    np.testing.assert_array_equal(picture.frames[0].pixels, photo())
    output = codec.encode(picture)
    assert output[12:16] == b"VP8L"
    np.testing.assert_array_equal(only_frame(output).pixels, photo())


def test_lossy_stays_lossy() -> None:
    assert codec.encode(codec.decode(saved(photo(), "webp"), CONFIG))[12:16] == b"VP8 "


def test_alpha_is_there_by_the_header() -> None:
    assert only_frame(saved(photo(), "webp")).alpha is None
    half = np.dstack((photo(), np.full((48, 64), 128, np.uint8)))
    assert only_frame(saved(half, "webp")).alpha is not None


def test_animation_is_refused() -> None:
    images = [Image.fromarray(photo()), Image.fromarray(255 - photo())]
    with pytest.raises(MultiFrame):
        codec.decode(saved(images[0], "webp", save_all=True, append_images=images[1:]), CONFIG)


@pytest.mark.parametrize("size", [(16383, 16383), (16384, 10_000)])
def test_a_canvas_beyond_the_limit_is_refused_before_any_pixel(size: tuple[int, int]) -> None:
    canvas = struct.pack("<I", 0) + b"".join((side - 1).to_bytes(3, "little") for side in size)
    with pytest.raises(ImageTooLarge):
        codec.decode(webp_of(riff_chunk(b"VP8X", canvas), saved(photo(), "webp")[12:]), CONFIG)


@pytest.mark.parametrize(
    "data",
    [
        webp_of(),
        webp_of(riff_chunk(b"VP8 ", b"")),
        webp_of(riff_chunk(b"XMP ", b"text"), saved(photo(), "webp")[12:]),
        saved(photo(), "webp")[:-10],
        webp_of(riff_chunk(b"VP8X", bytes(10)), saved(photo(), "webp")[12:]),
    ],
    ids=["no chunk", "empty picture", "metadata first", "cut", "canvas of another size"],
)
def test_damage_is_refused(data: bytes) -> None:
    with pytest.raises(DecodeError):
        codec.decode(data, CONFIG)
