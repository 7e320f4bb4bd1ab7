from __future__ import annotations

import struct
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, JpegImagePlugin

from anonymizer.config import CodecConfig
from anonymizer.errors import DecodeError, EncodeError, ImageTooLarge, UnsupportedFormat
from anonymizer.image import codec, metadata
from anonymizer.records import Frame
from tests.image.codec.samples import (
    CONFIG,
    encoded,
    icc_profile,
    only_frame,
    orientation_exif,
    photo,
    saved,
    segment,
    swapped_profile,
    with_segment,
)

REENCODE = CodecConfig(jpeg="reencode")
BOTH = [pytest.param(CONFIG, id="exact"), pytest.param(REENCODE, id="reencoded")]


def _opened(data: bytes) -> JpegImagePlugin.JpegImageFile:
    image = Image.open(BytesIO(data))
    assert isinstance(image, JpegImagePlugin.JpegImageFile)
    return image


def _rewritten(data: bytes, config: CodecConfig = CONFIG) -> bytes:
    return codec.encode(codec.decode(data, config)).data


@pytest.mark.parametrize("config", BOTH)
@pytest.mark.parametrize("quality", [30, 75, 90, 99])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_tables_and_subsampling_are_those_of_the_source(quality: int, subsampling: int, config: CodecConfig) -> None:
    source = saved(photo(), "jpeg", quality=quality, subsampling=subsampling)
    before, after = _opened(source), _opened(_rewritten(source, config))
    assert after.quantization == before.quantization
    assert JpegImagePlugin.get_sampling(after) == subsampling


@pytest.mark.parametrize("config", BOTH)
@pytest.mark.parametrize("progressive", [False, True])
def test_progressive_stays_progressive(progressive: bool, config: CodecConfig) -> None:
    output = _rewritten(saved(photo(), "jpeg", progressive=progressive), config)
    assert ("progressive" in _opened(output).info) is progressive


@pytest.mark.parametrize("config", BOTH)
def test_tables_turn_with_the_picture(config: CodecConfig) -> None:
    source = saved(photo(), "jpeg", quality=60, subsampling=1)
    turned = with_segment(source, 0xE1, b"Exif\0\0" + orientation_exif(6))
    output = _opened(_rewritten(turned, config))
    assert output.size == (48, 64)
    table = np.array(_opened(source).quantization[0]).reshape(8, 8)
    np.testing.assert_array_equal(np.array(output.quantization[0]).reshape(8, 8), table.T)
    # Chroma halved across the old width: on coefficients it stays so, but Pillow has no name for it once turned.
    factors = [part[1:3] for part in output.layer]
    assert factors == ([(1, 2), (1, 1), (1, 1)] if config is CONFIG else [(1, 1)] * 3)


@pytest.mark.parametrize("config", BOTH)
def test_gray_stays_gray(config: CodecConfig) -> None:
    output = _rewritten(saved(photo()[..., 0], "jpeg"), config)
    assert _opened(output).mode == "L"


@pytest.mark.parametrize(("value", "taken_over"), [(0, False), (256, False), (65535, False), (17, True)])
def test_absurd_tables_are_not_taken_over(value: int, taken_over: bool) -> None:
    good = saved(photo(), "jpeg", quality=90)
    at = good.index(b"\xff\xdb")
    old_bytes = struct.unpack_from(">H", good, at + 2)[0]
    table = struct.pack(">B64H", 0x10, *[value] * 64)
    bad = good[:at] + segment(0xDB, table) + good[at + 2 + old_bytes :]
    written = _opened(_rewritten(bad, REENCODE)).quantization
    assert max(max(steps) for steps in written.values()) <= 255
    assert (written[0] == [value] * 64) is taken_over


def test_noise_at_the_highest_quality_can_be_written() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    source = codec.decode(saved(noise, "jpeg", quality=100, subsampling=0), REENCODE)
    picture = replace(source, frames=(Frame(noise),))
    assert np.abs(only_frame(codec.encode(picture).data).pixels.astype(int) - noise).max() <= 4


@pytest.mark.parametrize("config", BOTH)
def test_ink_stays_ink(config: CodecConfig) -> None:
    ink = Image.fromarray(photo()).convert("CMYK")
    picture = codec.decode(saved(ink, "jpeg", quality=95), config)
    assert picture.frames[0].pixels.shape == (48, 64, 4)
    assert np.abs(picture.frames[0].pixels.astype(int) - np.asarray(ink)).mean() < 4
    output = codec.encode(picture).data
    assert _opened(output).mode == "CMYK"
    again = only_frame(output).pixels.astype(int)
    assert np.abs(again - picture.frames[0].pixels).mean() < 1
    metadata.check(output, "jpeg", 64, 48)


@pytest.mark.parametrize("config", BOTH)
def test_red_green_blue_components_are_known_by_the_adobe_segment(config: CodecConfig) -> None:
    source = saved(photo(), "jpeg", quality=60, keep_rgb=True)
    picture = codec.decode(source, config)
    assert np.abs(picture.frames[0].pixels.astype(int) - photo()).mean() < 6
    output = codec.encode(picture).data
    assert np.abs(only_frame(output).pixels.astype(int) - picture.frames[0].pixels).mean() < 4
    metadata.check(output, "jpeg", 64, 48)
    # Luma's table fits no colour.
    assert (_opened(output).quantization[0] == _opened(source).quantization[0]) is (config is CONFIG)


def test_the_primary_picture_of_an_mpo_alone() -> None:
    images = [Image.fromarray(photo()), Image.fromarray(255 - photo())]
    data = saved(images[0], "mpo", save_all=True, append_images=images[1:], quality=95)
    assert codec.sniff(data) == "jpeg"
    frame = only_frame(data)
    assert np.abs(frame.pixels.astype(int) - photo()).mean() < 4


def test_a_profile_in_parts_that_came_in_another_order() -> None:
    profile = swapped_profile()
    parts = [profile[:200], profile[200:]]
    data = saved(np.full((8, 8, 3), (200, 0, 0), np.uint8), "jpeg", quality=95)
    for number in (1, 2):
        data = with_segment(data, 0xE2, b"ICC_PROFILE\0" + bytes((number, 2)) + parts[number - 1])
    assert np.abs(only_frame(data).pixels[4, 4].astype(int) - (0, 200, 0)).max() < 12
    # One part missing: as if there were none.
    alone = with_segment(saved(photo(), "jpeg"), 0xE2, b"ICC_PROFILE\0\1\2" + profile)
    np.testing.assert_array_equal(only_frame(alone).pixels, only_frame(saved(photo(), "jpeg")).pixels)


@pytest.mark.parametrize(
    "dirt",
    [
        segment(0xE0, b"JFIF\0"),
        segment(0xE1, b"Exif\0\0II*\0\xff\xff\xff\xff"),
        segment(0xE1, b"Exif\0\0"),
        segment(0xE2, b"ICC_PROFILE\0"),
        segment(0xE2, b"ICC_PROFILE\0\1\1" + icc_profile()[:100]),
        segment(0xED, b"Photoshop 3.0\x008BIM"),
        b"\xff\xff\xff",
        b"rubbish",
    ],
)
def test_damaged_metadata_does_no_harm(dirt: bytes) -> None:
    data = saved(photo(), "jpeg")
    np.testing.assert_array_equal(only_frame(data[:20] + dirt + data[20:]).pixels, only_frame(data).pixels)


def _with_frame_header(marker: int, precision: int, height: int, width: int) -> bytes:
    data = bytearray(saved(photo(), "jpeg"))
    at = data.index(b"\xff\xc0")
    data[at + 1] = marker
    struct.pack_into(">BHH", data, at + 4, precision, height, width)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (_with_frame_header(0xC3, 8, 48, 64), DecodeError),
        (_with_frame_header(0xC5, 8, 48, 64), UnsupportedFormat),
        (_with_frame_header(0xCB, 8, 48, 64), UnsupportedFormat),
        (_with_frame_header(0xC0, 12, 48, 64), UnsupportedFormat),
        (_with_frame_header(0xC1, 10, 48, 64), UnsupportedFormat),
        (_with_frame_header(0xC0, 8, 0, 64), DecodeError),
        (_with_frame_header(0xC0, 8, 48, 0), DecodeError),
        (_with_frame_header(0xC0, 8, 60_000, 60_000), ImageTooLarge),
        (b"\xff\xd8\xff\xd9", DecodeError),
        (b"\xff\xd8" + saved(photo(), "jpeg"), DecodeError),
        (b"\xff\xd8" + b"\xff" * 1000, DecodeError),
    ],
    ids=[
        "lossless without a predictor",
        "hierarchical",
        "lossless, arithmetic",
        "baseline of 12 bit",
        "10 bit",
        "no height",
        "no width",
        "bomb",
        "empty",
        "two starts",
        "fill only",
    ],
)
def test_refused(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        codec.decode(data, CONFIG)


def test_a_picture_of_too_many_scans_is_refused() -> None:
    data = saved(photo(), "jpeg", progressive=True)
    at = data.rindex(b"\xff\xda")
    with pytest.raises(DecodeError):
        codec.decode(data[:at] + data[at:-2] * 300 + data[-2:], CONFIG)


def test_alpha_cannot_be_written() -> None:
    with pytest.raises(EncodeError):
        encoded("jpeg", photo(), photo()[..., 0])
