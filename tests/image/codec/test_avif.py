"""AVIF is read upright, in full depth and with all frames, and written in a container of our own."""

from __future__ import annotations

import contextlib
import resource
import struct
from dataclasses import replace
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from anonymizer.config import CodecConfig
from anonymizer.errors import EncodeError, ImageTooLarge, ObjectError
from anonymizer.image import codec, metadata
from anonymizer.image.codec.isobmff.avif_file import streams
from anonymizer.image.profiles import PROFILES
from anonymizer.records import Animation, Encoded, Frame, Picture, Pixels, Samples
from tests.image.codec import avif_items, heic
from tests.image.codec.heic import aperture, box
from tests.image.codec.samples import (
    CONFIG,
    MARKER,
    cornered,
    encoded,
    icc_profile,
    only_frame,
    orientation_exif,
    photo,
    saved,
    swapped_profile,
)
from tests.image.codec.test_contract import STORED

PHOTO = photo()
HEIGHT, WIDTH = PHOTO.shape[:2]


def _deep(pixels: Pixels) -> NDArray[np.uint16]:
    return pixels.astype(np.uint16) * np.uint16(257)


def _alpha() -> Pixels:
    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    alpha[:24] = 0
    alpha[24:30] = 100
    return alpha


def _alpha_item(samples: Samples, of: int) -> heic.Item:
    """The alpha of another item."""
    gray = avif_items.item(samples)
    told = (gray.properties[0], box(b"pixi", bytes(4), b"\1" + gray.properties[1][13:14]), gray.properties[2])
    return heic.Item(b"av01", gray.payload, (*told, box(b"auxC", heic.ALPHA)), ((b"auxl", of),))


def _film(count: int, durations: list[int], alpha: Pixels | None = None) -> bytes:
    frames = [
        PHOTO // number if alpha is None else np.dstack((PHOTO // number, alpha)) for number in range(1, 1 + count)
    ]
    first, *others = [Image.fromarray(frame) for frame in frames]
    output = BytesIO()
    first.save(output, "AVIF", save_all=True, append_images=others, duration=durations, quality=95)
    return output.getvalue()


def _published(data: bytes) -> Encoded:
    picture = codec.decode(data, CONFIG)
    output = codec.encode(picture)
    frame = picture.frames[0]
    metadata.check(output.data, output.format, frame.width, frame.height, len(picture.frames))
    assert metadata.inventory(output.data, "avif") in ((), ("icc",))
    assert (output.format, output.encoding) == ("avif", "reencoded")
    return output


def _distance(found: Samples, wanted: Samples) -> float:
    """Mean distance in steps of 8 bit."""
    unit = 257 if found.dtype == np.uint16 else 1
    return float(np.abs(found.astype(int) - wanted).mean()) / unit


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_each_mode_of_a_still_picture(mode: str) -> None:
    image = Image.fromarray(np.dstack((PHOTO, _alpha()))).convert(mode)
    data = saved(image, "avif", quality=95)
    for frame in (only_frame(data), only_frame(_published(data).data)):
        assert frame.pixels.dtype == np.uint8
        assert frame.pixels.ndim == (2 if mode == "L" else 3)
        assert (frame.alpha is not None) == mode.endswith("A")
        wanted = np.asarray(image.convert("L" if mode == "L" else "RGB"))
        assert _distance(frame.pixels[30:], wanted[30:]) < 4
        if frame.alpha is not None:
            np.testing.assert_array_equal(frame.alpha, _alpha())
            assert not frame.pixels[:24].any()


@pytest.mark.parametrize("depth", [10, 12])
@pytest.mark.parametrize("layout", ["gray", "color", "alpha"])
def test_ten_and_twelve_bit_stay_what_they_are(layout: str, depth: int) -> None:
    ramp = np.linspace(0, 2**depth - 1, HEIGHT * WIDTH, dtype=np.uint16).reshape(HEIGHT, WIDTH)
    color = np.dstack((ramp, ramp[::-1], ramp))
    alpha = np.full_like(ramp, 2**depth - 1)
    alpha[:24] = 0
    stored = {"gray": ramp, "color": color, "alpha": np.dstack((color, alpha))}[layout]
    done, written = cv2.imencode(".avif", stored, [cv2.IMWRITE_AVIF_DEPTH, depth, cv2.IMWRITE_AVIF_QUALITY, 100])
    assert done
    data = written.tobytes()
    output = _published(data).data
    assert streams(output)[0].depth == depth
    for frame, limit in ((only_frame(data), 0.3), (only_frame(output), 1.0)):
        assert frame.pixels.dtype == np.uint16
        wanted = (ramp if layout == "gray" else color[..., ::-1]).astype(int) * 65535 // (2**depth - 1)
        assert frame.pixels.shape == wanted.shape
        assert _distance(frame.pixels[30:], wanted[30:]) < limit
        assert (frame.alpha is not None) == (layout == "alpha")
        if frame.alpha is not None:
            # OpenCV codes deep alpha by the quality of the colours: nearly what it was.
            assert max(frame.pixels[:20].max(), frame.alpha[:20].max()) < 2 * 257
            assert frame.alpha[28:].min() > 65535 - 2 * 257


# The order is the container's: clean aperture, turn, mirror (MIAF, 7.3.6.7).
TURNS: dict[str, tuple[tuple[bytes, ...], Any]] = {
    "none": ((), lambda a: a),
    "irot 1": ((box(b"irot", b"\1"),), lambda a: np.rot90(a, 1)),
    "irot 2": ((box(b"irot", b"\2"),), lambda a: np.rot90(a, 2)),
    "irot 3": ((box(b"irot", b"\3"),), lambda a: np.rot90(a, 3)),
    "imir 0": ((box(b"imir", b"\0"),), lambda a: a[::-1]),
    "imir 1": ((box(b"imir", b"\1"),), lambda a: a[:, ::-1]),
    "irot, then imir": ((box(b"irot", b"\1"), box(b"imir", b"\0")), lambda a: np.rot90(a, 1)[::-1]),
    "imir, then irot": ((box(b"imir", b"\0"), box(b"irot", b"\1")), lambda a: np.rot90(a, 1)[::-1]),
    "clap": ((aperture(32, 16, 0, 0),), lambda a: a[8:24, 16:48]),
    "clap, off the middle": ((aperture(20, 10, -22, 11),), lambda a: a[22:32, 0:20]),
    "clap, odd": ((aperture(31, 15, (1, 2), (-1, 2)),), lambda a: a[8:23, 17:48]),
    "clap, beyond the border": ((aperture(64, 32, 40, 20),), lambda a: a[20:, 40:]),
    "clap, irot, imir": (
        (aperture(32, 16, 16, 8), box(b"irot", b"\1"), box(b"imir", b"\0")),
        lambda a: np.rot90(a[16:32, 32:64], 1)[::-1],
    ),
    "irot, then clap": ((box(b"irot", b"\1"), aperture(32, 16, 16, 8)), lambda a: np.rot90(a[16:32, 32:64], 1)),
}


@pytest.mark.parametrize("exif", [None, 3, 6])
@pytest.mark.parametrize("deep", [False, True], ids=["8 bit", "12 bit"])
@pytest.mark.parametrize("turn", TURNS)
def test_the_container_turns_the_picture_once_and_exif_has_no_say(turn: str, deep: bool, exif: int | None) -> None:
    properties, turned = TURNS[turn]
    items = [avif_items.item(_deep(cornered()) if deep else cornered(), *properties)]
    if exif is not None:
        items.append(heic.Item(b"Exif", bytes(4) + orientation_exif(exif), links=((b"cdsc", 1),)))
    data = avif_items.file(*items)
    wanted = turned(cornered()).astype(int) * (257 if deep else 1)
    for frame in (only_frame(data), only_frame(_published(data).data)):
        assert frame.pixels.shape == wanted.shape
        # A quarter in another place would make 100.
        assert _distance(frame.pixels, wanted) < 15


@pytest.mark.parametrize(
    "payload",
    [b"", bytes(32), aperture(0, 0, 0, 0)[8:], aperture(16, 16, 70, 0)[8:], aperture(16, 16, 0, -40)[8:]],
    ids=["empty", "zeros", "no size", "right of it", "above it"],
)
def test_an_aperture_in_which_nothing_lies_is_refused(payload: bytes) -> None:
    with pytest.raises(ObjectError):
        codec.decode(avif_items.file(avif_items.item(cornered(), box(b"clap", payload))), CONFIG)


def test_what_an_aperture_hides_is_in_no_output_and_named() -> None:
    """Two sources that differ where nobody sees it give the same picture."""
    hidden = PHOTO.copy()
    hidden[:16], hidden[32:] = 255, 0
    found = []
    for pixels in (PHOTO, hidden):
        data = avif_items.file(avif_items.item(pixels, aperture(WIDTH, 8, 0, 0)))
        assert metadata.inventory(data, "avif") == ("heif.hidden",)
        found.append(only_frame(_published(data).data).pixels)
    assert found[0].shape == (8, WIDTH, 3)
    assert _distance(found[0], found[1]) < 4


@pytest.mark.parametrize("alpha", [False, True], ids=["opaque", "alpha"])
@pytest.mark.parametrize("deep", [False, True], ids=["8 bit", "12 bit"])
@pytest.mark.parametrize("order", ["behind", "before", "meta last", "in meta"])
def test_metadata_and_the_order_of_a_file_do_not_matter(order: str, deep: bool, alpha: bool) -> None:
    """EXIF and XMP behind the picture (libheif, libvips, GIMP), or all of it in another order."""
    pixels = _deep(PHOTO) if deep else PHOTO
    picture = avif_items.item(pixels)
    told = [
        heic.Item(b"Exif", bytes(4) + orientation_exif(6) + bytes(2000), links=((b"cdsc", 1),)),
        heic.Item(b"mime", MARKER * 300, links=((b"cdsc", 1),), text=b"\0application/rdf+xml\0"),
    ]
    items = [picture, *told]
    if alpha:
        gray = _alpha_item(pixels[..., 0], 1)
        items.insert(1, gray)
    if order == "before":
        last = len(items)
        items = [*(replace(item, links=((item.links[0][0], last),)) for item in items[1:]), picture]
    settings: dict[str, Any] = {"meta last": {"data_first": True}, "in meta": {"in_meta": True}}.get(order, {})
    primary = len(items) if order == "before" else 1
    data = heic.heic(*items, primary=primary, brands=b"avifmif1miaf", **settings)
    frame = only_frame(data)
    assert _distance(frame.pixels, pixels) < 4
    assert (frame.alpha is not None) == alpha
    assert MARKER not in _published(data).data


@pytest.mark.parametrize("deep", [False, True], ids=["8 bit", "12 bit"])
def test_an_alpha_of_which_no_size_is_told_has_that_of_its_picture(deep: bool) -> None:
    """Old writers of AVIF leave `ispe` away there; every browser shows such files."""
    pixels = _deep(PHOTO) if deep else PHOTO
    gray = _alpha_item(pixels[..., 0], 1)
    gray = replace(gray, properties=tuple(told for told in gray.properties if told[4:8] != b"ispe"))
    wanted = only_frame(avif_items.file(avif_items.item(pixels), _alpha_item(pixels[..., 0], 1)))
    frame = only_frame(avif_items.file(avif_items.item(pixels), gray))
    assert frame.alpha is not None
    assert wanted.alpha is not None
    np.testing.assert_array_equal(frame.alpha, wanted.alpha)
    np.testing.assert_array_equal(frame.pixels, wanted.pixels)


@pytest.mark.parametrize("deep", [False, True], ids=["8 bit", "12 bit"])
def test_a_grid_that_is_told_of_behind_its_tiles(deep: bool) -> None:
    tile = photo(64, 64)
    piece = avif_items.item(_deep(tile) if deep else tile)
    size = box(b"ispe", struct.pack(">III", 0, 128, 64))
    grid = heic.Item(
        b"grid", struct.pack(">BBBBHH", 0, 0, 0, 1, 128, 64), (size, piece.properties[1]), ((b"dimg", 1), (b"dimg", 2))
    )
    found = only_frame(avif_items.file(piece, piece, grid, primary=3)).pixels
    wanted = np.tile(tile, (1, 2, 1))
    assert found.shape == wanted.shape
    assert _distance(found, _deep(wanted) if deep else wanted) < 4


@pytest.mark.parametrize("deep", [False, True], ids=["8 bit", "12 bit"])
@pytest.mark.parametrize(
    "colors",
    [b"", b"prof", b"rICC", b"prof" + bytes(50), b"nclx", b"nclx\0\1", b"xyz1" + bytes(20)],
    ids=["nothing", "prof", "rICC", "short profile", "nclx", "short nclx", "unknown"],
)
def test_colors_that_say_nothing_do_no_harm(colors: bytes, deep: bool) -> None:
    """`exiftool -all=` leaves an empty profile."""
    pixels = _deep(PHOTO) if deep else PHOTO
    item = avif_items.item(pixels)
    for told in ((*item.properties, box(b"colr", colors)), (*item.properties[:3], box(b"colr", colors))):
        # What is left without matrix coefficients is that of the coded picture, or the usual one.
        assert _distance(only_frame(avif_items.file(replace(item, properties=told))).pixels, pixels) < 4


def _emptied(data: bytes) -> bytes:
    """A file of the same size whose profiles are empty, as `exiftool -all=` makes them."""
    changed, at = bytearray(data), 0
    while (at := data.find(b"colrprof", at + 1)) >= 0:
        (size,) = struct.unpack_from(">I", data, at - 4)
        struct.pack_into(">I", changed, at - 4, 12)
        struct.pack_into(">I4s", changed, at + 8, size - 12, b"free")
    return bytes(changed)


@pytest.mark.parametrize("count", [1, 3], ids=["still", "sequence"])
def test_a_profile_that_was_emptied(count: int) -> None:
    first, *others = [Image.fromarray(PHOTO // number) for number in range(1, count + 1)]
    output = BytesIO()
    film: dict[str, Any] = {"save_all": True, "append_images": others} if others else {}
    first.save(output, "AVIF", quality=95, icc_profile=PROFILES["display-p3"], **film)
    data = _emptied(output.getvalue())
    assert data != output.getvalue()
    picture = codec.decode(data, CONFIG)
    assert (picture.profile, len(picture.frames)) == (None, count)
    assert _distance(picture.frames[-1].pixels, PHOTO // count) < 4
    _published(data)


def _reordered(data: bytes) -> bytes:
    """A sequence of ours with its pictures before the box that tells of them, as recorders write it."""
    parts, at = [], 0
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        parts.append(data[at : at + size])
        at += size
    kind, meta, moov, samples = parts
    changed, at = bytearray(moov), 0
    while (at := moov.find(b"stco", at + 1)) >= 0:
        (place,) = struct.unpack_from(">I", moov, at + 12)
        struct.pack_into(">I", changed, at + 12, place - len(meta) - len(moov))
    return kind + samples + bytes(changed)


@pytest.mark.parametrize("deep", [False, True], ids=["8 bit", "12 bit"])
def test_a_sequence_is_cut_and_turned(deep: bool) -> None:
    frames = [cornered(), cornered()[::-1]]
    stored = [_deep(pixels) for pixels in frames] if deep else frames
    data = avif_items.film(stored, aperture(32, 16, 16, 8), box(b"irot", b"\1"))
    picture = codec.decode(data, CONFIG)
    for frame, pixels in zip(picture.frames, frames, strict=True):
        wanted = np.rot90(pixels[16:32, 32:64], 1).astype(int) * (257 if deep else 1)
        assert frame.pixels.shape == wanted.shape
        assert _distance(frame.pixels, wanted) < 15
    _published(data)


@pytest.mark.parametrize("alpha", [None, _alpha()], ids=["opaque", "alpha"])
@pytest.mark.parametrize("deep", [False, True], ids=["8 bit", "12 bit"])
def test_a_sequence_whose_pictures_come_first(deep: bool, alpha: Pixels | None) -> None:
    frames = tuple(
        Frame(_deep(PHOTO // number), None if alpha is None else _deep(alpha))
        if deep
        else Frame(PHOTO // number, alpha)
        for number in (1, 2, 3)
    )
    data = codec.encode(Picture("avif", frames, animation=Animation((100.0, 40.0, 50.0), 2))).data
    picture = codec.decode(_reordered(data), CONFIG)
    assert picture.animation == Animation((100.0, 40.0, 50.0), 2)
    for frame, source in zip(picture.frames, frames, strict=True):
        assert _distance(frame.pixels[30:], source.pixels[30:]) < 4
        assert (frame.alpha is None) == (alpha is None)


@pytest.mark.parametrize("orientation", STORED)
def test_eight_orientations_as_pillow_writes_them(orientation: int) -> None:
    stored = np.ascontiguousarray(STORED[orientation](cornered()))
    frame = only_frame(saved(stored, "avif", quality=95, exif=orientation_exif(orientation)))
    assert frame.pixels.shape == (32, 64, 3)
    assert _distance(frame.pixels, cornered()) < 15


@pytest.mark.parametrize("alpha", [None, _alpha()], ids=["opaque", "alpha"])
def test_a_sequence_keeps_frames_and_timing(alpha: Pixels | None) -> None:
    data = _film(4, [100, 200, 50, 40], alpha)
    for picture in (codec.decode(data, CONFIG), codec.decode(_published(data).data, CONFIG)):
        assert picture.animation == Animation((100.0, 200.0, 50.0, 40.0), 0)
        for number, frame in enumerate(picture.frames, 1):
            assert _distance(frame.pixels[30:], PHOTO[30:] // number) < 4
            assert (frame.alpha is None) == (alpha is None)
            assert alpha is None or not frame.pixels[:24].any()


@pytest.mark.parametrize(("loop", "kept"), [(0, 0), (1, 1), (2, 2), (7, 7), (None, 1)])
def test_a_sequence_keeps_its_repetitions(loop: int | None, kept: int) -> None:
    frames = tuple(Frame(PHOTO // number) for number in (1, 2, 3))
    output = codec.encode(Picture("avif", frames, animation=Animation((100.0, 40.0, 333.0), loop)))
    metadata.check(output.data, "avif", WIDTH, HEIGHT, 3)
    assert codec.decode(output.data, CONFIG).animation == Animation((100.0, 40.0, 333.0), kept)


def test_a_deep_sequence() -> None:
    frames = tuple(Frame(_deep(PHOTO // number)) for number in (1, 2, 3))
    output = codec.encode(Picture("avif", frames, animation=Animation((100.0,) * 3, 0)))
    metadata.check(output.data, "avif", WIDTH, HEIGHT, 3)
    again = codec.decode(output.data, CONFIG)
    for number, frame in enumerate(again.frames, 1):
        assert _distance(frame.pixels, _deep(PHOTO // number)) < 4


@pytest.mark.parametrize(
    "frames",
    [(), (Frame(PHOTO), Frame(photo(24, 32))), (Frame(PHOTO), Frame(PHOTO, _alpha()))],
    ids=["none", "two sizes", "alpha in one"],
)
def test_frames_that_do_not_fit_are_not_written(frames: tuple[Frame, ...]) -> None:
    with pytest.raises(EncodeError):
        codec.encode(Picture("avif", frames))


@pytest.mark.parametrize("kept", ["display-p3", "adobe-rgb", "rec2020"])
def test_a_public_profile_stays(kept: str) -> None:
    output = _published(saved(PHOTO, "avif", quality=95, icc_profile=PROFILES[kept]))
    again = codec.decode(output.data, CONFIG)
    assert again.profile == kept
    assert _distance(again.frames[0].pixels, PHOTO) < 4


@pytest.mark.parametrize(("profile", "converted"), [(icc_profile(), False), (swapped_profile(), True)])
def test_another_profile_is_applied_and_dropped(profile: bytes, converted: bool) -> None:
    data = saved(PHOTO, "avif", quality=95, icc_profile=profile)
    picture = codec.decode(data, CONFIG)
    assert (picture.profile, picture.converted) == (None, converted)
    assert (_distance(picture.frames[0].pixels, PHOTO) > 20) == converted
    assert metadata.inventory(_published(data).data, "avif") == ()


@pytest.mark.parametrize("deep", [False, True], ids=["8 bit", "12 bit"])
def test_tiles_are_put_together(deep: bool) -> None:
    tile = photo(64, 64)
    piece = avif_items.item(_deep(tile) if deep else tile)
    size = box(b"ispe", struct.pack(">III", 0, 120, 100))
    links = tuple((b"dimg", number) for number in (2, 3, 4, 5))
    grid = heic.Item(b"grid", struct.pack(">BBBBHH", 0, 0, 1, 1, 120, 100), (size, piece.properties[1]), links)
    data = avif_items.file(grid, *[piece] * 4)
    assert metadata.inventory(data, "avif") == ()
    found, wanted = only_frame(data).pixels, np.tile(tile, (2, 2, 1))[:100, :120]
    assert found.shape == wanted.shape
    assert _distance(found, _deep(wanted) if deep else wanted) < 4


def test_only_the_primary_picture_is_read() -> None:
    data = avif_items.file(avif_items.item(255 - PHOTO), avif_items.item(PHOTO), primary=2)
    assert _distance(only_frame(data).pixels, PHOTO) < 4
    assert metadata.inventory(data, "avif") == ("heif.images",)


@pytest.mark.parametrize("primary", [1, 2])
@pytest.mark.parametrize("broken", ["payload", "kind", "properties"])
@pytest.mark.parametrize("deep", [False, True], ids=["8 bit", "12 bit"])
def test_no_other_picture_stands_in_for_a_broken_primary_one(deep: bool, broken: str, primary: int) -> None:
    pixels = _deep(PHOTO) if deep else PHOTO
    changes: dict[str, Any] = {
        "payload": bytes(100),
        "kind": b"xyz1",
        "properties": avif_items.item(pixels).properties[:2],
    }
    items = [avif_items.item(pixels[::-1])]
    items.insert(primary - 1, replace(avif_items.item(pixels), **{broken: changes[broken]}))
    with pytest.raises(ObjectError):
        codec.decode(avif_items.file(*items, primary=primary), CONFIG)


@pytest.mark.timeout(20)
def test_numbers_without_end_are_refused() -> None:
    """Pieces of no bytes, links to the same item, and chunks of a film: each would be counted for hours."""
    plain = avif_items.file(avif_items.item(PHOTO))
    at = plain.index(b"iloc")
    pieces = struct.pack(">HHH", 1, 0, 65_535) * 10
    no_bytes = heic.box(b"iloc", bytes(4), b"\0\0", struct.pack(">H", 10), pieces)
    (size,) = struct.unpack_from(">I", plain, at - 4)
    meta = plain.index(b"meta")
    grown = struct.unpack_from(">I", plain, meta - 4)[0] + len(no_bytes) - size
    many = plain[: meta - 4] + struct.pack(">I", grown) + plain[meta : at - 4] + no_bytes + plain[at - 4 + size :]
    piece = avif_items.item(PHOTO)
    links = replace(piece, links=tuple((b"dimg", 1) for _ in range(60_000)))
    tracks = avif_items.film([PHOTO] * 2)
    place = tracks.index(b"stco") + 8
    for data in (
        many,
        avif_items.file(piece, links, links, primary=2),
        tracks[:place] + b"\x7f\xff\xff\xff" + tracks[place + 4 :],
    ):
        with pytest.raises(ObjectError):
            codec.decode(data, CONFIG)


@pytest.mark.parametrize("deep", [False, True], ids=["8 bit", "12 bit"])
@pytest.mark.parametrize("size", [(0, 0), (16, 16), (65, 48), (60_000, 1), (13_000, 13_000), (2**31, 2**31)])
def test_a_size_that_is_not_the_coded_one_is_scaled_to_or_refused(size: tuple[int, int], deep: bool) -> None:
    data = avif_items.file(avif_items.item(_deep(PHOTO) if deep else PHOTO, size=size))
    try:
        frame = only_frame(data)
    except ObjectError:
        assert size not in ((16, 16), (65, 48))
        return
    assert (frame.width, frame.height) == size


def test_a_big_picture_that_says_it_is_small_takes_no_more_than_it_has() -> None:
    """Four megapixels and a size of 16 × 16: the decoder's own limits hold."""
    data = avif_items.file(avif_items.item(np.zeros((2048, 2048, 3), np.uint8), size=(16, 16)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with contextlib.suppress(ObjectError):
        assert only_frame(data).pixels.shape == (16, 16, 3)
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kib < 300 * 1024


def test_all_frames_together_count() -> None:
    data = _film(3, [100] * 3)
    codec.decode(data, CodecConfig(max_pixels=3 * HEIGHT * WIDTH))
    with pytest.raises(ImageTooLarge):
        codec.decode(data, CodecConfig(max_pixels=3 * HEIGHT * WIDTH - 1))


@pytest.mark.parametrize("kind", ["still", "alpha", "deep", "sequence"])
def test_a_file_cut_short_is_refused(kind: str) -> None:
    sources = {
        "still": lambda: saved(PHOTO, "avif"),
        "alpha": lambda: saved(np.dstack((PHOTO, _alpha())), "avif"),
        "deep": lambda: codec.encode(Picture("avif", (Frame(_deep(PHOTO)),))).data,
        "sequence": lambda: _film(3, [100] * 3),
    }
    data = sources[kind]()
    for length in (*range(0, len(data), 97), len(data) - 3, len(data) - 1):
        with pytest.raises(ObjectError):
            codec.decode(data[:length], CONFIG)


@pytest.mark.parametrize("deep", [False, True], ids=["8 bit", "12 bit"])
def test_nothing_under_a_mask_goes_into_the_output(deep: bool) -> None:
    """Sources that differ under the mask and beside the picture; what is coded around the mask is made the same."""
    outputs = []
    for hidden, text in ((0, b"\0"), (255, MARKER + b"\0")):
        pixels = PHOTO.copy()
        pixels[8:24, 8:24] = hidden
        item = avif_items.item(_deep(pixels) if deep else pixels)
        picture = codec.decode(avif_items.file(item, replace(item, text=text)), CONFIG)
        masked = _deep(PHOTO) if deep else PHOTO.copy()
        masked[8:24, 8:24] = 127
        outputs.append(codec.encode(replace(picture, frames=(Frame(masked),))).data)
    assert outputs[0] == outputs[1]


def test_the_settings_of_an_output_tell_nothing_of_the_pixels() -> None:
    pictures = [codec.decode(saved(pixels, "avif"), CONFIG) for pixels in (PHOTO, 255 - PHOTO, PHOTO[::-1])]
    assert pictures[0].encoder == pictures[1].encoder == pictures[2].encoder


@pytest.mark.parametrize("pixels", [PHOTO, _deep(PHOTO)], ids=["8 bit", "16 bit"])
def test_the_same_frame_gives_the_same_bytes(pixels: Samples) -> None:
    first, second = (codec.encode(Picture("avif", (Frame(pixels),))).data for _ in range(2))
    assert first == second
    assert encoded("avif") == encoded("avif")
