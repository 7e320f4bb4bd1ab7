"""Values of EXIF blocks: plausible or absent."""

from __future__ import annotations

import struct
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymizer.image.metadata.keep.exif import ExifValues, exif_block, read_exif
from tests.image.metadata.exif_blocks import Angle, block

FULL = ExifValues(1, 2019, (-338, 1512), (72, 72))


@given(
    st.builds(
        ExifValues,
        orientation=st.sampled_from([None, 1]),
        capture_year=st.none() | st.integers(1826, 2100),
        position=st.none() | st.tuples(st.integers(-900, 900), st.integers(-1800, 1800)),
        dpi=st.none() | st.tuples(st.integers(1, 65535), st.integers(1, 65535)),
    )
)
@settings(deadline=None)
def test_a_block_of_ours_says_what_it_was_made_of(values):
    written = exif_block(values)
    assert read_exif(written) == values
    assert (written == b"") == (values == ExifValues())
    assert len(written) < 400


@pytest.mark.parametrize(
    ("text", "year"),
    [
        (b"2016:07:08 09:10:11\0", 2016),
        (b"1826:  :     :  :  \0", 1826),
        (b"2100-01-01T00:00:00\0", 2100),
        (b"2019:  :     :  :  \0", 2019),
        (b"1825:07:08 09:10:11\0", None),
        (b"2101:07:08 09:10:11\0", None),
        (b"0000:00:00 00:00:00\0", None),
        (b"    :  :     :  :  \0", None),
        (b"20167:07:08\0", None),
        (b"last year\0", None),
        (b"", None),
    ],
)
def test_years(text, year):
    assert read_exif(block(year=text)).capture_year == year


@pytest.mark.parametrize(
    ("latitude", "north", "longitude", "east", "position"),
    [
        ((0, 0, 0), b"N", (0, 0, 0), b"E", (0, 0)),
        ((0, 0, 0), b"S", (0, 0, 0), b"W", (0, 0)),
        ((52, 31, 12.5), b"N", (13, 24, 36), b"E", (525, 134)),
        ((52.52, 0, 0), b"s", (13.4, 0, 0), b"w", (-525, -134)),
        ((90, 0, 0), b"N", (180, 0, 0), b"W", (900, -1800)),
        ((90, 1, 0), b"N", (13, 0, 0), b"E", None),
        ((52, 0, 0), b"N", (181, 0, 0), b"E", None),
        ((52, 0, 0), b"X", (13, 0, 0), b"E", None),
        ((52, 0, 0), b"\0", (13, 0, 0), b"E", None),
    ],
)
def test_positions(latitude: Angle, north, longitude: Angle, east, position):
    assert read_exif(block(">", gps=(latitude, north, longitude, east))).position == position


@pytest.mark.parametrize(
    ("resolution", "dpi"),
    [
        ((300, 300, 2), (300, 300)),
        ((72.009, 71.99, 2), (72, 72)),
        ((100, 50, 3), (254, 127)),
        ((300, 300, 1), None),
        ((300, 300, 9), None),
        ((0, 300, 2), None),
        ((300, 0.4, 2), None),
        ((65536, 300, 2), None),
    ],
)
def test_resolutions(resolution, dpi):
    assert read_exif(block(resolution=resolution)).dpi == dpi


@pytest.mark.parametrize(("stored", "read"), [(0, None), (1, 1), (8, 8), (9, None), (65535, None)])
def test_orientations(stored, read):
    assert read_exif(block(orientation=stored)).orientation == read


def test_a_denominator_of_nothing_is_no_number():
    data = bytearray(exif_block(FULL))
    at = data.index(struct.pack("<II", 72, 1))
    struct.pack_into("<I", data, at + 4, 0)
    assert read_exif(bytes(data)) == ExifValues(1, 2019, (-338, 1512), None)


@pytest.mark.parametrize("size", range(0, 200, 7))
def test_a_block_cut_short_gives_what_is_there(size):
    found = read_exif(exif_block(FULL)[:size])
    for name in ("orientation", "capture_year", "position", "dpi"):
        assert getattr(found, name) in (None, getattr(FULL, name))


def test_a_directory_that_is_its_own_is_read_once():
    data = bytearray(exif_block(FULL))
    at = data.index(struct.pack("<HHI", 0x8769, 4, 1))
    struct.pack_into("<I", data, at + 8, 8)
    assert read_exif(bytes(data)).capture_year is None


def calls_for(entries: int) -> int:
    """How many functions are called to read so many directories that are one and the same."""
    data = b"II*\0\x08\0\0\0" + struct.pack("<H", entries) + struct.pack("<HHII", 0x8769, 4, 1, 8) * entries
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        found = read_exif(data)
    finally:
        sys.setprofile(before)
    assert found == ExifValues()
    return calls


def test_many_entries_are_no_more_work_than_they_are_many():
    assert calls_for(65535) < 10 * 65535
