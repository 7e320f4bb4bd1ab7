"""Lossless JPEG and JPEG of 12 bit: read, redacted, and written in their own kind."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from anonymizer import Anonymizer
from anonymizer.config import CodecConfig
from anonymizer.errors import DecodeError, EncodeError, UnsupportedFormat
from anonymizer.image import codec, metadata
from anonymizer.image.codec.depth import narrowed, spread
from anonymizer.image.codec.jpeg import deep as jpeg_deep
from anonymizer.image.codec.jpeg import turbo as jpeg_turbo
from anonymizer.image.profiles import PROFILES
from anonymizer.records import Encoded, Frame, Picture
from tests.image.codec.deep_jpeg import lossless, twelve_bit
from tests.image.codec.samples import (
    CONFIG,
    MARKER,
    orientation_exif,
    photo,
    rich_exif,
    segment,
    swapped_profile,
)
from tests.image.formats.kinds import FACES, frames

REDACT = CodecConfig(jpeg_incomplete="redact")
ICC = b"ICC_PROFILE\0\1\1"
ADOBE = b"Adobe\0\x64\0\0\0\0"


def _stored(bits: int, gray: bool) -> NDArray[Any]:
    """(48, 64) or (48, 64, 3) of every bit that there is; noise in the low ones."""
    high = (photo()[..., 0] if gray else photo()).astype(np.uint16)
    low = np.random.default_rng(5).integers(0, 256, high.shape, dtype=np.uint16)
    return ((high << 8 | low) >> (16 - bits)).astype(np.uint16)


def _wide(stored: NDArray[Any], bits: int) -> NDArray[Any]:
    return stored.astype(np.uint8) if bits == 8 else spread(stored, bits)


def _written(picture: Picture) -> Encoded:
    written = codec.encode(picture)
    frame = picture.frames[0]
    metadata.check(written.data, "jpeg", frame.width, frame.height)
    return written


@pytest.mark.parametrize("predictor", range(1, 8))
@pytest.mark.parametrize("gray", [True, False], ids=["gray", "RGB"])
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_lossless_is_read_and_written_sample_for_sample(bits: int, gray: bool, predictor: int) -> None:
    stored = _stored(bits, gray)
    source = lossless(stored, bits, predictor)
    picture = codec.decode(source, CONFIG)
    np.testing.assert_array_equal(picture.frames[0].pixels, _wide(stored, bits))
    written = _written(picture)
    assert (written.format, written.encoding) == ("jpeg", "exact")
    frame = written.data.index(b"\xff\xc3")
    assert written.data[frame + 4] == bits
    assert written.data[written.data.index(b"\xff\xda") + 4 + (3 if gray else 7)] == predictor
    again = codec.decode(written.data, CONFIG).frames[0].pixels
    np.testing.assert_array_equal(again, _wide(stored, bits))
    assert metadata.inventory(written.data, "jpeg") == ()


def test_another_reader_sees_the_same() -> None:
    """Pillow reads lossless JPEG of 8 bit."""
    for gray in (True, False):
        source = lossless(_stored(8, gray), 8)
        for data in (source, _written(codec.decode(source, CONFIG)).data):
            np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(data))), _stored(8, gray))


def test_low_bits_that_were_left_out_stay_out() -> None:
    stored = _stored(12, gray=True)
    picture = codec.decode(lossless(stored, 12, shift=3), CONFIG)
    np.testing.assert_array_equal(narrowed(picture.frames[0].pixels, 12), stored >> 3 << 3)
    again = codec.decode(_written(picture).data, CONFIG)
    np.testing.assert_array_equal(again.frames[0].pixels, picture.frames[0].pixels)


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_outside_the_mask_every_sample_stays(bits: int) -> None:
    picture = codec.decode(lossless(_stored(bits, gray=False), bits), CONFIG)
    assert (picture.grid.width, picture.grid.height, picture.grid.reach) == (1, 1, 0)
    pixels = picture.frames[0].pixels.copy()
    mask = np.zeros(pixels.shape[:2], bool)
    mask[7:22, 5:33] = True
    pixels[mask] = 0
    written = _written(replace(picture, frames=(Frame(pixels, None, mask),)))
    assert written.encoding == "exact"
    np.testing.assert_array_equal(codec.decode(written.data, CONFIG).frames[0].pixels, pixels)


@pytest.mark.parametrize("bits", [8, 16])
def test_the_whole_way(bits: int) -> None:
    """Faces are found and covered, metadata are gone, and the name keeps its format."""
    pixels = frames()[0].astype(np.uint16) * (257 if bits == 16 else 1)
    dirty = segment(0xE1, b"Exif\0\0" + rich_exif()) + segment(0xFE, MARKER)
    source = lossless(pixels, bits, 6, before=dirty) + MARKER
    image = Anonymizer({"detector": {"name": "patch"}, "redaction": {"method": "solid", "fill": "#00a000"}})(source)
    assert (image.format, image.encoding, image.redacted_count) == ("jpeg", "exact", 2)
    assert MARKER not in image.data
    found = codec.decode(image.data, CONFIG).frames[0].pixels
    x1, y1, x2, y2 = FACES[0]
    assert (found[y1:y2, x1:x2] // (257 if bits == 16 else 1) == (0, 160, 0)).all()
    np.testing.assert_array_equal(found[:, 140:].astype(np.uint16), pixels[:, 140:])


def test_it_is_turned_and_its_profile_settled() -> None:
    stored = _stored(16, gray=False)
    turned = lossless(stored, 16, before=segment(0xE1, b"Exif\0\0" + orientation_exif(6)))
    picture = codec.decode(turned, CONFIG)
    np.testing.assert_array_equal(picture.frames[0].pixels, np.rot90(stored, -1))
    assert _written(picture).encoding == "exact"
    stored = _stored(8, gray=False)
    encodings = {}
    for name, profile in {"foreign": swapped_profile(), "public": PROFILES["display-p3"]}.items():
        written = _written(codec.decode(lossless(stored, 8, before=segment(0xE2, ICC + profile)), CONFIG))
        encodings[name] = written.encoding, profile in written.data
    assert encodings == {"foreign": ("reencoded", False), "public": ("exact", True)}


@pytest.mark.parametrize(
    "data",
    [
        *(lossless(_stored(bits, gray=True), bits) for bits in (7, 10, 14)),
        lossless(_stored(8, gray=False), 8, before=segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")),
        lossless(_stored(8, gray=False), 8, before=segment(0xEE, ADOBE + b"\1")),
        lossless(_stored(8, gray=False), 8, factors=(0x22, 0x11, 0x11)),
    ],
    ids=["7 bit", "10 bit", "14 bit", "YCbCr by JFIF", "YCbCr by Adobe", "subsampled"],
)
def test_what_nothing_here_reads_is_told(data: bytes) -> None:
    with pytest.raises(UnsupportedFormat):
        codec.decode(data, CONFIG)


def test_colours_are_the_samples_where_nothing_says_otherwise() -> None:
    stored = _stored(8, gray=False)
    for data in (
        lossless(stored, 8),
        lossless(stored, 8, names=b"RGB"),
        lossless(stored, 8, before=segment(0xEE, ADOBE + b"\0")),
    ):
        np.testing.assert_array_equal(codec.decode(data, CONFIG).frames[0].pixels, stored)


@pytest.mark.parametrize("config", [CONFIG, REDACT], ids=["fail", "redact"])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_lossless_one_is_whole_or_refused(bits: int, config: CodecConfig) -> None:
    """Beyond a missing sample every later one of its row is wrong: there is nothing to show."""
    stored = _stored(bits, gray=True)
    data = lossless(stored, bits, 4)
    np.testing.assert_array_equal(codec.decode(data[:-2], config).frames[0].pixels, _wide(stored, bits))
    for missing in (*range(3, 40), 500, 1000):
        for cut in (data[:-missing], data[:-missing] + b"\xff\xd9"):
            with pytest.raises(DecodeError):
                codec.decode(cut, config)


@pytest.mark.parametrize("gray", [True, False], ids=["gray", "YCbCr"])
@pytest.mark.parametrize(
    "settings",
    [{}, {"progressive": 1}, {"arithmetic": 1}, {"restart_rows": 1}, {"subsampling": 2}],
    ids=["plain", "progressive", "arithmetic", "restart intervals", "4:2:0"],
)
def test_twelve_bits_of_dct_stay_twelve(settings: dict[str, int], gray: bool) -> None:
    stored = _stored(12, gray)
    stored = np.minimum(stored + 8, 4095).astype(np.uint16) // 16 * 16
    source = twelve_bit(stored, **({} if gray and "subsampling" in settings else settings))
    picture = codec.decode(source, CONFIG)
    pixels = picture.frames[0].pixels
    assert pixels.dtype == np.uint16
    near = 40 if "subsampling" in settings else 20
    assert np.abs(narrowed(pixels, 12).astype(int) - stored).mean() < near
    written = _written(picture)
    assert (written.format, written.encoding) == ("jpeg", "reencoded")
    assert written.data[written.data.index(b"\xff\xc1") + 4] == 12
    again = codec.decode(written.data, CONFIG).frames[0].pixels
    assert np.abs(narrowed(again, 12).astype(int) - narrowed(pixels, 12)).mean() < 4
    assert metadata.inventory(written.data, "jpeg") == ()


def test_twelve_bits_that_end_early_are_refused() -> None:
    data = twelve_bit(_stored(12, gray=False))
    np.testing.assert_array_equal(
        codec.decode(data[:-2], CONFIG).frames[0].pixels, codec.decode(data, CONFIG).frames[0].pixels
    )
    coded = twelve_bit(_stored(12, gray=False), arithmetic=1)
    for cut in (data[:-3], data[: len(data) // 2], data[:-20] + b"\xff\xd9", coded[:-2]):
        with pytest.raises(DecodeError):
            codec.decode(cut, REDACT)


def test_inks_of_twelve_bit_are_not_read() -> None:
    data = twelve_bit(_stored(12, gray=False))
    at = data.index(b"\xff\xc1")
    four = segment(0xC1, data[at + 4 : at + 9] + b"\4" + b"".join(bytes([n, 0x11, 0]) for n in (1, 2, 3, 4)))
    with pytest.raises(UnsupportedFormat):
        codec.decode(data[:at] + four + data[at + 19 :], CONFIG)


def test_without_the_library_it_is_no_format_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    data = lossless(_stored(8, gray=True), 8)
    picture = codec.decode(data, CONFIG)
    monkeypatch.setattr(jpeg_turbo, "_library", lambda: None)
    with pytest.raises(UnsupportedFormat):
        codec.decode(data, CONFIG)
    with pytest.raises(EncodeError):
        codec.encode(picture)
    with pytest.raises(DecodeError):
        jpeg_deep.decompress(data, picture.encoder.layout, scan_limit=9)  # type: ignore[attr-defined]


@pytest.mark.parametrize("change", [{"bits": 12}, {"width": 8}, {"predictor": 0}])
def test_the_library_reads_no_other_picture_than_the_header_says(change: dict[str, int]) -> None:
    data = lossless(_stored(16, gray=True), 16)
    layout = codec.decode(data, CONFIG).encoder.layout  # type: ignore[attr-defined]
    with pytest.raises(DecodeError):
        jpeg_deep.decompress(data, replace(layout, **change), scan_limit=9)
