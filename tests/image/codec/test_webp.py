from __future__ import annotations

import struct
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from anonymizer.errors import DecodeError, EncodeError, ImageTooLarge
from anonymizer.image import codec, metadata
from anonymizer.image.codec import webp
from anonymizer.image.profiles import PROFILES
from anonymizer.records import Frame, Picture
from tests.image.codec.samples import CONFIG, only_frame, photo, riff_chunk, saved, swapped_profile, webp_of


def test_lossless_stays_lossless() -> None:
    picture = codec.decode(saved(photo(), "webp", lossless=True), CONFIG)
    np.testing.assert_array_equal(picture.frames[0].pixels, photo())
    output = codec.encode(picture).data
    assert output[12:16] == b"VP8L"
    np.testing.assert_array_equal(only_frame(output).pixels, photo())


def test_lossy_stays_lossy() -> None:
    assert codec.encode(codec.decode(saved(photo(), "webp"), CONFIG)).data[12:16] == b"VP8 "


def test_alpha_is_there_by_the_header() -> None:
    assert only_frame(saved(photo(), "webp")).alpha is None
    half = np.dstack((photo(), np.full((48, 64), 128, np.uint8)))
    assert only_frame(saved(half, "webp")).alpha is not None


def test_alpha_that_hides_nothing_is_left_out() -> None:
    opaque = Frame(photo(), np.full((48, 64), 255, np.uint8))
    for lossless in (False, True):
        kinds = webp.Kinds((lossless,))
        with_alpha, without = (
            webp.encode(Picture("webp", (frame,), encoder=kinds)).data for frame in (opaque, Frame(photo()))
        )
        assert with_alpha == without


@pytest.mark.parametrize("lossless", [False, True])
def test_the_row_says_whether_it_is_exact(lossless: bool) -> None:
    alpha = np.where(photo()[..., 0] < 100, 0, photo()[..., 1]).astype(np.uint8)
    picture = codec.decode(saved(np.dstack((photo(), alpha)), "webp", lossless=lossless), CONFIG)
    encoded = codec.encode(picture)
    assert encoded.encoding == ("exact" if lossless else "reencoded")
    (frame,) = codec.decode(encoded.data, CONFIG).frames
    if lossless:
        np.testing.assert_array_equal(frame.pixels, picture.frames[0].pixels)
    np.testing.assert_array_equal(frame.alpha, picture.frames[0].alpha)


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("has_alpha", [False, True])
def test_a_public_profile_stays(lossless: bool, has_alpha: bool) -> None:
    pixels = np.dstack((photo(), photo()[..., 0])) if has_alpha else photo()
    source = saved(pixels, "webp", lossless=lossless, icc_profile=PROFILES["display-p3"])
    picture = codec.decode(source, CONFIG)
    assert (picture.profile, picture.converted) == ("display-p3", False)
    output = codec.encode(picture).data
    metadata.check(output, "webp", 64, 48)
    assert metadata.inventory(output, "webp") == metadata.inventory(source, "webp") == ()
    assert Image.open(BytesIO(output)).info["icc_profile"] == PROFILES["display-p3"]
    assert codec.decode(output, CONFIG).profile == "display-p3"


def test_a_mixed_up_profile_is_converted_and_said_so() -> None:
    encoded = codec.encode(codec.decode(saved(photo(), "webp", lossless=True, icc_profile=swapped_profile()), CONFIG))
    assert encoded.encoding == "reencoded"
    assert b"ICCP" not in encoded.data


@pytest.mark.parametrize("lossless", [False, True])
def test_what_lies_under_a_mask_has_no_influence(lossless: bool) -> None:
    redacted = np.zeros((48, 64), np.bool_)
    redacted[10:30, 12:40] = True
    outputs = set()
    for seed in range(2):
        hidden = np.random.default_rng(seed).integers(0, 256, (48, 64, 4)).astype(np.uint8)
        source = np.where(redacted[..., None], hidden, np.dstack((photo(), photo()[..., 0])))
        (frame,) = codec.decode(saved(source, "webp", lossless=True), CONFIG).frames
        assert frame.alpha is not None
        pixels = np.where(redacted[..., None], np.uint8(90), frame.pixels)
        alpha = np.where(redacted, np.uint8(255), frame.alpha)
        kinds = webp.Kinds((lossless,))
        outputs.add(webp.encode(Picture("webp", (Frame(pixels, alpha, redacted),), encoder=kinds)).data)
    assert len(outputs) == 1


@pytest.mark.parametrize(
    "pixels", [np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3), np.uint16)], ids=["CMYK", "16 bit"]
)
def test_what_it_cannot_hold_is_refused(pixels: NDArray[np.uint8]) -> None:
    with pytest.raises(EncodeError):
        codec.encode(Picture("webp", (Frame(pixels),)))


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


@pytest.mark.parametrize(("enough", "lossless"), [(4, False), (6, False), (7, True)])
def test_a_picture_with_too_many_modes_is_written_with_fewer(
    monkeypatch: pytest.MonkeyPatch, enough: int, lossless: bool
) -> None:
    save = Image.Image.save

    def full(image: Image.Image, file: Any, format_name: str, **settings: Any) -> None:
        if not settings["lossless"] and settings["method"] < enough:
            raise ValueError("encoding error 6")
        save(image, file, format_name, **settings)

    source = saved(photo(), "webp", quality=80)
    monkeypatch.setattr(Image.Image, "save", full)
    written = codec.encode(codec.decode(source, CONFIG)).data
    assert (b"VP8L" in written[:40]) == lossless
    metadata.check(written, "webp", 64, 48)
