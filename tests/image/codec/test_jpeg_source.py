"""What is read of a JPEG, and what is left behind."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from anonymizer.errors import DecodeError, UnsupportedFormat
from anonymizer.image import codec
from anonymizer.image.codec.jpeg import source as jpeg_source
from anonymizer.image.codec.jpeg.layout import Component, Layout, Model
from tests.image.codec.samples import CONFIG, MARKER, photo, saved, segment, with_segment

PLAIN = saved(photo(), "jpeg", subsampling=2)
PROGRESSIVE = saved(photo(), "jpeg", progressive=True)
RGB = saved(photo(), "jpeg", keep_rgb=True)
INK = saved(Image.fromarray(photo()).convert("CMYK"), "jpeg")
WITHOUT_JFIF = PLAIN[:2] + PLAIN[20:]


def _adobe(transform: int) -> bytes:
    return segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([transform]))


def _scans(data: bytes) -> list[int]:
    return [at for at in range(len(data) - 1) if data[at : at + 2] == b"\xff\xda"]


@pytest.mark.parametrize(
    ("data", "model"),
    [
        (saved(photo()[..., 0], "jpeg"), "gray"),
        (PLAIN, "ycbcr"),
        (WITHOUT_JFIF, "ycbcr"),
        (PLAIN[:20] + _adobe(0) + PLAIN[20:], "ycbcr"),
        (WITHOUT_JFIF[:2] + _adobe(0) + WITHOUT_JFIF[2:], "rgb"),
        (WITHOUT_JFIF[:2] + _adobe(1) + WITHOUT_JFIF[2:], "ycbcr"),
        (RGB, "rgb"),
        (RGB[:2] + RGB[18:], "rgb"),
        (INK, "cmyk"),
        (INK[:2] + INK[18:], "cmyk"),
        (INK.replace(b"Adobe\0\x64\0\0\0\0\0", b"Adobe\0\x64\0\0\0\0\2"), "ycck"),
    ],
)
def test_how_colours_are_coded(data: bytes, model: Model) -> None:
    """By libjpeg's rules; what is kept says the same to every decoder."""
    assert jpeg_source.read(data).layout.model == model
    assert jpeg_source.read(jpeg_source.read(data).bare).layout.model == model


def test_tables_are_in_the_order_of_rows() -> None:
    layout = jpeg_source.read(PLAIN).layout
    # Pillow undoes the zigzag, too.
    with Image.open(BytesIO(PLAIN)) as image:
        assert list(layout.components[0].table) == image.quantization[0]  # type: ignore[attr-defined]
    assert [(part.horizontal, part.vertical) for part in layout.components] == [(2, 2), (1, 1), (1, 1)]


def test_the_first_scan_settles_the_table() -> None:
    at = _scans(PLAIN)[0]
    later = PLAIN[:at] + segment(0xDB, b"\0" + bytes(range(1, 65))) + PLAIN[at:]
    assert jpeg_source.read(later).layout.components[0].table[:3] == (1, 2, 6)
    assert jpeg_source.read(PLAIN[:-2] + segment(0xDB, b"\0" + b"\7" * 64) + b"\xff\xd9").layout == (
        jpeg_source.read(PLAIN).layout
    )


@pytest.mark.parametrize("table", [b"", b"\0", b"\0" * 64, b"\x20" * 200, b"\x10" + b"\1" * 127])
def test_a_table_that_is_cut_off_is_none(table: bytes) -> None:
    assert jpeg_source._quantization_tables(table) == {}


def test_progressive_pictures_are_complete_with_their_last_scan() -> None:
    assert jpeg_source.read(PROGRESSIVE).complete
    *_, last = _scans(PROGRESSIVE)
    assert not jpeg_source.read(PROGRESSIVE[:last] + b"\xff\xd9").complete
    again = jpeg_source.read(PROGRESSIVE[:-2] + PROGRESSIVE[last:])
    assert again == jpeg_source.read(PROGRESSIVE)
    second = _scans(PROGRESSIVE)[1]
    disorderly = PROGRESSIVE[:second] + PROGRESSIVE[_scans(PROGRESSIVE)[0] : second] + PROGRESSIVE[second:]
    assert not jpeg_source.read(disorderly).complete


@pytest.mark.parametrize("behind", [b"", b"\xff", b"\xff\xff\xff", b"\xff\xc0\0\x05x", b"\xff\xd8\xff\xd9"])
def test_whatever_comes_instead_of_the_end(behind: bytes) -> None:
    """It is known, and what is read on is the same closed file."""
    source = jpeg_source.read(PLAIN[:-2] + behind)
    assert not source.ended
    assert source.bare == jpeg_source.read(PLAIN).bare
    assert jpeg_source.read(PLAIN).ended


def test_a_first_scan_without_a_byte_is_no_picture() -> None:
    with pytest.raises(DecodeError):
        jpeg_source.read(PLAIN[: _scans(PLAIN)[0] + 14])


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"\xff\xd8", DecodeError),
        (b"\xff\xd8\xff\xd9", DecodeError),
        (PLAIN[: _scans(PLAIN)[0]] + b"\xff\xd9", DecodeError),
        (PLAIN[:20] + PLAIN[_scans(PLAIN)[0] :], DecodeError),
        (with_segment(PLAIN, 0xC0, PLAIN[PLAIN.index(b"\xff\xc0") + 4 :][:15]), DecodeError),
        (PLAIN.replace(b"\xff\xda\0\x0c\3\1\0", b"\xff\xda\0\x0c\3\7\0"), DecodeError),
        (PLAIN.replace(b"\xff\xda\0\x0c\3", b"\xff\xda\0\x0c\5"), DecodeError),
        (PLAIN.replace(b"\xff\xda\0\x0c\3", b"\xff\xda\0\x0c\0"), DecodeError),
        (with_segment(PLAIN, 0xC7, b""), UnsupportedFormat),
    ],
)
def test_refused(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        jpeg_source.read(data)


def test_only_the_picture_is_kept() -> None:
    dirty = with_segment(with_segment(PLAIN, 0xFE, MARKER), 0xE1, b"Exif\0\0" + MARKER)
    dirty = dirty[:-2] + MARKER + segment(0xE5, MARKER) + b"\xff\xd9" + MARKER
    source = jpeg_source.read(dirty)
    # Bytes right behind a scan cannot be told from it; the library warns of them.
    assert source.bare.count(MARKER) == 1
    assert source.exif == b"Exif\0\0" + MARKER
    assert jpeg_source.read(with_segment(PLAIN, 0xFE, MARKER)).bare == jpeg_source.read(PLAIN).bare


def _layout(width: int, height: int, factors: list[tuple[int, int]], step: int = 1) -> Layout:
    parts = tuple(Component(across, down, (step,) * 64) for across, down in factors)
    return Layout(width, height, parts, "ycbcr", False, False)


@pytest.mark.parametrize(
    ("factors", "grid"),
    [
        ([(1, 1)] * 3, (8, 8, 0)),
        ([(2, 2)] * 3, (16, 16, 0)),
        ([(2, 1), (1, 1), (1, 1)], (16, 8, 2)),
        ([(1, 2), (1, 1), (1, 1)], (8, 16, 2)),
        ([(2, 2), (1, 1), (1, 1)], (16, 16, 2)),
        ([(4, 1), (1, 1), (1, 1)], (32, 8, 4)),
        ([(1, 1), (2, 2), (1, 1)], (16, 16, 2)),
    ],
)
def test_the_grid_of_each_subsampling(factors: list[tuple[int, int]], grid: tuple[int, int, int]) -> None:
    found = _layout(100, 100, factors).grid
    assert (found.width, found.height, found.reach) == grid


def test_layouts_that_cannot_be_kept() -> None:
    assert _layout(8, 8, [(2, 2), (1, 1), (1, 1)]).regular
    assert not _layout(8, 8, [(3, 1), (2, 1), (1, 1)]).regular
    assert not _layout(8, 8, [(1, 1)] * 3, step=0).regular
    assert not Layout(8, 8, (Component(1, 1, ()),), "gray", False, False).regular


def test_a_layout_turns_with_its_picture() -> None:
    table = tuple(range(64))
    layout = Layout(20, 10, (Component(4, 1, table), Component(1, 1, ())), "ycbcr", False, False)
    assert layout.turned(3) == layout
    turned = layout.turned(6)
    assert (turned.width, turned.height) == (10, 20)
    assert (turned.components[0].horizontal, turned.components[0].vertical) == (1, 4)
    np.testing.assert_array_equal(np.reshape(turned.components[0].table, (8, 8)), np.reshape(table, (8, 8)).T)
    assert turned.turned(6) == layout


@pytest.mark.parametrize("damage", [0x01, 0x02, 0x73, 0xBF])
def test_damage_that_looks_like_a_marker_ends_nothing_that_has_restart_markers(damage: int) -> None:
    """As in libjpeg, and so in every viewer: the picture goes on behind the next restart marker."""
    data = bytearray(saved(photo(64, 64), "jpeg", quality=95, subsampling=0, restart_marker_rows=1))
    (scan,) = _scans(bytes(data))
    at = data.index(b"\xff\xd1", scan) + 20
    assert 0xFF not in data[at - 1 : at + 3]
    data[at : at + 2] = bytes((0xFF, damage))
    with Image.open(BytesIO(data)) as image:
        seen = np.asarray(image)
    assert seen[-8:].std() > 10
    np.testing.assert_array_equal(codec.decode(bytes(data), CONFIG).frames[0].pixels, seen)
