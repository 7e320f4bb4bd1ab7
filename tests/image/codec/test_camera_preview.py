"""Camera raw is refused, unless a user asks for the camera's own JPEG, and that is nearly as large as the raw."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from anonymizer import Anonymizer
from anonymizer.config import CodecConfig
from anonymizer.errors import ObjectError, UnsupportedFormat
from anonymizer.image import codec, metadata
from anonymizer.image.detectors.patch import PATCH_RGB
from anonymizer.lake import naming
from tests.image.codec import raws
from tests.image.codec.samples import MARKER, orientation_exif, photo, saved, with_segment
from tests.image.codec.tiff_samples import page, tiff_of
from tests.pictures import scene

PREVIEW = CodecConfig(raw="preview")
SIDES = (160, 96)


def _jpeg(size: tuple[int, int] = SIDES) -> bytes:
    pixels = scene(*size)
    pixels[16:48, 32:64] = PATCH_RGB
    return saved(pixels, "jpeg", quality=92)


def _raws(jpeg: bytes, size: tuple[int, int] = SIDES, raw: tuple[int, int] = (168, 100), orientation: int = 1):
    turned = with_segment(jpeg, 0xE1, b"Exif\0\0" + orientation_exif(orientation))
    return {
        "dng": raws.dng(jpeg, size, raw, orientation),
        "nef": raws.nef(jpeg, raw, orientation),
        "cr3": raws.cr3(jpeg, raw, orientation),
        "raf": raws.raf(jpeg if orientation == 1 else turned, raw),
    }


@pytest.mark.parametrize("kind", ["dng", "nef", "cr3", "raf"])
def test_raw_is_refused_unless_its_preview_is_asked_for(kind):
    data = _raws(_jpeg())[kind]
    with pytest.raises(UnsupportedFormat):
        codec.decode(data, CodecConfig())
    picture = codec.decode(data, PREVIEW)
    assert (picture.format, picture.frames[0].width, picture.frames[0].height) == ("raw", *SIDES)


@pytest.mark.parametrize("kind", ["dng", "nef", "cr3", "raf"])
def test_the_row_says_what_was_published(kind):
    data = _raws(_jpeg())[kind]
    image = Anonymizer({"detector": {"name": "patch"}, "codec": {"raw": "preview"}})(data + MARKER)
    assert (image.source_format, image.format, image.encoding) == ("raw", "jpeg", "reencoded")
    assert "raw" in image.metadata_removed
    assert image.redacted_count == 1
    assert MARKER not in image.data
    metadata.check(image.data, "jpeg", *SIDES)
    assert naming.replaced(f"a.{kind}", "raw", "jpeg") == f"a.{kind}.jpg"


@pytest.mark.parametrize("kind", ["dng", "nef", "cr3", "raf"])
@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_it_is_turned_as_the_raw_file_says(kind, orientation):
    jpeg = _jpeg()
    turned = with_segment(jpeg, 0xE1, b"Exif\0\0" + orientation_exif(orientation))
    frame = codec.decode(_raws(jpeg, orientation=orientation)[kind], PREVIEW).frames[0]
    np.testing.assert_array_equal(frame.pixels, codec.decode(turned, PREVIEW).frames[0].pixels)


@pytest.mark.parametrize("kind", ["dng", "nef", "cr3", "raf"])
def test_a_thumbnail_is_not_published_for_the_photo(kind):
    three_quarters = (213, 128)
    codec.decode(_raws(_jpeg(), raw=three_quarters)[kind], PREVIEW)
    for raw in ((214, 128), (213, 129), (640, 384)):
        with pytest.raises(UnsupportedFormat):
            codec.decode(_raws(_jpeg(), raw=raw)[kind], PREVIEW)


def test_a_raw_file_without_a_jpeg_is_refused():
    for data in (
        raws.dng(b"no jpeg", SIDES, SIDES),
        raws.nef(saved(photo(), "png"), SIDES),
        raws.raf(b"\xff\xd8\xff\xc3\0\x0b\x08\0\x30\0\x40\1\1\x11\0", SIDES),
        raws.cr3(b"", SIDES),
        b"FUJIFILMCCD-RAW",
        b"\0\0\0\x10ftypcrx \0\0\0\0",
    ):
        with pytest.raises(ObjectError):
            codec.decode(data, PREVIEW)


def test_a_raw_file_that_does_not_say_its_size_is_refused():
    data = raws.raf(_jpeg(), SIDES)
    codec.decode(data, PREVIEW)
    with pytest.raises(UnsupportedFormat):
        codec.decode(data.replace(b"\x01\x00\x00\x04", b"\x01\x01\x00\x04"), PREVIEW)


def test_places_that_name_the_whole_file_do_not_copy_it():
    """Each of many tracks took a copy: some hundred bytes of a large file cost as much time as reading all of it."""
    source = raws.cr3(b"\0" * 2**22, (168, 100))
    tracemalloc.start()
    try:
        with pytest.raises(UnsupportedFormat):
            codec.decode(source, PREVIEW)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**20


def test_a_tiff_is_still_a_tiff():
    assert codec.decode(tiff_of(page(photo(), 2)), PREVIEW).format == "tiff"


@pytest.mark.parametrize("kind", ["dng", "nef", "cr3", "raf"])
def test_damaged_raws_are_refused_or_read(kind):
    data = bytearray(_raws(_jpeg())[kind])
    chance = np.random.default_rng(5)
    for _ in range(150):
        bent = bytearray(data)
        for at in chance.integers(0, 400, 4):
            bent[at] = int(chance.integers(0, 256))
        try:
            codec.decode(bytes(bent[: int(chance.integers(20, len(bent) + 1))]), PREVIEW)
        except ObjectError:
            continue
