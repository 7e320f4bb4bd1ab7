"""HDR keeps what its samples mean, in PNG, AVIF and what is written for HEIC."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from anonymizer import Anonymizer
from anonymizer.errors import ScrubCheckFailed
from anonymizer.image import codec, metadata
from anonymizer.image.codec.depth import spread
from anonymizer.image.codec.isobmff.av1 import code_points
from anonymizer.image.codec.isobmff.avif import Settings
from anonymizer.image.detectors.patch import PATCH_RGB
from anonymizer.image.views.hdr import pq_signal
from anonymizer.records import HLG, PQ, Animation, CodePoints, Encoded, Frame, Picture
from tests.image.codec import avif_items, heic
from tests.image.codec.heic import box
from tests.image.codec.samples import CONFIG, chunk, icc_profile, photo, png_of, saved, with_chunk
from tests.pictures import scene

PHOTO = photo()
HEIGHT, WIDTH = PHOTO.shape[:2]
DEEP = PHOTO.astype(np.uint16) * np.uint16(257)
TRANSFERS = pytest.mark.parametrize("transfer", [PQ, HLG], ids=["PQ", "HLG"])


def _png(pixels: NDArray[np.uint8] | NDArray[np.uint16], *cicp: int) -> bytes:
    """A PNG as OpenCV or Pillow would write it, with cICP."""
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    rows = pixels.astype(f">u{pixels.itemsize}").tobytes()
    color_type = {1: 0, 3: 2, 4: 6}[channels]
    told = chunk(b"cICP", bytes(cicp))
    return png_of(pixels.shape[1], pixels.shape[0], 8 * pixels.itemsize, color_type, rows, told)


def _published(data: bytes) -> tuple[Picture, Encoded]:
    picture = codec.decode(data, CONFIG)
    output, frame = codec.encode(picture), picture.frames[0]
    metadata.check(output.data, output.format, frame.width, frame.height, len(picture.frames))
    assert metadata.inventory(output.data, output.format) == ()
    return picture, output


def _cicp(png: bytes) -> bytes | None:
    at = png.find(b"cICP")
    return None if at < 0 else png[at + 4 : at + 8]


@TRANSFERS
@pytest.mark.parametrize("primaries", [1, 9, 12])
@pytest.mark.parametrize("pixels", [DEEP, DEEP[..., 0], PHOTO, PHOTO[..., 0]], ids=["16", "gray 16", "8", "gray 8"])
def test_a_png_keeps_code_points_and_samples(pixels: NDArray[np.uint16], primaries: int, transfer: int) -> None:
    data = _png(pixels, primaries, transfer, 0, 1)
    assert metadata.inventory(data, "png") == ()
    picture, output = _published(data)
    assert picture.frames[0].hdr == CodePoints(primaries, transfer)
    assert output.encoding == "exact"
    assert _cicp(output.data) == bytes((primaries, transfer, 0, 1))
    np.testing.assert_array_equal(codec.decode(output.data, CONFIG).frames[0].pixels, pixels)


def test_narrow_range_stays_narrow() -> None:
    picture, output = _published(_png(DEEP, 9, PQ, 0, 0))
    assert picture.frames[0].hdr == CodePoints(9, PQ, full_range=False)
    assert (output.encoding, _cicp(output.data)) == ("exact", bytes((9, PQ, 0, 0)))


@pytest.mark.parametrize("cicp", [(2, PQ, 0, 1), (99, HLG, 0, 1), (9, PQ, 9, 1), (9, PQ, 0, 7)])
def test_code_points_that_cannot_stay_as_they_are_become_those_of_bt2100(cicp: tuple[int, ...]) -> None:
    data = _png(DEEP, *cicp)
    assert metadata.inventory(data, "png") == ("png.rendering",)
    _, output = _published(data)
    assert (output.encoding, _cicp(output.data)) == ("reencoded", bytes((9, cicp[1], 0, 1)))


def test_code_points_count_before_a_profile_and_a_gamma() -> None:
    gamma, profile = struct.pack(">I", 100_000), saved(PHOTO, "png", icc_profile=icc_profile())
    for data in (
        with_chunk(_png(DEEP, 9, PQ, 0, 1), b"gAMA", gamma),
        with_chunk(profile, b"cICP", bytes((9, PQ, 0, 1))),
    ):
        picture, output = _published(data)
        assert (picture.profile, output.encoding) == (None, "exact")
        assert _cicp(output.data) == bytes((9, PQ, 0, 1))
        assert b"iCCP" not in output.data


def test_light_levels_are_named_and_dropped() -> None:
    data = with_chunk(_png(DEEP, 9, PQ, 0, 1), b"mDCV", bytes(24))
    assert metadata.inventory(data, "png") == ("png.rendering",)
    assert b"mDCV" not in _published(data)[1].data


@pytest.mark.parametrize("payload", [b"", b"\x09\x10\0", b"\x09\x10\0\1\0"])
def test_a_broken_cicp_says_nothing(payload: bytes) -> None:
    data = with_chunk(_png(DEEP, 1, 13, 0, 1), b"cICP", payload)
    picture, output = _published(data)
    assert picture.frames[0].hdr is None
    assert _cicp(output.data) is None


def test_palettes_animations_and_alpha_keep_them() -> None:
    palette = with_chunk(saved(PHOTO // 64 * 64, "png"), b"cICP", bytes((9, PQ, 0, 1)))
    clear = _png(np.dstack((DEEP, DEEP[..., 0])), 9, HLG, 0, 1)
    film = codec.encode(Picture("png", (Frame(PHOTO), Frame(255 - PHOTO)), animation=Animation((40.0, 50.0), 0))).data
    for data in (palette, clear, with_chunk(film, b"cICP", bytes((9, PQ, 0, 1)))):
        picture, output = _published(data)
        assert all(frame.hdr is not None for frame in picture.frames)
        assert _cicp(output.data) == _cicp(data)


@pytest.mark.parametrize(
    "payload", [b"", bytes((9, 13, 0, 1)), bytes((2, 16, 0, 1)), bytes((9, 16, 1, 1)), bytes((9, 16, 0, 2)), bytes(5)]
)
def test_nothing_else_passes_as_code_points(payload: bytes) -> None:
    plain = codec.encode(Picture("png", (Frame(DEEP),))).data
    metadata.check(with_chunk(plain, b"cICP", bytes((9, 16, 0, 1))), "png", WIDTH, HEIGHT)
    for wrong in (
        with_chunk(plain, b"cICP", payload),
        with_chunk(with_chunk(plain, b"cICP", bytes((9, 16, 0, 1))), b"cICP", bytes((9, 16, 0, 1))),
        with_chunk(plain, b"cICP", bytes((9, 16, 0, 1))).replace(b"IDAT", b"IDAT", 0)[:-12] + chunk(b"cICP", payload),
    ):
        with pytest.raises(ScrubCheckFailed):
            metadata.check(wrong, "png", WIDTH, HEIGHT)


@TRANSFERS
@pytest.mark.parametrize("depth", [8, 10])
def test_heic_becomes_a_png_that_says_what_its_samples_mean(depth: int, transfer: int) -> None:
    pytest.importorskip("pi_heif")
    stored = PHOTO if depth == 8 else DEEP >> 6
    colors = box(b"colr", struct.pack(">4sHHHB", b"nclx", 9, transfer, 0, 0x80))
    data = heic.heic(heic.picture(stored, colors, box(b"clli", bytes(4)), depth=depth))
    assert metadata.inventory(data, "heif") == ("heif.rendering",)
    picture, output = _published(data)
    assert picture.frames[0].hdr == CodePoints(9, transfer)
    assert (output.format, output.encoding, _cicp(output.data)) == ("png", "reencoded", bytes((9, transfer, 0, 1)))
    again = codec.decode(output.data, CONFIG).frames[0]
    np.testing.assert_array_equal(again.pixels, stored if depth == 8 else spread(stored, depth))


def test_rec2020_of_heic_stays_rec2020() -> None:
    pytest.importorskip("pi_heif")
    colors = box(b"colr", struct.pack(">4sHHHB", b"nclx", 9, 1, 0, 0x80))
    assert codec.decode(heic.heic(heic.picture(PHOTO, colors)), CONFIG).profile == "rec2020"


def _avif(pixels: NDArray[np.uint8] | NDArray[np.uint16], *colors: bytes) -> bytes:
    plain = avif_items.item(pixels)
    return avif_items.file(replace(plain, properties=(*plain.properties[:3], *colors)))


def _nclx(primaries: int, transfer: int) -> bytes:
    return box(b"colr", struct.pack(">4sHHHB", b"nclx", primaries, transfer, 6, 0x80))


@TRANSFERS
@pytest.mark.parametrize(("primaries", "kept"), [(9, 9), (12, 12), (2, 9)])
@pytest.mark.parametrize("pixels", [PHOTO, DEEP], ids=["8 bit", "12 bit"])
def test_avif_keeps_code_points(pixels: NDArray[np.uint8], primaries: int, kept: int, transfer: int) -> None:
    picture, output = _published(_avif(pixels, _nclx(primaries, transfer)))
    assert picture.frames[0].hdr == CodePoints(kept, transfer)
    assert struct.pack(">4sHH", b"nclx", kept, transfer) in output.data
    assert codec.decode(output.data, CONFIG).frames[0].hdr == CodePoints(kept, transfer)


def _said_by_the_stream(data: bytes, *points: int) -> bytes:
    """A file whose bitstreams' headers tell other code points than 1, 13, 6."""
    number = int.from_bytes(data, "big")
    bits = f"{number:0{8 * len(data)}b}"
    plain, told = ("".join(f"{value:08b}" for value in values) for values in ((1, 13, 6), (*points, 6)))
    assert plain in bits
    return int(bits.replace(plain, told), 2).to_bytes(len(data), "big")


@pytest.mark.parametrize("count", [1, 2], ids=["still", "sequence"])
@pytest.mark.parametrize("pixels", [PHOTO, DEEP], ids=["8 bit", "12 bit"])
def test_without_a_word_of_the_container_the_bitstream_has_the_word(pixels: NDArray[np.uint8], count: int) -> None:
    plain = avif_items.item(pixels)
    if count == 1:
        data = avif_items.file(replace(plain, properties=plain.properties[:3]))
    else:
        data = avif_items.film([pixels] * count).replace(b"colrnclx", b"skipnclx")
    for points in ((9, HLG), (12, PQ), (12, 13)):
        picture, _ = _published(_said_by_the_stream(data, *points))
        told = picture.encoder
        assert isinstance(told, Settings)
        assert told.points == points
        assert picture.frames[0].hdr == (CodePoints(*points) if points[1] != 13 else None)


@pytest.mark.parametrize(
    "stream", [b"", b"\x0a", b"\x0a\xff", b"\x0a\x05" + bytes(5), b"\x0a\x0b" + b"\x0f" * 11, b"\x12\0"]
)
def test_a_bitstream_that_ends_says_nothing(stream: bytes) -> None:
    assert code_points(stream) is None


def test_the_headers_of_a_bitstream() -> None:
    """Reduced, and with all that may stand before the colours (AV1, 5.5.1 and 5.5.2), written bit by bit."""
    sizes = "0011" + "0011" + "1111" + "1111"
    colors = "0" + "0" + "1" + f"{9:08b}{16:08b}{9:08b}"
    reduced = "000" + "1" + "1" + "00000" + sizes + "000" + "000" + colors
    timing = "1" + "0" * 64 + "1" + "00100" + "1" + "00011" + "0" * 42
    operating = "1" + "00001" + 2 * ("0" * 12 + "01000" + "1" + "1" + "0" * 9 + "1" + "0000")
    tools = "1" + "0" * 7 + "000" + "0000" + "1" + "00" + "0" + "1" + "0" + "1" + "000" + "000"
    full = "010" + "0" + "0" + timing + operating + sizes + tools + "1" + "1" + colors[1:]
    for bits in (reduced, full):
        payload = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
        assert code_points(b"\x12\0\x0a" + bytes([len(payload)]) + payload) == (9, 16)
        assert code_points(b"\x08" + payload) == (9, 16)
        assert code_points(b"\x0c\0" + payload) == (9, 16)
        assert code_points(b"\x0a" + bytes([len(payload)]) + payload[:-4]) is None


def test_a_profile_of_an_avif_counts_before_its_code_points() -> None:
    picture = codec.decode(_avif(PHOTO, box(b"colr", b"prof", icc_profile()), _nclx(9, PQ)), CONFIG)
    assert picture.frames[0].hdr is None


@pytest.mark.parametrize("format_name", ["png", "avif", "heic"])
def test_faces_are_found_in_the_light_and_redacted(format_name: str) -> None:
    """Patches have their colour in no code value, only in what a viewer shows."""
    if format_name == "heic":
        pytest.importorskip("pi_heif")
    pixels = scene(96, 64, seed=1) // 2 + 100
    pixels[16:40, 32:64] = PATCH_RGB
    share = pixels / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    codes = np.rint(pq_signal(linear * 203) * 65535).astype(np.uint16)
    source = {
        "png": lambda: _png(codes, 1, PQ, 0, 1),
        "avif": lambda: _avif(codes, _nclx(1, PQ)),
        "heic": lambda: heic.heic(heic.picture(codes >> 6, _nclx(1, PQ).replace(b"\0\6\x80", b"\0\0\x80"), depth=10)),
    }[format_name]()
    image = Anonymizer({"detector": {"name": "patch"}, "redaction": {"method": "solid", "fill": "#808080"}})(source)
    assert len(image.faces) == 1
    face = image.faces[0]
    assert max(abs(face.x - 32), abs(face.y - 16), abs(face.w - 32), abs(face.h - 24)) <= 2
    picture = codec.decode(image.data, CONFIG)
    assert picture.frames[0].hdr == CodePoints(1, PQ)
    inside = picture.frames[0].pixels[18:38, 34:62].astype(int)
    assert np.abs(inside - 0x80 * 257).max() < 4 * 257


def test_a_redacted_frame_is_still_hdr() -> None:
    frame = Frame(DEEP, hdr=CodePoints(9, PQ))
    assert replace(frame, pixels=DEEP[::-1]).hdr == frame.hdr
