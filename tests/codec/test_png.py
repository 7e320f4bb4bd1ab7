from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from anonymizer import codec
from anonymizer.errors import DecodeError, ImageTooLarge, MultiFrame
from tests.codec.samples import CONFIG, chunk, only_frame, photo, png_of, saved, with_chunk

GRAY, RGB, PALETTE, GRAY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
PLTE = chunk(b"PLTE", bytes((10, 20, 30, 40, 50, 60, 70, 80, 90)))


def test_sixteen_bit_gray_keeps_its_upper_byte() -> None:
    samples = np.array([[0, 255, 256], [32768, 65280, 65535]], ">u2")
    frame = only_frame(png_of(3, 2, 16, GRAY, samples.tobytes()))
    np.testing.assert_array_equal(frame.pixels, [[0, 0, 1], [128, 255, 255]])
    assert frame.alpha is None


def test_sixteen_bit_color_keeps_its_upper_bytes() -> None:
    samples = np.array([0x1234, 0x5678, 0xFFFF], ">u2")
    np.testing.assert_array_equal(only_frame(png_of(1, 1, 16, RGB, samples.tobytes())).pixels, [[[0x12, 0x56, 0xFF]]])


def test_sixteen_bit_with_alpha() -> None:
    frame = only_frame(png_of(1, 1, 16, GRAY_ALPHA, bytes.fromhex("1234 8000")))
    assert frame.alpha is not None
    assert (frame.pixels.tolist(), frame.alpha.tolist()) == ([[0x12]], [[0x80]])
    frame = only_frame(png_of(1, 1, 16, RGB_ALPHA, bytes.fromhex("1000 2000 3000 4000")))
    assert frame.alpha is not None
    assert (frame.pixels.tolist(), frame.alpha.tolist()) == ([[[0x10, 0x20, 0x30]]], [[0x40]])


@pytest.mark.parametrize(
    ("depth", "row", "expected"),
    [(1, b"\xa0", [255, 0, 255]), (2, b"\x1b", [0, 85, 170, 255]), (4, b"\x0f\x80", [0, 255, 136])],
)
def test_few_bits_are_spread(depth: int, row: bytes, expected: list[int]) -> None:
    frame = only_frame(png_of(len(expected), 1, depth, GRAY, row))
    assert frame.pixels.tolist() == [expected]
    assert frame.alpha is None


def test_palette_becomes_colors_also_where_they_are_gray() -> None:
    frame = only_frame(png_of(3, 1, 8, PALETTE, bytes((0, 1, 2)), PLTE))
    assert frame.pixels.tolist() == [[[10, 20, 30], [40, 50, 60], [70, 80, 90]]]
    assert frame.alpha is None


def test_palette_with_transparency() -> None:
    frame = only_frame(png_of(3, 1, 8, PALETTE, bytes((0, 1, 2)), PLTE, chunk(b"tRNS", bytes((0, 128)))))
    assert frame.alpha is not None
    assert frame.alpha.tolist() == [[0, 128, 255]]
    assert frame.pixels.tolist() == [[[0, 0, 0], [40, 50, 60], [70, 80, 90]]]


@pytest.mark.parametrize(
    ("depth", "row", "key"),
    [
        (1, b"\x40", 1),
        (2, b"\x10", 1),
        (4, b"\x03", 3),
        (8, b"\x09\x07", 7),
        (16, b"\0\x08\0\x07", 7),
        (1, b"\x40", 255),
    ],
)
def test_transparent_gray(depth: int, row: bytes, key: int) -> None:
    frame = only_frame(png_of(2, 1, depth, GRAY, row, chunk(b"tRNS", struct.pack(">H", key))))
    assert frame.alpha is not None
    assert frame.alpha.tolist() == [[255, 0]]


@pytest.mark.parametrize("depth", [8, 16])
def test_transparent_color(depth: int) -> None:
    row = np.array([1, 2, 3, 1, 2, 4], ">u2" if depth == 16 else "u1")
    row = row * 256 if depth == 16 else row
    key = struct.pack(">3H", *(int(v) for v in row[:3]))
    data = png_of(2, 1, depth, RGB, row.astype(">u2" if depth == 16 else "u1").tobytes(), chunk(b"tRNS", key))
    frame = only_frame(data)
    assert frame.alpha is not None
    assert frame.alpha.tolist() == [[0, 255]]
    assert frame.pixels.tolist() == [[[0, 0, 0], [1, 2, 4]]]


def test_alpha_is_there_by_the_header_though_all_is_opaque() -> None:
    opaque = np.dstack((photo(), np.full((48, 64), 255, np.uint8)))
    assert only_frame(saved(opaque, "png")).alpha is not None
    transparent_name = with_chunk(png_of(1, 1, 8, GRAY, b"\1"), b"tRNS", b"\0\2")
    assert only_frame(transparent_name).alpha is not None


def test_interlaced() -> None:
    # Adam7 of a 1 × 1 picture is its first pass alone.
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, GRAY, 0, 0, 1))
    data = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0\x2a")) + chunk(b"IEND", b"")
    assert only_frame(data).pixels.tolist() == [[42]]


def test_a_size_beyond_the_limit_is_refused_before_any_pixel() -> None:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, RGB, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1_000_000))) + chunk(b"IEND", b"")
    with pytest.raises(ImageTooLarge):
        codec.decode(bomb, CONFIG)


def _broken() -> dict[str, bytes]:
    good = saved(photo(), "png")
    header, rest = good[:33], good[33:]
    return {
        "no width": good[:8] + chunk(b"IHDR", struct.pack(">IIBBBBB", 0, 5, 8, GRAY, 0, 0, 0)) + rest,
        "checksum of the header": good[:32] + b"\0" + rest,
        "checksum of the pixels": good[:-16] + bytes([good[-16] ^ 1]) + good[-15:],
        "no end": good[:-12],
        "two headers": header + good[8:33] + rest,
        "header not first": good[:8] + chunk(b"PLTE", bytes(3)) + good[8:],
        "palette missing": png_of(1, 1, 8, PALETTE, b"\0"),
        "line ends converted": good.replace(b"\r\n", b"\n"),
        "rows missing": png_of(4, 2, 8, GRAY, bytes(4)),
    }


@pytest.mark.parametrize("damage", _broken())
def test_damage_is_refused(damage: str) -> None:
    with pytest.raises(DecodeError):
        codec.decode(_broken()[damage], CONFIG)


def test_damaged_ancillary_chunks_do_no_harm() -> None:
    bad_checksum = with_chunk(saved(photo(), "png"), b"tEXt", b"a\0b")
    bad_checksum = bad_checksum[:45] + b"\0\0\0\0" + bad_checksum[49:]
    bad_profile = with_chunk(saved(photo(), "png"), b"iCCP", b"name\0\0no zlib stream")
    for data in (bad_checksum, bad_profile):
        np.testing.assert_array_equal(only_frame(data).pixels, photo())


def test_animations_are_refused_and_a_single_frame_is_not() -> None:
    images = [Image.fromarray(photo()), Image.fromarray(photo()[::-1])]
    with pytest.raises(MultiFrame):
        codec.decode(saved(images[0], "png", save_all=True, append_images=images[1:]), CONFIG)
    alone = with_chunk(saved(photo(), "png"), b"acTL", struct.pack(">II", 1, 0))
    np.testing.assert_array_equal(only_frame(alone).pixels, photo())


def test_a_default_picture_before_the_first_frame_is_a_second_picture() -> None:
    images = [Image.fromarray(photo()), Image.fromarray(photo()[::-1])]
    data = saved(images[0], "png", save_all=True, append_images=images[1:], default_image=True)
    with pytest.raises(MultiFrame):
        codec.decode(data, CONFIG)
