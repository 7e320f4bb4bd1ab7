"""Panoramas: what viewers need is parsed, bounded and written anew; nothing else of XMP comes along."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer import Anonymizer
from anonymizer.errors import ScrubCheckFailed
from anonymizer.image import metadata
from anonymizer.image.metadata.keep.projection import SIGNATURE, Projection, packet, read_projection
from tests.image.codec.samples import MARKER, orientation_exif, photo, saved, with_segment

FIELDS = {
    "ProjectionType": "equirectangular",
    "FullPanoWidthPixels": "64",
    "FullPanoHeightPixels": "48",
    "CroppedAreaImageWidthPixels": "64",
    "CroppedAreaImageHeightPixels": "40",
    "CroppedAreaLeftPixels": "0",
    "CroppedAreaTopPixels": "8",
    "PoseHeadingDegrees": "271.6",
}
EXPECTED = Projection("equirectangular", (64, 48, 64, 40), (0, 8), (272, None, None))


def _attributes(fields: dict[str, str]) -> bytes:
    said = " ".join(f'GPano:{name}="{value}"' for name, value in fields.items())
    return f'<x:xmpmeta><rdf:Description {said} dc:creator="'.encode() + MARKER + b'"/></x:xmpmeta>'


def _elements(fields: dict[str, str]) -> bytes:
    return "".join(f"<GPano:{name}> {value}\n</GPano:{name}>" for name, value in fields.items()).encode()


def _jpeg(xmp: bytes) -> bytes:
    return with_segment(saved(photo(), "jpeg"), 0xE1, SIGNATURE + xmp)


def _kept(data: bytes, *keep: str):
    return Anonymizer({"detector": {"name": "patch"}, "metadata": {"keep": list(keep)}})(data)


@pytest.mark.parametrize("form", [_attributes, _elements])
def test_the_fields_are_read_and_written_anew(form):
    image = _kept(_jpeg(form(FIELDS)), "projection")
    assert image.metadata_kept == ("projection",)
    assert SIGNATURE + packet(EXPECTED) in image.data
    assert MARKER not in image.data
    metadata.check(image.data, "jpeg", 64, 48, 1, ("projection",))


def test_it_stands_beside_the_other_values():
    image = _kept(_jpeg(_attributes(FIELDS)), "projection", "icc", "orientation", "dpi")
    assert image.metadata_kept == ("icc", "projection")
    assert _kept(image.data, "projection").data == _kept(_jpeg(_attributes(FIELDS)), "projection").data


def test_nothing_is_kept_unless_it_is_asked_for_nor_of_a_picture_that_was_turned():
    assert b"GPano" not in _kept(_jpeg(_attributes(FIELDS)), "icc").data
    turned = with_segment(_jpeg(_attributes(FIELDS)), 0xE1, b"Exif\0\0" + orientation_exif(6))
    assert _kept(turned, "projection").metadata_kept == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ProjectionType", "somebody's house"),
        ("FullPanoWidthPixels", "0"),
        ("FullPanoWidthPixels", "200001"),
        ("FullPanoHeightPixels", "47"),
        ("CroppedAreaLeftPixels", "1"),
        ("CroppedAreaTopPixels", "-1"),
        ("CroppedAreaImageWidthPixels", "1e3"),
        ("CroppedAreaImageWidthPixels", MARKER.decode()),
    ],
)
def test_what_is_implausible_is_not_kept(name, value):
    assert read_projection(_attributes(FIELDS | {name: value})) is None


def test_a_direction_that_is_none_is_left_out():
    found = read_projection(_attributes(FIELDS | {"PoseHeadingDegrees": "400", "PosePitchDegrees": "-12.2"}))
    assert found is not None
    assert found.pose == (None, -12, None)


def test_another_packet_in_its_place_is_refused():
    good = _kept(_jpeg(_attributes(FIELDS)), "projection").data
    for old, new in ((b'"64"', b'"064"'), (b"?><x:", b"?> <x:"), (b"GPano:Use", b"GPano:use"), (b'"272"', b'"272 "')):
        bent = good.replace(old, new)
        at = bent.index(SIGNATURE) - 2
        bent = (
            bent[:at]
            + (int.from_bytes(bent[at : at + 2], "big") + len(bent) - len(good)).to_bytes(2, "big")
            + bent[at + 2 :]
        )
        with pytest.raises(ScrubCheckFailed):
            metadata.check(bent, "jpeg", 64, 48, 1, ("projection",))


@given(st.binary(max_size=300))
def test_any_packet(data):
    read_projection(data)
