"""JPEG's walker: what may stand in an output, and the scans that a picture needs."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image

from anonymizer.errors import ScrubCheckFailed
from anonymizer.image import metadata
from anonymizer.image.metadata.jpeg.scans import Scans
from anonymizer.image.profiles import PROFILES
from tests.image.codec.samples import encoded, photo, saved, segment, with_segment

ADOBE = b"Adobe\0\x64\0\0\0\0"
INK = saved(Image.fromarray(photo()).convert("CMYK"), "jpeg")
RGB = saved(photo(), "jpeg", keep_rgb=True)
PROGRESSIVE = saved(photo(), "jpeg", progressive=True)
PLAIN = encoded("jpeg")
ICC = b"ICC_PROFILE\0\1\1"


def _passes(data: bytes, frame_count: int = 1) -> bool:
    try:
        metadata.check(data, "jpeg", 64, 48, frame_count)
    except ScrubCheckFailed:
        return False
    return True


def _scans(data: bytes) -> list[bytes]:
    """The file cut up before its tables of the first scan: the opening, each scan with its tables, EOI."""
    at = [i for i in range(len(data) - 1) if data[i : i + 2] == b"\xff\xda"]
    return [data[start:end] for start, end in zip([0, *at], [*at, len(data)], strict=True)]


def _with_16_bit_table(data: bytes, frame: bytes) -> bytes:
    gray = saved(photo()[..., 0], "jpeg")
    at = gray.index(b"\xff\xdb")
    return (gray[:at] + segment(0xDB, struct.pack(">B64H", 0x10, *range(200, 264))) + gray[at + 69 :]).replace(
        b"\xff\xc0\0", frame + b"\0"
    )


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("data", [PLAIN, RGB, PROGRESSIVE], ids=["plain", "rgb", "progressive"])
def test_a_public_profile_passes_and_no_other(name: str, data: bytes) -> None:
    opening = 20 if data is not RGB else 18

    def with_profile(payload: bytes, times: int = 1) -> bytes:
        return data[:opening] + segment(0xE2, payload) * times + data[opening:]

    profile = PROFILES[name]
    assert _passes(with_profile(ICC + profile))
    assert metadata.inventory(with_profile(ICC + profile), "jpeg") == ()
    assert not _passes(with_profile(ICC + profile, times=2))
    assert not _passes(with_profile(ICC + profile + b"\0"))
    assert not _passes(with_profile(ICC + profile[:-1]))
    assert not _passes(with_profile(ICC + profile[:30] + b"\1" + profile[31:]))
    assert not _passes(with_profile(b"ICC_PROFILE\0\1\2" + profile))
    assert metadata.inventory(with_profile(ICC + profile + b"\0"), "jpeg") == ("icc",)


def test_a_profile_has_its_place() -> None:
    part = segment(0xE2, ICC + PROFILES["display-p3"])
    at = PLAIN.index(b"\xff\xdb")
    assert _passes(PLAIN[:at] + part + PLAIN[at:])
    assert not _passes(PLAIN[:2] + part + PLAIN[2:])
    behind = PLAIN.index(b"\xff\xc0")
    assert not _passes(PLAIN[:behind] + part + PLAIN[behind:])


OPENINGS = {
    "ink": (INK, True),
    "ink without a word": (INK[:2] + INK[18:], True),
    "ink of another transform": (INK.replace(ADOBE + b"\0", ADOBE + b"\2"), False),
    "ink with flags": (INK.replace(ADOBE, b"Adobe\0\x64\0\1\0\0"), False),
    "ink with JFIF": (INK[:2] + PLAIN[2:20] + INK[18:], False),
    "ink with both": (INK[:18] + PLAIN[2:20] + INK[18:], False),
    "ink with more": (INK.replace(b"\xff\xee\0\x0eAdobe", b"\xff\xee\0\x0fAdobe").replace(ADOBE, ADOBE + b"\0"), False),
    "ink by other names": (INK.replace(b"C\x11\0M\x11\0Y\x11\0K", b"C\x11\0M\x11\0Y\x11\0X"), False),
    "luma, chroma and black": (
        INK.replace(ADOBE + b"\0", ADOBE + b"\2")
        .replace(b"C\x11\0M\x11\0Y\x11\0K", b"\1\x11\0\2\x11\0\3\x11\0\4")
        .replace(b"\4C\0M\0Y\0K\0", b"\4\1\0\2\0\3\0\4\0"),
        True,
    ),
    "rgb": (RGB, True),
    "rgb with JFIF": (RGB[:2] + PLAIN[2:20] + RGB[18:], False),
    "rgb without a word": (RGB[:2] + RGB[18:], False),
    "luma and chroma with Adobe": (PLAIN[:2] + RGB[2:18] + PLAIN[20:], False),
}


@pytest.mark.parametrize("case", OPENINGS)
def test_the_colour_marker_belongs_to_the_components(case: str) -> None:
    data, passes = OPENINGS[case]
    assert _passes(data) is passes


def test_our_adobe_segment_is_not_named_and_others_are() -> None:
    assert metadata.inventory(INK, "jpeg") == ()
    assert metadata.inventory(with_segment(PLAIN, 0xEE, ADOBE + b"\1"), "jpeg") == ("app.adobe",)
    assert metadata.inventory(with_segment(PLAIN, 0xEE, ADOBE + b"\0x"), "jpeg") == ("app.adobe",)


def test_steps_of_16_bits_are_not_baseline() -> None:
    assert _passes(_with_16_bit_table(PLAIN, b"\xff\xc1"))
    assert not _passes(_with_16_bit_table(PLAIN, b"\xff\xc0"))


def test_a_quantization_table_that_nothing_uses_is_refused() -> None:
    at = PLAIN.index(b"\xff\xdb")
    assert not _passes(PLAIN[:at] + segment(0xDB, b"\3" + bytes(range(1, 65))) + PLAIN[at:])
    assert not _passes(PLAIN[:at] + PLAIN[at : at + 69] + PLAIN[at:])


def test_more_than_one_frame_is_refused() -> None:
    assert _passes(PLAIN)
    assert not _passes(PLAIN, 2)
    assert not _passes(PLAIN, 0)


def test_each_scan_is_needed_and_none_is_missing() -> None:
    opening, *scans = _scans(PROGRESSIVE)
    assert len(scans) > 5
    assert _passes(PROGRESSIVE)
    for number, scan in enumerate(scans[:-1]):
        rest = b"".join(scans[number + 1 :])
        missing = opening + b"".join(scans[:number]) + rest
        assert not _passes(missing), number
        twice = opening + b"".join(scans[:number]) + scan + scan + rest
        assert not _passes(twice), number
        assert "scan.surplus" in metadata.inventory(twice, "jpeg")
    plain_opening, scan = _scans(PLAIN)
    assert not _passes(plain_opening + scan[:-2] + scan)
    assert metadata.inventory(plain_opening + scan[:-2] + scan, "jpeg") == ("scan.surplus",)
    assert metadata.inventory(PROGRESSIVE, "jpeg") == ()


@pytest.mark.parametrize(
    ("scans", "complete"),
    [
        ([(b"\1\2", 0, 63, 0)], True),
        ([(b"\1", 0, 63, 0), (b"\2", 0, 63, 0)], True),
        ([(b"\1", 0, 63, 0)], False),
        ([(b"\1", 0, 63, 0), (b"\1\2", 0, 63, 0)], None),
        ([(b"\1\2", 0, 5, 0)], None),
        ([(b"\1\2", 0, 63, 1)], None),
        ([(b"\1\3", 0, 63, 0)], None),
        ([(b"", 0, 63, 0)], None),
    ],
)
def test_sequential_scans(scans: list[tuple[bytes, int, int, int]], complete: bool | None) -> None:
    _follow(Scans(b"\1\2", False), scans, complete)


@pytest.mark.parametrize(
    ("scans", "complete"),
    [
        ([(b"\1", 0, 0, 0), (b"\1", 1, 63, 0)], True),
        ([(b"\1", 0, 0, 1), (b"\1", 0, 0, 0x10), (b"\1", 1, 63, 0)], True),
        ([(b"\1", 0, 0, 1), (b"\1", 1, 63, 0)], False),
        ([(b"\1", 0, 0, 0), (b"\1", 1, 40, 0)], False),
        ([(b"\1", 0, 5, 0)], None),
        ([(b"\1", 0, 0, 0x10)], None),
        ([(b"\1", 0, 0, 2), (b"\1", 0, 0, 0x20)], None),
        ([(b"\1", 0, 0, 0), (b"\1", 0, 0, 0)], None),
        ([(b"\1", 0, 0, 0), (b"\1", 5, 1, 0)], None),
        ([(b"\1", 0, 0, 0), (b"\1", 1, 64, 0)], None),
        ([(b"\1", 0, 0, 0), (b"\1", 1, 10, 14)], None),
    ],
)
def test_progressive_scans(scans: list[tuple[bytes, int, int, int]], complete: bool | None) -> None:
    _follow(Scans(b"\1", True), scans, complete)


def _follow(state: Scans, scans: list[tuple[bytes, int, int, int]], complete: bool | None) -> None:
    """`complete` None: the last scan is refused."""
    needed = []
    for names, first, last, bits in scans:
        selectors = b"".join(bytes((name, 0)) for name in names)
        needed.append(state.needs(bytes([len(names)]) + selectors + bytes((first, last, bits))))
    assert all(needed[:-1])
    assert needed[-1] is (complete is not None)
    if complete is not None:
        assert state.complete is complete


def test_no_end_of_scans_is_followed() -> None:
    header = np.array([1, 1, 0, 0, 63, 0], np.uint8).tobytes()
    state = Scans(b"\1", False)
    assert [state.needs(header) for _ in range(300)].count(True) == 1
