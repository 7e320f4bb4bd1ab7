"""JPEG XL: what a source carries is named; the check lets through what we write, and no other byte."""

from __future__ import annotations

import numpy as np
import pytest

from anonymizer.errors import ScrubCheckFailed
from anonymizer.image import codec, metadata
from anonymizer.image.codec.jxl import Settings
from anonymizer.image.metadata.jxl.bits import Bits
from anonymizer.image.metadata.jxl.codestream import read_header
from anonymizer.records import Frame, Picture
from tests.image.codec import jxl
from tests.image.codec.samples import MARKER, orientation_exif, photo, rich_exif, saved, swapped_profile, with_segment

needs_libjxl = pytest.mark.skipif(not jxl.IS_HERE, reason="libjxl is not here")

ALPHA = np.arange(48 * 64, dtype=np.uint8).reshape(48, 64)
DEEP = photo().astype(np.uint16) * np.uint16(257)
PICTURES = {
    "color": Picture("jxl", (Frame(photo()),)),
    "gray": Picture("jxl", (Frame(photo()[..., 0]),)),
    "alpha": Picture("jxl", (Frame(photo(), ALPHA),)),
    "deep": Picture("jxl", (Frame(DEEP),)),
    "deep and alpha": Picture("jxl", (Frame(DEEP, ALPHA.astype(np.uint16) * np.uint16(257)),)),
    "lossy": Picture("jxl", (Frame(photo()),), encoder=Settings(lossless=False)),
    "lossy alpha": Picture("jxl", (Frame(photo(), ALPHA),), encoder=Settings(lossless=False)),
    "animation": Picture("jxl", (Frame(photo()), Frame(photo()[::-1])), encoder=Settings(8, True, (100, 1), 0, (5, 0))),
}


def _refuses(data: bytes, count: int = 1) -> bool:
    try:
        metadata.check(data, "jxl", 64, 48, count)
    except ScrubCheckFailed:
        return True
    return False


@needs_libjxl
@pytest.mark.parametrize("name", PICTURES)
def test_no_byte_can_be_added_or_cut(name):
    count = len(PICTURES[name].frames)
    data = codec.encode(PICTURES[name]).data
    assert not _refuses(data, count)
    assert metadata.inventory(data, "jxl") == ()
    assert _refuses(data + b"\0", count)
    assert _refuses(data[:-1], count)
    assert _refuses(data, count + 1)
    assert _refuses(data + jxl.box(b"Exif", bytes(4) + rich_exif()), count)
    start = data.index(b"\xff\x0a")
    for at in (0, 2, start, start + 2, start + 5, start + 9):
        assert _refuses(data[:at] + MARKER + data[at:], count)


@needs_libjxl
def test_any_flipped_bit_of_a_header_is_refused_or_read_as_another_picture_of_ours():
    """None of them leads to a name, an extension, a crop or bytes that belong to nothing."""
    data = codec.encode(PICTURES["alpha"]).data
    for bit in range(16, 8 * 20):
        bent = bytearray(data)
        bent[bit // 8] ^= 1 << bit % 8
        if not _refuses(bytes(bent)):
            bits = Bits(bytes(bent))
            bits.skip(2)
            header = read_header(bits)
            assert (header.width, header.height, header.orientation) == (64, 48, 1)
            assert not any((header.named, header.preview, header.intrinsic, header.profile))


@needs_libjxl
def test_what_others_write_is_not_ours():
    plain = jxl.saved(photo(), usecontainer=False)
    for data in (
        jxl.boxed(plain),
        jxl.boxed(plain, jxl.box(b"xml ", b"<x/>")),
        jxl.from_jpeg(saved(photo(), "jpeg")),
        jxl.from_jpeg(saved(photo(), "jpeg", icc_profile=swapped_profile())),
        jxl.from_jpeg(with_segment(saved(photo(), "jpeg"), 0xE1, b"Exif\0\0" + orientation_exif(3))),
    ):
        assert _refuses(data)


@needs_libjxl
def test_what_a_source_carries_is_named():
    plain = jxl.saved(photo(), usecontainer=False)
    xmp = b"<x:xmpmeta hdrgm:Version='1'/>"
    boxes = {
        b"xml ": (xmp, {"xmp", "gainmap"}),
        b"jumb": (b"????c2pa", {"c2pa"}),
        b"brob": (b"xml " + b"compressed", {"xmp"}),
        b"jhgm": (b"map", {"gainmap"}),
        b"free": (MARKER, {"box.other"}),
        b"jbrd": (b"", {"jxl.jpeg"}),
    }
    for name, (payload, expected) in boxes.items():
        assert set(metadata.inventory(jxl.boxed(plain, jxl.box(name, payload)), "jxl")) == expected
    exif = metadata.inventory(jxl.boxed(plain, jxl.box(b"Exif", bytes(4) + rich_exif())), "jxl")
    assert {"exif", "exif.gps", "exif.thumbnail"} <= set(exif)
    assert metadata.inventory(jxl.boxed(plain) + MARKER, "jxl") == ("trailer",)


@needs_libjxl
def test_a_profile_in_the_codestream_is_named():
    data = jxl.from_jpeg(saved(photo(), "jpeg", icc_profile=swapped_profile()))
    assert {"icc", "jxl.jpeg"} <= set(metadata.inventory(data, "jxl"))


def test_a_header_of_every_field_is_read():
    """Bits by hand: another orientation, a size to show it at, a preview, an animation with times, a named channel."""
    written: list[tuple[int, int]] = [
        (0, 1), (0, 2), (47, 9), (0, 3), (0, 2), (63, 9),  # 48 high, no ratio, 64 wide
        (0, 1), (1, 1), (5, 3),  # not all default, more fields, orientation 6
        (1, 1), (1, 1), (3, 5), (1, 3),  # shown at 32 × 32
        (1, 1), (1, 1), (0, 2), (1, 3),  # a preview of 16 × 16
        (1, 1), (0, 2), (0, 2), (0, 2), (1, 1),  # an animation with timecodes
        (0, 1), (0, 2), (1, 1), (1, 2),  # 8 bit, one channel
        (0, 1), (1, 2), (0, 1), (0, 2), (0, 2), (1, 2), (2, 4), (0x4141, 16),  # depth, 8 bit, called AA
        (1, 1), (1, 1), (1, 1), (0, 2), (1, 1),  # xyb, sRGB, plain tones, no extension, plain transform
    ]  # fmt: skip
    value = at = 0
    for number, count in written:
        value, at = value | number << at, at + count
    data = b"\xff\x0a" + value.to_bytes(at // 8 + 8, "little")
    names = metadata.inventory(data, "jxl")
    assert names == ("box.datetime", "box.text", "jxl.channels", "jxl.preview", "jxl.size")
    bits = Bits(data)
    bits.skip(2)
    header = read_header(bits)
    assert (header.width, header.height, header.orientation, header.plain) == (64, 48, 6, True)
