"""What every format has to keep."""

from __future__ import annotations

import numpy as np
import pytest

from anonymizer.config import CodecConfig
from anonymizer.errors import DecodeError, EncodeError, ImageTooLarge, NotAnImage
from anonymizer.image import codec, metadata
from anonymizer.records import Frame, Picture
from tests.image.codec.samples import (
    CONFIG,
    CORNERS,
    FORMATS,
    cornered,
    encoded,
    only_frame,
    orientation_exif,
    photo,
    saved,
    with_chunk,
    with_riff_chunk,
    with_segment,
)

LAYOUTS = {"rgb": photo(), "gray": photo()[..., 0], "one pixel": photo(1, 1), "odd size": photo(13, 7)}

# How the upright picture has to be stored so that the orientation brings it back.
STORED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, -1),
}


def test_each_codec_has_a_media_type() -> None:
    names = ("avif", "bmp", "gif", "heif", "jp2", "jpeg", "jxl", "png", "raw", "tiff", "webp")
    assert {name: f"image/{name}" for name in names} == codec.MEDIA_TYPES
    assert set(codec.CODECS) == set(metadata.WALKERS) == set(names)


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_is_written_is_read_again_and_passes_the_check(format_name: str, layout: str) -> None:
    pixels = LAYOUTS[layout]
    data = encoded(format_name, pixels)
    metadata.check(data, format_name, pixels.shape[1], pixels.shape[0])
    assert metadata.inventory(data, format_name) == ()
    picture = codec.decode(data, CONFIG)
    (frame,) = picture.frames
    assert picture.format == format_name
    assert frame.pixels.dtype == np.uint8
    assert frame.pixels.shape[:2] == pixels.shape[:2]
    if format_name in ("png", "bmp", "tiff", "jp2", "jxl"):
        np.testing.assert_array_equal(frame.pixels, pixels)


@pytest.mark.parametrize("format_name", FORMATS)
def test_writing_again_keeps_the_picture(format_name: str) -> None:
    first = only_frame(saved(photo(), format_name)).pixels
    second = only_frame(codec.encode(codec.decode(saved(photo(), format_name), CONFIG)).data).pixels
    assert np.abs(first.astype(int) - second).mean() < 2.5


@pytest.mark.parametrize("format_name", FORMATS)
def test_the_same_picture_gives_the_same_bytes_and_is_not_changed(format_name: str) -> None:
    pixels = photo()
    before = pixels.copy()
    assert encoded(format_name, pixels) == encoded(format_name, pixels)
    np.testing.assert_array_equal(pixels, before)


@pytest.mark.parametrize("format_name", FORMATS)
def test_encoder_settings_do_not_depend_on_pixels(format_name: str) -> None:
    settings = [codec.decode(saved(p, format_name), CONFIG).encoder for p in (photo(), photo()[::-1], 255 - photo())]
    assert settings[0] == settings[1] == settings[2]


@pytest.mark.parametrize("format_name", [name for name in FORMATS if name not in ("jpeg", "gif")])
def test_alpha_is_kept_and_nothing_is_hidden_under_it(format_name: str) -> None:
    alpha = np.full((48, 64), 255, np.uint8)
    alpha[:24] = 0
    alpha[24:30] = 100
    data = encoded(format_name, photo(), alpha)
    metadata.check(data, format_name, 64, 48)
    frame = only_frame(data)
    assert frame.alpha is not None
    np.testing.assert_array_equal(frame.alpha, alpha)
    assert not frame.pixels[:24].any()
    assert frame.pixels[31:].any()


@pytest.mark.parametrize("format_name", ["png", "webp"])
def test_color_hidden_by_the_source_is_gone(format_name: str) -> None:
    source = np.dstack((photo(), np.zeros((48, 64), np.uint8)))
    settings = {"lossless": True, "exact": True} if format_name == "webp" else {}
    frame = only_frame(saved(source, format_name, **settings))
    assert not frame.pixels.any()
    assert frame.alpha is not None
    assert not frame.alpha.any()


def _oriented(format_name: str, orientation: int) -> bytes:
    stored = np.ascontiguousarray(STORED[orientation](cornered()))
    block = orientation_exif(orientation, "<" if orientation % 2 else ">")
    if format_name == "jpeg":
        return with_segment(saved(stored, "jpeg", quality=95), 0xE1, b"Exif\0\0" + block)
    if format_name == "png":
        return with_chunk(saved(stored, "png"), b"eXIf", block)
    return saved(stored, "webp", quality=95, exif=block)


@pytest.mark.parametrize("format_name", ["jpeg", "png", "webp"])
@pytest.mark.parametrize("orientation", STORED)
def test_eight_orientations(format_name: str, orientation: int) -> None:
    picture = codec.decode(_oriented(format_name, orientation), CONFIG)
    for frame in (picture.frames[0], only_frame(codec.encode(picture).data)):
        assert frame.pixels.shape == (32, 64, 3)
        found = [frame.pixels[y, x].astype(int) for y in (4, 27) for x in (4, 59)]
        assert np.abs(np.array(found) - np.array(CORNERS)).max() < 40


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_impossible_orientation_is_none(orientation: int) -> None:
    data = with_chunk(saved(cornered(), "png"), b"eXIf", orientation_exif(orientation))
    np.testing.assert_array_equal(only_frame(data).pixels, cornered())


def test_webp_exif_with_the_prefix_of_jpeg() -> None:
    stored = np.ascontiguousarray(STORED[6](cornered()))
    data = with_riff_chunk(saved(stored, "webp"), b"EXIF", b"Exif\0\0" + orientation_exif(6))
    assert only_frame(data).pixels.shape == (32, 64, 3)


@pytest.mark.parametrize("format_name", FORMATS)
def test_limits_hold(format_name: str) -> None:
    data = saved(photo(), format_name)
    codec.decode(data, CodecConfig(max_pixels=48 * 64, max_bytes=len(data)))
    with pytest.raises(ImageTooLarge):
        codec.decode(data, CodecConfig(max_pixels=48 * 64 - 1))
    with pytest.raises(ImageTooLarge):
        codec.decode(data, CodecConfig(max_bytes=len(data) - 1))


@pytest.mark.parametrize("format_name", FORMATS)
def test_no_frame_cannot_be_written(format_name: str) -> None:
    with pytest.raises(EncodeError):
        codec.encode(Picture(format_name, ()))


@pytest.mark.parametrize("format_name", ["jpeg", "bmp", "jp2"])
def test_a_second_frame_is_not_left_out_silently(format_name: str) -> None:
    with pytest.raises(EncodeError):
        codec.encode(Picture(format_name, (Frame(photo()), Frame(photo()))))


def test_an_unknown_format_cannot_be_written() -> None:
    with pytest.raises(EncodeError):
        codec.encode(Picture("psd", (Frame(photo()),)))


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_file_cut_short_is_refused(format_name: str) -> None:
    data = saved(photo(), format_name)
    for tenth in range(10):
        with pytest.raises((DecodeError, NotAnImage)):
            codec.decode(data[: len(data) * tenth // 10], CONFIG)
    # A JPEG that lacks its end marker alone is whole: `test_jpeg_incomplete.py`.
    marker_bytes = 2 if format_name == "jpeg" else 0
    for missing in (1, 2, 3):
        with pytest.raises(DecodeError):
            codec.decode(data[: -missing - marker_bytes], CONFIG)
