from __future__ import annotations

import struct

import pytest

from anonymizer.image import metadata
from tests.image.codec.samples import (
    FORMATS,
    PLANTED,
    chunk,
    encoded,
    exif,
    photo,
    rich_exif,
    saved,
    with_chunk,
    with_riff_chunk,
    with_segment,
)


def _of_exif(block: bytes) -> set[str]:
    return set(metadata.inventory(with_chunk(encoded("png"), b"eXIf", block), "png"))


@pytest.mark.parametrize("format_name", [*FORMATS, "gif", ""])
def test_of_nothing(format_name: str) -> None:
    assert set(metadata.inventory(b"", format_name)) <= {"unreadable"}


@pytest.mark.parametrize("format_name", FORMATS)
def test_of_a_clean_file(format_name: str) -> None:
    assert metadata.inventory(encoded(format_name), format_name) == ()


def test_names_are_sorted_and_of_the_vocabulary() -> None:
    for format_name, make, _ in PLANTED.values():
        names = metadata.inventory(make(), format_name)
        assert list(names) == sorted(set(names))
        assert set(names) <= set(metadata.NAMES)
    assert list(metadata.NAMES) == sorted(metadata.NAMES)


@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_of_both_byte_orders(order: str) -> None:
    block = exif({0x0112: (3, 1, struct.pack(order + "H2x", 6)), 0x8825: (4, 1, bytes(4))}, order=order)
    assert _of_exif(block) == {"exif", "exif.orientation", "exif.gps"}


def test_exif_directory_below_the_first() -> None:
    below = struct.pack("<HHHI4s", 1, 0xA431, 2, 4, b"4711") + bytes(4)
    block = struct.pack("<2sHIHHHIII", b"II", 42, 8, 1, 0x8769, 4, 1, 26, 0) + below
    assert _of_exif(block) == {"exif", "exif.serial"}


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"II",
        b"XX*\0\x08\0\0\0",
        b"II*\0\xff\xff\xff\xff",
        struct.pack("<2sHIH", b"II", 42, 8, 65535),
        # The next directory and the EXIF directory are this one again.
        struct.pack("<2sHIHHHIII", b"II", 42, 8, 1, 0x8769, 4, 1, 8, 8),
    ],
    ids=["empty", "two bytes", "no order", "beyond the end", "entries without end", "loop"],
)
def test_broken_exif_is_still_exif(block: bytes) -> None:
    assert _of_exif(block) == {"exif"}


def test_exif_of_many_entries_takes_no_time() -> None:
    entries = b"".join(struct.pack("<HHII", 0x8769, 4, 1, 8 + 4 * n) for n in range(5_000))
    block = struct.pack("<2sHIH", b"II", 42, 8, 5_000) + entries
    assert _of_exif(block) >= {"exif"}


def test_a_file_that_ends_early_says_so() -> None:
    assert metadata.inventory(encoded("jpeg")[:-2], "jpeg") == ("unreadable",)
    assert metadata.inventory(encoded("png")[:-12], "png") == ("unreadable",)
    assert metadata.inventory(encoded("webp")[:-4], "webp") == ("unreadable",)
    assert metadata.inventory(b"BM", "bmp") == ("unreadable",)


def test_what_comes_before_the_early_end_is_named() -> None:
    dirty = with_segment(encoded("jpeg"), 0xE1, b"Exif\0\0" + rich_exif())
    assert {"exif.gps", "unreadable"} <= set(metadata.inventory(dirty[:-2], "jpeg"))


def test_metadata_between_scans_is_seen() -> None:
    data = saved(photo(), "jpeg", progressive=True)
    at = data.rindex(b"\xff\xda")
    assert "comment" in metadata.inventory(data[:at] + b"\xff\xfe\0\x06text" + data[at:], "jpeg")


def test_metadata_behind_the_pixels_is_seen() -> None:
    data = encoded("png")
    assert metadata.inventory(data[:-12] + chunk(b"tEXt", b"a\0b") + data[-12:], "png") == ("png.text",)
    assert metadata.inventory(with_riff_chunk(encoded("webp"), b"EXIF", b""), "webp") == ("exif",)


def test_a_profile_inside_a_bmp() -> None:
    plain = encoded("bmp")
    header = bytearray(124)
    header[:40] = plain[14:54]
    profile_at = 124 + len(plain) - 54
    struct.pack_into("<I", header, 0, 124)
    header[56:60] = b"DEBM"
    struct.pack_into("<II", header, 112, profile_at, 7)
    data = struct.pack("<2sIHHI", b"BM", 0, 0, 0, 138) + bytes(header) + plain[54:] + b"profile"
    assert metadata.inventory(data, "bmp") == ("icc",)
    assert metadata.inventory(data + b"more", "bmp") == ("icc", "trailer")


def test_many_parts_are_not_walked_without_end() -> None:
    assert "unreadable" in metadata.inventory(b"\xff\xd8" + b"\xff\xe7\0\2" * 30_000, "jpeg")
    assert "unreadable" in metadata.inventory(b"\xff\xd8" + b"\xff" * 3_000_000, "jpeg")
