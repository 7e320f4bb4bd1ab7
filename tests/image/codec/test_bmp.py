from __future__ import annotations

import struct
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from anonymizer.errors import DecodeError, EncodeError, ImageTooLarge, ScrubCheckFailed, UnsupportedFormat
from anonymizer.image import codec, metadata
from anonymizer.image.profiles import PROFILES
from anonymizer.records import Frame, Picture, Pixels
from tests.image.codec.samples import CONFIG, encoded, only_frame, photo, saved
from tests.image.codec.second import by_imagemagick


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


@pytest.mark.parametrize(("at", "value"), [(18, 0), (22, 0), (10, 60_000)])
def test_broken_headers_are_refused(at: int, value: int) -> None:
    data = bytearray(encoded("bmp"))
    struct.pack_into("<H", data, at, value)
    with pytest.raises(DecodeError):
        codec.decode(bytes(data), CONFIG)


def test_a_header_cut_short_is_damage() -> None:
    for size in (16, 30, 53):
        with pytest.raises(DecodeError):
            codec.decode(encoded("bmp")[:size], CONFIG)


RLE8, RLE4, FIELDS, JPEG, PNG, ALPHA_FIELDS, CMYK = 1, 2, 3, 4, 5, 6, 11


def _bitmap(
    rows: bytes, bits: int, compression: int = 0, tail: bytes = b"", *, size: tuple[int, int] = (4, 4), header: int = 40
) -> bytes:
    """A file of any header, depth and compression; `tail` is what stands between header and rows."""
    colors = 0 if compression == FIELDS else len(tail) // 4
    fields = struct.pack("<IiiHHIIiiII", header, *size, 1, bits, compression, len(rows), 0, 0, colors, 0)
    second = fields[:header].ljust(header, b"\0")
    at = 14 + len(second) + len(tail)
    return struct.pack("<2sIHHI", b"BM", at + len(rows), 0, 0, at) + second + tail + rows


UNREAD = {
    "header of 16 bytes": _bitmap(bytes(64), 24, header=16),
    "header of no known size": _bitmap(bytes(64), 24, header=41),
    "no depth, as a JPEG in it has": _bitmap(bytes(64), 0, JPEG),
    "2 bit": _bitmap(bytes(64), 2, 0, bytes(16)),
    "7 bit": _bitmap(bytes(64), 7),
    "64 bit": _bitmap(bytes(128), 64),
    "JPEG": _bitmap(bytes(64), 24, JPEG),
    "PNG": _bitmap(bytes(64), 24, PNG),
    "fields with alpha": _bitmap(bytes(64), 32, ALPHA_FIELDS, struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)),
    "CMYK": _bitmap(bytes(64), 32, CMYK),
    "compression of nobody": _bitmap(bytes(64), 24, 9),
    "fax of OS/2": _bitmap(bytes(64), 1, FIELDS, header=64),
    "masks of 4 bit": _bitmap(bytes(32), 16, FIELDS, struct.pack("<3I", 0xF00, 0xF0, 0xF)),
    "masks in another order": _bitmap(bytes(32), 16, FIELDS, struct.pack("<3I", 0x1F, 0x7E0, 0xF800)),
    "masks of 10 bit": _bitmap(bytes(64), 32, FIELDS, struct.pack("<3I", 0x3FF00000, 0xFFC00, 0x3FF)),
    "masks of a palette": _bitmap(bytes(64), 8, FIELDS, struct.pack("<3I", 0xE0, 0x1C, 3)),
}


@pytest.mark.parametrize("kind", UNREAD)
def test_what_is_no_damage_but_another_kind(kind: str) -> None:
    with pytest.raises(UnsupportedFormat):
        codec.decode(UNREAD[kind], CONFIG)


INDICES = np.array([[0, 1, 1, 0, 1], [1, 0, 0, 1, 0], [0, 0, 0, 1, 1]], np.uint8)
BLACK, WHITE = (0, 0, 0), (255, 255, 255)


def _rows_of_indices(bits: int, compression: int, *, top_down: bool) -> bytes:
    rows = INDICES if top_down else INDICES[::-1]
    if compression:
        runs = (b"".join(bytes((1, index << (8 - bits))) for index in row) + b"\0\0" for row in rows)
        return b"".join(runs) + b"\0\1"
    spread = (rows[..., None] >> np.arange(bits - 1, -1, -1) & 1).reshape(len(rows), -1)
    packed = np.packbits(spread.astype(np.uint8), axis=1)
    return b"".join(row.tobytes().ljust(-(-len(row.tobytes()) // 4) * 4, b"\0") for row in packed)


@pytest.mark.parametrize(
    "colors",
    [(BLACK, WHITE), (WHITE, BLACK), ((9, 9, 9), (7, 7, 7)), ((1, 2, 3), (40, 50, 60)), [(n,) * 3 for n in range(16)]],
    ids=["black and white", "white and black", "two grays", "two colours", "gray as its index"],
)
@pytest.mark.parametrize(("bits", "compression"), [(1, 0), (4, 0), (8, 0), (4, RLE4), (8, RLE8)])
@pytest.mark.parametrize("top_down", [False, True])
def test_a_palette_means_what_it_says_at_every_depth(
    bits: int, compression: int, colors: list[tuple[int, int, int]], top_down: bool
) -> None:
    """Pillow takes black and white for one bit per pixel, and gray for eight, whatever the header says."""
    table = b"".join(bytes((*color[::-1], 0)) for color in colors)
    rows = _rows_of_indices(bits, compression, top_down=top_down)
    data = _bitmap(rows, bits, compression, table, size=(5, -3 if top_down else 3))
    expected = np.array(colors, np.uint8)[INDICES]
    for file in (data, codec.encode(codec.decode(data, CONFIG)).data):
        pixels = only_frame(file).pixels.reshape(3, 5, -1)
        np.testing.assert_array_equal(np.broadcast_to(pixels, expected.shape), expected)
    second = by_imagemagick(data, "bmp", expected.shape)
    if second is not None:
        np.testing.assert_array_equal(second, expected)


def _palette_file(indices: Pixels, entries: Pixels) -> bytes:
    """Eight bit with 256 entries, as programs write it."""
    table = np.zeros((256, 4), np.uint8)
    table[: len(entries), :3] = entries[:, ::-1]
    height, width = indices.shape
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 0, height * width, 0, 0, 0, 0)
    head = struct.pack("<2sIHHI", b"BM", 54 + 1024 + indices.size, 0, 0, 54 + 1024)
    return head + info + table.tobytes() + indices[::-1].tobytes()


ENTRIES = np.random.default_rng(3).integers(0, 256, (256, 3)).astype(np.uint8)


def test_a_palette_stays_one_of_the_colors_that_are_used() -> None:
    indices = np.resize(np.array([7, 250, 3], np.uint8), (12, 16))
    picture = codec.decode(_palette_file(indices, ENTRIES), CONFIG)
    output = codec.encode(picture)
    assert (len(output.data), output.encoding) == (54 + 3 * 4 + 12 * 16, "exact")
    metadata.check(output.data, "bmp", 16, 12)
    assert metadata.inventory(output.data, "bmp") == ()
    np.testing.assert_array_equal(only_frame(output.data).pixels, ENTRIES[indices])
    np.testing.assert_array_equal(Image.open(BytesIO(output.data)).convert("RGB"), ENTRIES[indices])


def test_a_palette_of_black_and_white_is_read_again_as_it_was() -> None:
    pixels = np.where(np.arange(48 * 64).reshape(48, 64, 1) % 3, np.uint8(255), np.uint8(0)).repeat(3, axis=2)
    picture = codec.decode(saved(Image.fromarray(pixels).quantize(8), "bmp"), CONFIG)
    again = only_frame(codec.encode(picture).data)
    np.testing.assert_array_equal(np.broadcast_to(again.pixels.reshape(48, 64, -1), pixels.shape), pixels)


def test_what_lay_under_a_mask_is_in_no_byte() -> None:
    mask = np.zeros((12, 16), np.bool_)
    mask[3:9, 4:12] = True
    files = set()
    for under in (1, 99, 200):
        indices = np.where(mask, under, np.resize(np.array([7, 250, 3], np.uint8), (12, 16))).astype(np.uint8)
        picture = codec.decode(_palette_file(indices, ENTRIES), CONFIG)
        pixels = np.where(mask[..., None], np.arange(16, dtype=np.uint8)[None, :, None], picture.frames[0].pixels)
        files.add(codec.encode(replace(picture, frames=(Frame(pixels, None, mask),))).data)
    assert len(files) == 1


def test_too_many_colors_for_a_palette() -> None:
    picture = codec.decode(_palette_file(np.zeros((12, 16), np.uint8), ENTRIES), CONFIG)
    data = codec.encode(replace(picture, frames=(Frame(photo()),))).data
    np.testing.assert_array_equal(only_frame(data).pixels, photo())


def _changed(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value) :]


def test_the_check_knows_palettes_that_we_do_not_write() -> None:
    indices = np.resize(np.array([7, 250, 3], np.uint8), (12, 16))
    data = codec.encode(codec.decode(_palette_file(indices, ENTRIES), CONFIG)).data
    for dirty in (
        _changed(data, 57, b"\1"),
        _changed(data, 54, data[58:62] + data[54:58]),
        _changed(data, 54, data[58:62]),
        _changed(data, 66, b"\3"),
        _changed(data, 46, b"\2"),
        _changed(data, 46, b"\xff\xff\xff\xff"),
        data[:66] + data[66:].replace(b"\2", b"\1"),
        _palette_file(indices, ENTRIES),
    ):
        with pytest.raises(ScrubCheckFailed):
            metadata.check(dirty, "bmp", 16, 12)
    with pytest.raises(ScrubCheckFailed):
        metadata.check(data, "bmp", 16, 12, 2)


def test_the_profile_of_a_v5_header_is_applied() -> None:
    profile = PROFILES["adobe-rgb"]
    plain = encoded("bmp")
    fields = struct.pack("<16x4s48xIII4x", b"DEBM", 4, 124 + len(plain) - 54, len(profile))
    info = struct.pack("<I", 124) + plain[18:54] + fields
    data = struct.pack("<2sIHHI", b"BM", 0, 0, 0, 14 + len(info)) + info + plain[54:] + profile
    picture = codec.decode(data, CONFIG)
    assert picture.converted
    assert metadata.inventory(data, "bmp") == ("icc",)
    assert np.abs(picture.frames[0].pixels.astype(int) - photo()).max() > 5
    assert codec.encode(picture).encoding == "reencoded"


def test_deep_samples_and_ink_cannot_be_written() -> None:
    for pixels in (photo().astype(np.uint16), np.zeros((4, 4, 4), np.uint8)):
        with pytest.raises(EncodeError):
            codec.encode(Picture("bmp", (Frame(pixels),)))
