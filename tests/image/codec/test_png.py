from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from anonymizer.errors import DecodeError, EncodeError, ImageTooLarge
from anonymizer.image import codec, metadata
from anonymizer.image.profiles import PROFILES
from anonymizer.records import Frame, Picture
from tests.image.codec.samples import CONFIG, chunk, encoded, only_frame, photo, png_of, saved, with_chunk

GRAY, RGB, PALETTE, GRAY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
SIGNATURE = b"\x89PNG\r\n\x1a\n"
PLTE = chunk(b"PLTE", bytes((10, 20, 30, 40, 50, 60, 70, 80, 90)))


def test_sixteen_bit_stays_sixteen_bit() -> None:
    gray = np.array([[0, 255, 256], [32768, 65280, 65535]], ">u2")
    assert _stored(png_of(3, 2, 16, GRAY, gray.tobytes())) == (gray.tolist(), None)
    color = np.array([0x1234, 0x5678, 0xFFFF], ">u2")
    assert _stored(png_of(1, 1, 16, RGB, color.tobytes())) == ([[[0x1234, 0x5678, 0xFFFF]]], None)
    assert _stored(png_of(1, 1, 16, GRAY_ALPHA, bytes.fromhex("1234 8000"))) == ([[0x1234]], [[0x8000]])
    rgba = bytes.fromhex("1000 2000 3000 4000")
    assert _stored(png_of(1, 1, 16, RGB_ALPHA, rgba)) == ([[[0x1000, 0x2000, 0x3000]]], [[0x4000]])


def _stored(data: bytes) -> tuple[object, object]:
    frame = only_frame(data)
    assert frame.pixels.dtype == np.uint16
    return frame.pixels.tolist(), None if frame.alpha is None else frame.alpha.tolist()


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("size", [(1, 1), (5, 3), (3, 70_000), (300, 200)])
def test_every_sample_comes_back(channels: int, depth: int, size: tuple[int, int]) -> None:
    kind = np.uint16 if depth == 16 else np.uint8
    samples: NDArray[Any] = np.random.default_rng(1).integers(1, 2**depth, (*size, channels)).astype(kind)
    samples[size[0] // 2 :] = samples[:1, :1] // 2 + 1
    alpha = samples[..., -1] if channels in (2, 4) else None
    colors = samples[..., 0] if channels < 3 else samples[..., :3]
    data = codec.encode(Picture("png", (Frame(colors, alpha),)))
    metadata.check(data.data, "png", size[1], size[0])
    assert data.encoding == "exact"
    frame = only_frame(data.data)
    np.testing.assert_array_equal(frame.pixels, colors)
    assert frame.pixels.dtype == kind
    np.testing.assert_array_equal(frame.alpha, alpha) if alpha is not None else None


def test_other_readers_see_the_same() -> None:
    samples = np.random.default_rng(2).integers(0, 65536, (9, 7, 3)).astype(np.uint16)
    data = codec.encode(Picture("png", (Frame(samples),))).data
    read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(read, samples[..., ::-1])
    for pixels in (photo(300, 400), photo()[..., 0]):
        np.testing.assert_array_equal(Image.open(BytesIO(encoded("png", pixels))), pixels)


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
    assert frame.alpha.tolist() == [[2 ** max(depth, 8) - 1, 0]]


@pytest.mark.parametrize("depth", [8, 16])
def test_transparent_color(depth: int) -> None:
    row = np.array([1, 2, 3, 1, 2, 4], ">u2" if depth == 16 else "u1")
    row = row * 256 if depth == 16 else row
    key = struct.pack(">3H", *(int(v) for v in row[:3]))
    data = png_of(2, 1, depth, RGB, row.astype(">u2" if depth == 16 else "u1").tobytes(), chunk(b"tRNS", key))
    frame = only_frame(data)
    assert frame.alpha is not None
    assert frame.alpha.tolist() == [[0, 2**depth - 1]]
    assert frame.pixels.tolist() == [[[0, 0, 0], row[3:].tolist()]]


def test_a_sixteen_bit_key_is_compared_to_its_last_bit() -> None:
    row = np.array([256, 512, 768, 256, 512, 769], ">u2").tobytes()
    frame = only_frame(png_of(2, 1, 16, RGB, row, chunk(b"tRNS", row[:6])))
    assert frame.alpha is not None
    assert frame.alpha.tolist() == [[0, 65535]]


def test_alpha_is_there_by_the_header_though_all_is_opaque() -> None:
    opaque = np.dstack((photo(), np.full((48, 64), 255, np.uint8)))
    assert only_frame(saved(opaque, "png")).alpha is not None
    transparent_name = with_chunk(png_of(1, 1, 8, GRAY, b"\1"), b"tRNS", b"\0\2")
    assert only_frame(transparent_name).alpha is not None


@pytest.mark.parametrize(("depth", "color_type"), [(8, GRAY), (16, RGB), (1, GRAY)])
@pytest.mark.parametrize("size", [(1, 1), (11, 13), (3, 2)])
def test_interlaced(depth: int, color_type: int, size: tuple[int, int]) -> None:
    height, width = size
    samples = np.random.default_rng(3).integers(0, 2**depth, (height, width, 3 if color_type == RGB else 1))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 1))
    data = SIGNATURE + header + chunk(b"IDAT", zlib.compress(_adam7(samples, depth))) + chunk(b"IEND", b"")
    expected = samples * 255 if depth == 1 else samples
    np.testing.assert_array_equal(only_frame(data).pixels, expected if color_type == RGB else expected[..., 0])


def _adam7(samples: NDArray[Any], depth: int) -> bytes:
    steps = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    rows = []
    for x, y, columns, lines in steps:
        for row in samples[y::lines, x::columns]:
            if row.size:
                packed = np.packbits(row.astype(np.uint8)) if depth == 1 else row.astype(">u2" if depth == 16 else "u1")
                rows.append(b"\0" + packed.tobytes())
    return b"".join(rows)


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


def test_sixteen_bit_rows_that_are_missing_are_refused() -> None:
    for rows in (b"", bytes(16), bytes(23)):
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 4, 16, GRAY_ALPHA, 0, 0, 0))
        with pytest.raises(DecodeError):
            codec.decode(SIGNATURE + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""), CONFIG)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_few_bits_stay_few_where_the_levels_allow(depth: int) -> None:
    row = bytes(range(0, 256, 17))
    picture = codec.decode(png_of(8 * 16 // depth, 1, depth, GRAY, row), CONFIG)
    data = codec.encode(picture).data
    assert data[24] == depth
    metadata.check(data, "png", 8 * 16 // depth, 1)
    np.testing.assert_array_equal(only_frame(data).pixels, picture.frames[0].pixels)
    changed = picture.frames[0].pixels.copy()
    changed[0, 0] = 100
    data = codec.encode(replace(picture, frames=(Frame(changed),))).data
    assert data[24] == 8
    np.testing.assert_array_equal(only_frame(data).pixels, changed)


@pytest.mark.parametrize(("used", "depth"), [(1, 1), (2, 1), (3, 2), (5, 4), (17, 8), (256, 8)])
def test_a_palette_stays_one_of_the_colors_that_are_used(used: int, depth: int) -> None:
    entries = np.random.default_rng(4).permutation(256).astype(np.uint8)
    palette = np.stack([entries, entries[::-1], entries ^ 7], axis=1).astype(np.uint8)
    indices = np.resize(np.arange(used, dtype=np.uint8), (20, 30))
    alphas = chunk(b"tRNS", bytes((128,)))
    picture = codec.decode(
        png_of(30, 20, 8, PALETTE, indices.tobytes(), chunk(b"PLTE", palette.tobytes()), alphas), CONFIG
    )
    data = codec.encode(picture)
    assert (data.data[24], data.data[25], data.encoding) == (depth, PALETTE, "exact")
    metadata.check(data.data, "png", 30, 20)
    frame = only_frame(data.data)
    np.testing.assert_array_equal(frame.pixels, palette[indices])
    np.testing.assert_array_equal(frame.alpha, np.where(indices == 0, 128, 255))


def test_a_palette_source_with_too_many_colors_outside_masks_becomes_colors() -> None:
    number = np.arange(300).reshape(30, 10)
    colors = np.dstack((number % 256, number // 256, number // 2 % 7)).astype(np.uint8)
    picture = codec.decode(png_of(3, 1, 8, PALETTE, bytes((0, 1, 2)), PLTE), CONFIG)
    data = codec.encode(replace(picture, frames=(Frame(colors),)))
    assert (data.data[25], data.encoding) == (RGB, "exact")
    np.testing.assert_array_equal(only_frame(data.data).pixels, colors)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0)])
def test_what_lay_under_a_mask_is_in_no_byte(order: tuple[int, ...]) -> None:
    """Neither by the palette's order, nor by an entry that is left, nor by another depth."""
    mask = np.zeros((20, 30), np.bool_)
    mask[5:15, 5:15] = True
    base = np.resize(np.arange(4, dtype=np.uint8), (20, 30))
    assert _masked_file(base, mask, (0, 1, 2, 3)) == _masked_file(np.where(mask, 200, base), mask, order)
    assert _masked_file(base, mask, (0, 1, 2, 3)) == _masked_file(np.where(mask, 9, base), mask, order)


def _masked_file(indices: NDArray[Any], mask: NDArray[np.bool_], order: tuple[int, ...]) -> bytes:
    entries = np.random.default_rng(5).integers(0, 256, (256, 3)).astype(np.uint8)
    where = np.arange(256, dtype=np.uint8)
    where[list(order)] = range(4)
    entries[list(range(4))] = entries[list(order)] if order[0] == 0 else entries[:4][::-1]
    data = png_of(30, 20, 8, PALETTE, where[indices].tobytes(), chunk(b"PLTE", entries.tobytes()))
    picture = codec.decode(data, CONFIG)
    pixels = picture.frames[0].pixels.copy()
    pixels[mask] = np.arange(mask.sum() * 3).reshape(-1, 3) % 251
    return codec.encode(replace(picture, frames=(Frame(pixels, None, mask),))).data


def test_a_public_profile_stays_by_its_exact_bytes() -> None:
    source = with_chunk(saved(photo(), "png"), b"iCCP", b"Somebody's\0\0" + zlib.compress(PROFILES["display-p3"]))
    picture = codec.decode(source, CONFIG)
    assert (picture.profile, picture.converted) == ("display-p3", False)
    data = codec.encode(picture)
    metadata.check(data.data, "png", 64, 48)
    assert metadata.inventory(data.data, "png") == ()
    assert metadata.inventory(source, "png") == ("icc",)
    assert data.encoding == "exact"
    assert Image.open(BytesIO(data.data)).info["icc_profile"] == PROFILES["display-p3"]
    np.testing.assert_array_equal(only_frame(data.data).pixels, photo())


def test_a_profile_for_other_colors_is_not_written() -> None:
    for pixels, profile in ((photo(), "gray-gamma22"), (photo()[..., 0], "display-p3")):
        with pytest.raises(EncodeError):
            codec.encode(Picture("png", (Frame(pixels),), profile=profile))


ADOBE = struct.pack(">8I", 31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)
SRGB = struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)


@pytest.mark.parametrize(
    ("chunks", "profile", "converted"),
    [
        ({b"cICP": b"\x0c\x0d\0\1"}, "display-p3", False),
        ({b"cICP": b"\1\x0d\0\1", b"gAMA": struct.pack(">I", 100_000)}, None, False),
        ({b"cICP": b"\x09\x10\0\1"}, None, False),
        ({b"gAMA": struct.pack(">I", 45_470), b"cHRM": ADOBE}, None, True),
        ({b"gAMA": struct.pack(">I", 45_455), b"cHRM": SRGB}, None, False),
        ({b"gAMA": struct.pack(">I", 100_000)}, None, True),
        ({b"gAMA": struct.pack(">I", 100_000), b"sRGB": b"\0"}, None, False),
        ({b"gAMA": struct.pack(">I", 0)}, None, False),
        ({b"cHRM": ADOBE}, None, True),
        ({b"cHRM": bytes(32)}, None, False),
        ({b"cHRM": b"short"}, None, False),
        ({b"cHRM": struct.pack(">8I", *(30_000,) * 8)}, None, False),
    ],
)
def test_colors_by_numbers(chunks: dict[bytes, bytes], profile: str | None, converted: bool) -> None:
    data = saved(photo(), "png")
    for name, payload in chunks.items():
        data = with_chunk(data, name, payload)
    picture = codec.decode(data, CONFIG)
    assert (picture.profile, picture.converted) == (profile, converted)
    assert codec.encode(picture).encoding == ("reencoded" if converted else "exact")


def test_linear_light_becomes_srgb() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    linear = levels / 255
    expected = 255 * np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055
    )
    for pixels in (levels, np.dstack([levels] * 3)):
        frame = only_frame(with_chunk(saved(pixels, "png"), b"gAMA", struct.pack(">I", 100_000)))
        found = frame.pixels if frame.pixels.ndim == 2 else frame.pixels[..., 1]
        assert np.abs(found - expected).max() <= 1


def test_ink_cannot_be_written() -> None:
    with pytest.raises(EncodeError):
        codec.encode(Picture("png", (Frame(np.zeros((2, 2, 4), np.uint8)),)))


def test_pictures_that_repeat_and_pictures_that_do_not_are_both_small() -> None:
    noise = np.random.default_rng(6).integers(0, 256, (400, 400, 3)).astype(np.uint8)
    tiles = np.tile(noise[:, :40], (1, 10, 1))
    assert len(encoded("png", noise)) < 1.01 * noise.size
    assert len(encoded("png", tiles)) < len(saved(tiles, "png")) * 1.05
