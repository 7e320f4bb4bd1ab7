"""Whatever the bytes are: an `ObjectError` or a clean picture, and no warning."""

from __future__ import annotations

import contextlib
import functools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymizer.config import CodecConfig
from anonymizer.errors import ObjectError, ScrubCheckFailed
from anonymizer.image import codec, metadata
from tests.image.codec import heic
from tests.image.codec.samples import FORMATS, PLANTED, photo, saved

SMALL = CodecConfig(max_pixels=200_000, max_bytes=200_000)

BEGINNINGS = (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"RIFF\x40\0\0\0WEBPVP8X", b"BM\0\0\0\0\0\0\0\0")


@functools.cache
def _sources() -> tuple[bytes, ...]:
    pixels = photo(24, 20)
    plain = [saved(pixels, name) for name in FORMATS]
    progressive = saved(pixels, "jpeg", progressive=True)
    lossless = saved(pixels, "webp", lossless=True)
    return (*plain, progressive, lossless, *(make() for _, make, _ in PLANTED.values()))


def _survives(data: bytes) -> None:
    for name in FORMATS:
        assert set(metadata.inventory(data, name)) <= set(metadata.NAMES)
        with contextlib.suppress(ScrubCheckFailed):
            metadata.check(data, name, 20, 24)
    try:
        picture = codec.decode(data, SMALL)
    except ObjectError:
        return
    height, width = picture.frames[0].pixels.shape[:2]
    output = codec.encode(picture).data
    metadata.check(output, picture.format, width, height)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(BEGINNINGS), st.binary(max_size=300))
def test_any_bytes(beginning: bytes, rest: bytes) -> None:
    _survives(beginning + rest)


@settings(max_examples=250, deadline=None)
@given(st.data())
def test_damaged_files(data: st.DataObject) -> None:
    source = bytearray(data.draw(st.sampled_from(_sources())))
    # Headers come first: half of the damage is done there.
    places = st.one_of(st.integers(0, min(200, len(source) - 1)), st.integers(0, len(source) - 1))
    for at, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=6)):
        source[at] = value
    cut = data.draw(st.one_of(st.none(), st.integers(0, len(source))))
    _survives(bytes(source[:cut]))


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_byte_of_the_headers_may_be_wrong(format_name: str) -> None:
    source = saved(photo(8, 8), format_name)
    for at in range(min(120, len(source))):
        for value in (0, 0xFF):
            _survives(source[:at] + bytes([value]) + source[at + 1 :])


def test_a_kind_of_metadata_that_is_no_text_kills_nothing() -> None:
    """pi_heif 1.4.0 dies of it where it reads metadata: it is given none."""
    name = b"\0application/rdf\xff\xff\xff\0"
    described = heic.Item(b"mime", b"<x/>", links=((b"cdsc", 1),), text=name)
    picture = codec.decode(heic.heic(heic.picture(photo(24, 20)), described), SMALL)
    assert picture.frames[0].pixels.shape == (24, 20, 3)
