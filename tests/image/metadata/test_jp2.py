"""JPEG 2000: what a source carries is named; the check lets through what we write, and no other byte."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from anonymizer.errors import ScrubCheckFailed
from anonymizer.image import codec, metadata
from anonymizer.image.codec.jp2 import Settings
from anonymizer.image.profiles import PROFILES
from anonymizer.records import Frame, Picture, Samples
from tests.image.codec.heic import box
from tests.image.codec.samples import MARKER, icc_profile, photo, rich_exif, saved

WIDTH, HEIGHT = 64, 48
PHOTO = photo()
ALPHA = np.arange(HEIGHT * WIDTH, dtype=np.uint8).reshape(HEIGHT, WIDTH)
DEEP = PHOTO.astype(np.uint16) * np.uint16(257)
LAYOUTS: dict[str, tuple[Samples, Samples | None]] = {
    "color": (PHOTO, None),
    "gray": (PHOTO[..., 0], None),
    "color and alpha": (PHOTO, ALPHA),
    "gray and alpha": (PHOTO[..., 0], ALPHA),
    "inks": (np.dstack((PHOTO, PHOTO[..., 0])), None),
    "deep": (DEEP, None),
    "deep and alpha": (DEEP, ALPHA.astype(np.uint16) * np.uint16(257)),
}


def _output(layout: str = "color", *, boxed: bool = True, profile: str | None = None) -> bytes:
    frame = Frame(*LAYOUTS[layout])
    return codec.encode(Picture("jp2", (frame,), profile=profile, encoder=Settings(boxed))).data


def _refuses(data: bytes, width: int = WIDTH, height: int = HEIGHT, count: int = 1) -> bool:
    try:
        metadata.check(data, "jp2", width, height, count)
    except ScrubCheckFailed:
        return True
    return False


def _in_header(data: bytes, *parts: bytes) -> bytes:
    """More boxes at the end of `jp2h`."""
    at = data.index(b"jp2h") - 4
    end = at + struct.unpack_from(">I", data, at)[0]
    return data[:at] + box(b"jp2h", data[at + 8 : end], *parts) + data[end:]


def _in_codestream(data: bytes, segment: bytes) -> bytes:
    """One more marker segment in front of the tile, the box around it grown."""
    changed, place = bytearray(data), data.index(b"\xff\x90\0\x0a")
    at = data.find(b"jp2c") - 4
    if at >= 0:
        struct.pack_into(">I", changed, at, struct.unpack_from(">I", data, at)[0] + len(segment))
    return bytes(changed[:place]) + segment + bytes(changed[place:])


COMMENT = b"\xff\x64" + struct.pack(">HH", 4 + len(MARKER), 1) + MARKER

CARRIED = {
    "comment": (_in_codestream(_output(), COMMENT), {"comment"}),
    "comment of a bare codestream": (_in_codestream(_output(boxed=False), COMMENT), {"comment"}),
    "xml": (_output() + box(b"xml ", b"<a>" + MARKER), {"jp2.xml", "xmp"}),
    "geography": (_output() + box(b"uuid", bytes.fromhex("b14bf8bd083d4b43a5ae8cd7d5a6ce03"), MARKER), {"jp2.geo"}),
    "iptc": (_output() + box(b"uuid", bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38"), MARKER), {"iptc"}),
    "credentials": (_output() + box(b"uuid", bytes.fromhex("d8fec3d61b0e483c92975828877ec481"), MARKER), {"c2pa"}),
    "other": (_output() + box(b"uuid", bytes(16), MARKER), {"box.other"}),
    "unknown": (_output() + box(b"xyz1", MARKER), {"box.other"}),
    "manifest": (_output() + box(b"jumb", b"c2pa", MARKER), {"c2pa"}),
    "resolution": (_in_header(_output(), box(b"res ", box(b"resc", bytes(10)))), {"jp2.resolution"}),
    "profile": (_in_header(_output(), box(b"colr", b"\2\0\0", icc_profile())), {"icc"}),
    "in the header": (_in_header(_output(), box(b"xyz1", MARKER)), {"box.other"}),
    "behind the boxes": (_output() + b"abc", {"trailer"}),
    "behind the codestream": (_output(boxed=False) + MARKER, {"trailer"}),
}


@pytest.mark.parametrize("dirt", CARRIED)
def test_what_a_source_carries_is_named_and_refused(dirt: str) -> None:
    data, names = CARRIED[dirt]
    found = set(metadata.inventory(data, "jp2"))
    assert names - {"xmp"} <= found <= names | {"xmp"}
    assert found <= set(metadata.NAMES)
    assert _refuses(data)


def test_exif_and_xmp_are_looked_into() -> None:
    assert "exif.gps" in metadata.inventory(_output() + box(b"uuid", b"JpgTiffExif->JP2", rich_exif()), "jp2")
    xmp = box(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac"), b"<x exif:GPSLatitude='1'/>")
    assert {"xmp", "xmp.gps"} <= set(metadata.inventory(_output() + xmp, "jp2"))


@pytest.mark.parametrize("boxed", [True, False], ids=["boxes", "codestream"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_we_write_passes_and_nothing_beside_it(layout: str, boxed: bool) -> None:
    data = _output(layout, boxed=boxed)
    assert not _refuses(data)
    assert metadata.inventory(data, "jp2") == ()
    for changed in (b"", data[:-1], data + b"\0", data + data, _in_codestream(data, COMMENT)):
        assert _refuses(changed)
    for size in ((63, 48), (64, 47), (48, 64), (0, 0)):
        assert _refuses(data, *size)
    assert _refuses(data, count=2)


def test_only_public_profiles_pass() -> None:
    data, profile = _output(profile="display-p3"), PROFILES["display-p3"]
    assert not _refuses(data)
    assert metadata.inventory(data, "jp2") == ("icc",)
    at = data.index(profile)
    assert _refuses(data[: at + 24] + b"\x07\xe8" + data[at + 26 :])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_bit_of_the_boxes_and_of_the_size_is_looked_at(layout: str) -> None:
    data = _output(layout)
    colors = data.index(b"colr")
    for at in range(data.index(b"\xff\x52")):
        for bit in range(8):
            changed = data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
            assert _refuses(changed), (at, bit, colors)


@pytest.mark.parametrize(
    "segment",
    [
        b"\xff\x53\0\x09\0\0\1\4\4\0\1",
        b"\xff\x55\0\x08\0\x50\0\0\0\0",
        b"\xff\x57\0\x05\0abc"[:7],
        b"\xff\x63\0\6abcd",
        b"\xff\x30",
    ],
    ids=["COC", "TLM", "PLM", "CRG", "marker alone"],
)
def test_another_marker_is_refused(segment: bytes) -> None:
    assert _refuses(_in_codestream(_output(), segment))
    assert _refuses(_in_codestream(_output(boxed=False), segment))


def test_other_ways_of_coding_are_refused() -> None:
    assert not _refuses(_output(boxed=False))
    assert _refuses(saved(PHOTO, "jpeg2000", no_jp2=True))
    assert _refuses(saved(PHOTO, "jpeg2000", no_jp2=True, comment="", tile_size=(32, 32)))
    assert _refuses(saved(PHOTO, "jpeg2000"))


def test_a_hostile_source_is_walked_within_bounds() -> None:
    for data in (b"", _output()[:20], b"\xff\x4f" + b"\xff\x64\0\2" * 30_000, _output()[:12] + box(b"free") * 30_000):
        assert set(metadata.inventory(data, "jp2")) <= set(metadata.NAMES)
