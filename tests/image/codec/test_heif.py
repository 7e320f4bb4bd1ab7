"""HEIC is read exactly, upright and nothing but its primary picture; a JPEG or a PNG is written in its place."""

from __future__ import annotations

import struct
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from anonymizer.config import CodecConfig
from anonymizer.errors import DecodeError, EncodeError, ImageTooLarge, ObjectError, UnsupportedFormat
from anonymizer.image import codec, metadata
from anonymizer.image.codec.depth import spread
from anonymizer.records import Encoded, Frame, Picture, Pixels
from tests.image.codec import heic
from tests.image.codec.heic import aperture, box
from tests.image.codec.samples import CONFIG, MARKER, cornered, only_frame, orientation_exif, photo

pytest.importorskip("pi_heif")

HEIGHT, WIDTH = 24, 40
PHOTO = photo(HEIGHT, WIDTH)


def _deep(pixels: Pixels, depth: int) -> NDArray[np.uint16]:
    return pixels.astype(np.uint16) << np.uint16(depth - 8) | np.uint16(1)


def _alpha() -> Pixels:
    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    alpha[:8] = 0
    alpha[8:12] = 100
    return alpha


def _without(item: heic.Item, name: bytes) -> heic.Item:
    return replace(item, properties=tuple(part for part in item.properties if part[4:8] != name))


def _of_size(item: heic.Item, width: int, height: int) -> heic.Item:
    """The item with another size in its `ispe`."""
    plain = _without(item, b"ispe")
    return replace(plain, properties=(box(b"ispe", struct.pack(">III", 0, width, height)), *plain.properties))


def _published(data: bytes) -> Encoded:
    picture = codec.decode(data, CONFIG)
    output = codec.encode(picture)
    frame = picture.frames[0]
    metadata.check(output.data, output.format, frame.width, frame.height)
    assert set(metadata.inventory(output.data, output.format)) <= {"icc"}
    assert output.encoding == "reencoded"
    return output


@pytest.mark.parametrize(
    "pixels", [PHOTO, PHOTO[..., 0], photo(16, 16), photo(17, 33)], ids=["color", "gray", "one block", "odd size"]
)
def test_colors_and_gray_are_exact(pixels: Pixels) -> None:
    frame = only_frame(heic.heic(heic.picture(pixels)))
    np.testing.assert_array_equal(frame.pixels, pixels)
    assert frame.alpha is None


@pytest.mark.parametrize("depth", [10, 12])
@pytest.mark.parametrize("pixels", [PHOTO, PHOTO[..., 0]], ids=["color", "gray"])
def test_more_than_eight_bit_become_sixteen(pixels: Pixels, depth: int) -> None:
    stored = _deep(pixels, depth)
    data = heic.heic(heic.picture(stored, depth=depth))
    np.testing.assert_array_equal(only_frame(data).pixels, spread(stored, depth))
    output = _published(data)
    assert output.format == "png"
    np.testing.assert_array_equal(only_frame(output.data).pixels, spread(stored, depth))


def test_eight_bit_without_alpha_become_a_jpeg() -> None:
    output = _published(heic.heic(heic.picture(PHOTO)))
    assert output.format == "jpeg"
    assert np.abs(only_frame(output.data).pixels.astype(int) - PHOTO).mean() < 3


@pytest.mark.parametrize("pixels", [PHOTO, PHOTO[..., 0]], ids=["color", "gray"])
def test_alpha_is_kept_in_a_png_and_nothing_is_hidden_under_it(pixels: Pixels) -> None:
    data = heic.heic(heic.picture(pixels), heic.alpha(_alpha(), 1))
    assert metadata.inventory(data, "heif") == ()
    output = _published(data)
    assert output.format == "png"
    for frame in (only_frame(data), only_frame(output.data)):
        assert frame.alpha is not None
        np.testing.assert_array_equal(frame.alpha, _alpha())
        assert not frame.pixels[:8].any()
        shown = frame.pixels[8:]
        np.testing.assert_array_equal(shown if shown.ndim == pixels.ndim else shown[..., 0], pixels[8:])


def test_deep_alpha() -> None:
    alpha = _deep(_alpha(), 10)
    frame = only_frame(heic.heic(heic.picture(_deep(PHOTO, 10), depth=10), heic.alpha(alpha, 1, depth=10)))
    assert frame.alpha is not None
    np.testing.assert_array_equal(frame.alpha, spread(alpha, 10))
    np.testing.assert_array_equal(frame.pixels, spread(_deep(PHOTO, 10), 10))


def test_premultiplied_colors_are_divided_again() -> None:
    multiplied = ((PHOTO.astype(int) * _alpha()[..., None] + 127) // 255).astype(np.uint8)
    data = heic.heic(heic.picture(multiplied, links=((b"prem", 2),)), heic.alpha(_alpha(), 1))
    frame = only_frame(data)
    np.testing.assert_array_equal(frame.pixels[12:], PHOTO[12:])
    # A step of 100 is worth two of 255.
    assert np.abs(frame.pixels[8:12].astype(int) - PHOTO[8:12]).max() <= 2
    assert not frame.pixels[:8].any()


TURNS: dict[str, tuple[tuple[bytes, ...], Any]] = {
    "none": ((), lambda a: a),
    "irot 1": ((box(b"irot", b"\1"),), lambda a: np.rot90(a, 1)),
    "irot 2": ((box(b"irot", b"\2"),), lambda a: np.rot90(a, 2)),
    "irot 3": ((box(b"irot", b"\3"),), lambda a: np.rot90(a, 3)),
    "imir 0": ((box(b"imir", b"\0"),), lambda a: a[::-1]),
    "imir 1": ((box(b"imir", b"\1"),), lambda a: a[:, ::-1]),
    "irot, then imir": ((box(b"irot", b"\1"), box(b"imir", b"\0")), lambda a: np.rot90(a, 1)[::-1]),
    "imir, then irot": ((box(b"imir", b"\0"), box(b"irot", b"\1")), lambda a: np.rot90(a[::-1], 1)),
    "clap": ((aperture(32, 16, 0, 0),), lambda a: a[8:24, 16:48]),
    "a small clap": ((aperture(4, 2, 0, 0),), lambda a: a[15:17, 30:34]),
    "clap, off the middle": ((aperture(20, 10, -22, 11),), lambda a: a[22:32, 0:20]),
    "clap, odd": ((aperture(31, 15, (1, 2), (-1, 2)),), lambda a: a[8:23, 17:48]),
    "clap, irot, imir": (
        (aperture(32, 16, 16, 8), box(b"irot", b"\1"), box(b"imir", b"\0")),
        lambda a: np.rot90(a[16:32, 32:64], 1)[::-1],
    ),
    "irot, then clap": ((box(b"irot", b"\1"), aperture(16, 32, 8, -16)), lambda a: np.rot90(a, 1)[0:32, 16:32]),
}


@pytest.mark.parametrize("exif", [None, 3, 6])
@pytest.mark.parametrize("turn", TURNS)
def test_the_container_turns_the_picture_once_and_exif_has_no_say(turn: str, exif: int | None) -> None:
    properties, turned = TURNS[turn]
    items = [heic.picture(cornered(), *properties)]
    if exif is not None:
        items.append(heic.Item(b"Exif", bytes(4) + orientation_exif(exif), links=((b"cdsc", 1),)))
    np.testing.assert_array_equal(only_frame(heic.heic(*items)).pixels, turned(cornered()))


def test_an_aperture_may_be_much_smaller_than_the_picture() -> None:
    """libheif 1.23.0 holds the size of the whole against that of the aperture, and refuses."""
    pixels = photo(192, 256)
    found = only_frame(heic.heic(heic.picture(pixels, aperture(16, 12, 3, -2)))).pixels
    np.testing.assert_array_equal(found, pixels[88:100, 123:139])


def test_tiles_are_put_together() -> None:
    tile = photo(64, 64)
    size = box(b"ispe", struct.pack(">III", 0, 120, 100))
    links = tuple((b"dimg", number) for number in (2, 3, 4, 5))
    grid = heic.Item(b"grid", struct.pack(">BBBBHH", 0, 0, 1, 1, 120, 100), (size,), links)
    whole = heic.heic(grid, *[heic.picture(tile)] * 4)
    np.testing.assert_array_equal(only_frame(whole).pixels, np.tile(tile, (2, 2, 1))[:100, :120])
    assert metadata.inventory(whole, "heif") == ()


def test_alpha_of_tiles_is_put_together_and_turned_with_the_picture() -> None:
    """Colours and alpha are grids of their own; only the colours say how they are turned, or both do."""
    tile, mask = photo(64, 64), np.tile(np.arange(64, dtype=np.uint8) * 3 + 10, (64, 1))
    size = box(b"ispe", struct.pack(">III", 0, 128, 64))
    payload = struct.pack(">BBBBHH", 0, 0, 0, 1, 128, 64)
    turn = (aperture(100, 64, 14, 0), box(b"irot", b"\1"))
    for told in ((), turn):
        grid = heic.Item(b"grid", payload, (size, *turn), ((b"dimg", 3), (b"dimg", 4)))
        clear = heic.Item(
            b"grid",
            payload,
            (size, box(b"auxC", heic.ALPHA), *told),
            ((b"dimg", 5), (b"dimg", 6), (b"auxl", 1)),
        )
        frame = only_frame(heic.heic(grid, clear, *[heic.picture(tile)] * 2, *[heic.picture(mask)] * 2))
        assert frame.alpha is not None
        np.testing.assert_array_equal(frame.alpha, np.rot90(np.tile(mask, (1, 2))[:, 28:], 1))
        np.testing.assert_array_equal(frame.pixels, np.rot90(np.tile(tile, (1, 2, 1))[:, 28:], 1))


@pytest.mark.parametrize("settings", [{"data_first": True}, {"in_meta": True}], ids=["data first", "in meta"])
def test_the_order_of_a_file_does_not_matter(settings: dict[str, Any]) -> None:
    items = (heic.picture(PHOTO), heic.Item(b"Exif", bytes(4) + orientation_exif(6), links=((b"cdsc", 1),)))
    np.testing.assert_array_equal(only_frame(heic.heic(*items, **settings)).pixels, PHOTO)


@pytest.mark.parametrize("colors", [b"", b"prof", b"nclx\0\1"], ids=["nothing", "prof", "short nclx"])
def test_colors_that_say_nothing_do_no_harm(colors: bytes) -> None:
    told = box(b"colr", struct.pack(">4sHHHB", b"nclx", 1, 13, 0, 0x80))
    data = heic.heic(heic.picture(PHOTO, box(b"colr", colors), told))
    np.testing.assert_array_equal(only_frame(data).pixels, PHOTO)


def test_only_the_primary_picture_is_read() -> None:
    thumbnail = replace(heic.picture(255 - PHOTO), links=((b"thmb", 2),))
    data = heic.heic(thumbnail, heic.picture(PHOTO), heic.picture(PHOTO[::-1]), primary=2)
    np.testing.assert_array_equal(only_frame(data).pixels, PHOTO)
    assert metadata.inventory(data, "heif") == ("heif.images", "heif.thumbnail")


@pytest.mark.parametrize("primary", [1, 2])
@pytest.mark.parametrize(
    "broken",
    [
        _without(heic.picture(PHOTO), b"hvcC"),
        replace(heic.picture(PHOTO), payload=bytes(200)),
        replace(heic.picture(PHOTO), kind=b"xyz1"),
        _of_size(heic.picture(PHOTO), 0, 0),
    ],
    ids=["no configuration", "no coded picture", "unknown kind", "no size"],
)
def test_no_other_picture_stands_in_for_a_broken_primary_one(broken: heic.Item, primary: int) -> None:
    items = [heic.picture(255 - PHOTO)]
    items.insert(primary - 1, broken)
    with pytest.raises(ObjectError):
        codec.decode(heic.heic(*items, primary=primary), CONFIG)


@pytest.mark.parametrize("primary", [0, 3, 65535])
def test_a_primary_picture_that_is_not_there(primary: int) -> None:
    with pytest.raises(DecodeError):
        codec.decode(heic.heic(heic.picture(PHOTO), primary=primary), CONFIG)


def test_code_points_of_display_p3_stay() -> None:
    colors = box(b"colr", struct.pack(">4sHHHB", b"nclx", 12, 13, 0, 0x80))
    data = heic.heic(heic.picture(PHOTO, colors))
    picture = codec.decode(data, CONFIG)
    assert picture.profile == "display-p3"
    np.testing.assert_array_equal(picture.frames[0].pixels, PHOTO)
    assert codec.decode(_published(data).data, CONFIG).profile == "display-p3"


# Refused by the decoder's own limits, except where the header alone is beyond ours.
@pytest.mark.parametrize("size", [(16, 16), (41, 25), (10_000, 10_000), (60_000, 1), (2**31, 2**31), (2**32 - 1, 1)])
def test_a_size_that_is_not_the_coded_one_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises((DecodeError, ImageTooLarge)):
        codec.decode(heic.heic(_of_size(heic.picture(PHOTO), *size)), CONFIG)


def test_limits_hold() -> None:
    data = heic.heic(heic.picture(PHOTO))
    codec.decode(data, CodecConfig(max_pixels=HEIGHT * WIDTH))
    with pytest.raises(ImageTooLarge):
        codec.decode(data, CodecConfig(max_pixels=HEIGHT * WIDTH - 1))


def test_a_file_cut_short_is_refused() -> None:
    data = heic.heic(heic.picture(PHOTO), heic.alpha(_alpha(), 1))
    for length in (*range(0, len(data), 101), len(data) - 3, len(data) - 1):
        with pytest.raises(ObjectError):
            codec.decode(data[:length], CONFIG)


def test_a_file_without_a_still_picture_is_not_supported() -> None:
    kind = box(b"ftyp", b"hevc\0\0\0\0hevcmsf1")
    for rest in (b"", box(b"moov"), box(b"meta", bytes(4), box(b"hdlr", bytes(8), b"pict", bytes(13)))):
        with pytest.raises(UnsupportedFormat):
            codec.decode(kind + rest, CONFIG)


def test_without_the_reader_it_is_not_supported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    with pytest.raises(UnsupportedFormat):
        codec.decode(heic.heic(heic.picture(PHOTO)), CONFIG)


def test_nothing_under_a_mask_goes_into_the_output() -> None:
    """Two sources that differ where a mask will be give the same bytes; so do two that differ beside the picture."""
    outputs = []
    for hidden, text in ((0, b"\0"), (255, MARKER + b"\0")):
        pixels = PHOTO.copy()
        pixels[4:20, 8:24] = hidden
        other = replace(heic.picture(pixels), text=text)
        picture = codec.decode(heic.heic(heic.picture(pixels), other), CONFIG)
        masked = picture.frames[0].pixels.copy()
        masked[4:20, 8:24] = 127
        outputs.append(codec.encode(replace(picture, frames=(Frame(masked),))).data)
    assert outputs[0] == outputs[1]


def test_only_one_frame_can_be_written() -> None:
    with pytest.raises(EncodeError):
        codec.encode(Picture("heif", (Frame(PHOTO), Frame(PHOTO))))
