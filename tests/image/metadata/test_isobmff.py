"""What HEIF and AVIF sources carry beside their picture is named; nothing passes as a HEIF of ours."""

from __future__ import annotations

import struct
from dataclasses import replace
from io import BytesIO

import pytest
from PIL import Image

from anonymizer.errors import ScrubCheckFailed
from anonymizer.image import metadata
from tests.image.codec import heic
from tests.image.codec.heic import box
from tests.image.codec.samples import MARKER, icc_profile, photo, rich_exif, saved

PHOTO, SMALL = photo(24, 40), photo(16, 16)


def _names(*items: heic.Item, extra: bytes = b"") -> set[str]:
    data = heic.heic(heic.picture(PHOTO), *items, extra=extra)
    found = metadata.inventory(data, "heif")
    assert set(found) <= set(metadata.NAMES)
    assert metadata.inventory(data, "avif") == found
    return set(found)


def _auxiliary(kind: bytes) -> heic.Item:
    return heic.picture(SMALL[..., 0], box(b"auxC", bytes(4), kind + b"\0"), links=((b"auxl", 1),))


ITEMS: dict[str, tuple[heic.Item, set[str]]] = {
    "alpha": (heic.alpha(PHOTO[..., 0], 1), set()),
    "second picture": (heic.picture(SMALL), {"heif.images"}),
    "thumbnail": (replace(heic.picture(SMALL), links=((b"thmb", 1),)), {"heif.thumbnail"}),
    "depth map": (_auxiliary(b"urn:mpeg:hevc:2015:auxid:2"), {"heif.auxiliary"}),
    "gain map": (_auxiliary(b"urn:com:apple:photo:2020:aux:hdrgainmap"), {"heif.auxiliary", "gainmap"}),
    "tone map": (heic.Item(b"tmap", bytes(8), links=((b"dimg", 1),)), {"gainmap"}),
    "text": (replace(heic.alpha(PHOTO[..., 0], 1), text=MARKER + b"\0"), {"box.text"}),
    "web page": (heic.Item(b"mime", MARKER, text=b"\0text/html\0"), {"box.other"}),
    "unknown item": (heic.Item(b"xyz1", MARKER), {"box.other"}),
    "description": (
        heic.picture(SMALL, box(b"udes", bytes(4), MARKER), links=((b"thmb", 1),)),
        {"box.text", "heif.thumbnail"},
    ),
    "profile": (heic.picture(SMALL, box(b"colr", b"prof", icc_profile())), {"icc", "heif.images"}),
    "empty profile": (heic.picture(SMALL, box(b"colr", b"prof")), {"heif.images"}),
    "light levels": (heic.picture(SMALL, box(b"clli", bytes(4))), {"heif.rendering", "heif.images"}),
    "mastering screen": (heic.picture(SMALL, box(b"mdcv", bytes(24))), {"heif.rendering", "heif.images"}),
    "aperture": (heic.picture(SMALL, heic.aperture(8, 8, 0, 0)), {"heif.hidden", "heif.images"}),
    "unknown property": (heic.picture(SMALL, box(b"xyz1", MARKER)), {"box.other", "heif.images"}),
}


@pytest.mark.parametrize("dirt", ITEMS)
def test_items_are_named(dirt: str) -> None:
    item, names = ITEMS[dirt]
    assert _names(item) == names


def test_exif_and_xmp_are_looked_into() -> None:
    block = heic.Item(b"Exif", bytes(4) + rich_exif(), links=((b"cdsc", 1),))
    assert {"exif", "exif.gps", "exif.thumbnail", "exif.makernote"} <= _names(block)
    xmp = heic.Item(b"mime", b"<x exif:GPSLatitude='1'/>", text=b"\0application/rdf+xml\0")
    assert {"xmp", "xmp.gps"} <= _names(xmp)


@pytest.mark.parametrize(
    ("extra", "names"),
    [
        (b"", set()),
        (box(b"free", bytes(9)), set()),
        (box(b"free", MARKER), {"gap"}),
        (box(b"uuid", bytes(16), MARKER), {"box.other"}),
        (box(b"uuid", bytes.fromhex("d8fec3d61b0e483c92975828877ec481"), MARKER), {"c2pa"}),
        (box(b"jumb", MARKER), {"c2pa"}),
        (box(b"xyz1", MARKER), {"box.other"}),
        (box(b"moov", MARKER), {"motion_photo"}),
        (box(b"mpvd", MARKER), {"motion_photo"}),
        (b"abc", {"trailer"}),
        (struct.pack(">I4s", 999, b"mdat"), {"trailer"}),
    ],
    ids=["nothing", "zeros", "filler", "uuid", "credentials", "jumbf", "unknown", "film", "video", "rest", "too long"],
)
def test_boxes_beside_the_picture_are_named(extra: bytes, names: set[str]) -> None:
    assert _names(extra=extra) == names


def test_dates_of_a_film_are_named() -> None:
    frames = [Image.fromarray(PHOTO // number) for number in (1, 2)]
    output = BytesIO()
    frames[0].save(output, "AVIF", save_all=True, append_images=frames[1:], duration=100)
    assert metadata.inventory(output.getvalue(), "avif") == ("box.datetime",)


def test_what_pillow_plants_in_an_avif_is_named() -> None:
    data = saved(PHOTO, "avif", exif=rich_exif(), xmp=b"<x exif:GPSLatitude='1'/>", icc_profile=icc_profile())
    assert {"exif", "exif.gps", "xmp", "xmp.gps", "icc"} <= set(metadata.inventory(data, "avif"))


def test_nothing_passes_as_heif() -> None:
    for data in (b"", heic.heic(heic.picture(PHOTO)), saved(PHOTO, "avif")):
        with pytest.raises(ScrubCheckFailed):
            metadata.check(data, "heif", 40, 24)


def test_a_hostile_source_is_walked_within_bounds() -> None:
    data = heic.heic(heic.picture(SMALL), heic.Item(b"Exif", bytes(4) + rich_exif()))
    for at in range(len(data.partition(b"mdat")[0])):
        assert set(metadata.inventory(data[:at] + b"\xff" + data[at + 1 :], "heif")) <= set(metadata.NAMES)
    for length in range(0, len(data), 41):
        assert set(metadata.inventory(data[:length], "heif")) <= set(metadata.NAMES)
    assert metadata.inventory(data[:24] + box(b"free") * 50_000, "heif")
