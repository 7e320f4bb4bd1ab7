"""The check of AVIF lets through what we write, and no other byte."""

from __future__ import annotations

import functools
import struct

import numpy as np
import pytest

from anonymizer.errors import ScrubCheckFailed
from anonymizer.image import codec, metadata
from anonymizer.image.profiles import PROFILES
from anonymizer.records import Animation, Frame, Picture, Pixels
from tests.image.codec.heic import box
from tests.image.codec.samples import MARKER, icc_profile, photo

WIDTH, HEIGHT = 64, 48
ALPHA = np.arange(HEIGHT * WIDTH, dtype=np.uint8).reshape(HEIGHT, WIDTH)
KINDS = ("still", "gray", "alpha", "deep", "profile", "sequence", "sequence with alpha")


@functools.cache
def _output(kind: str) -> bytes:
    pixels: Pixels = photo()
    if kind == "gray":
        pictures = Picture("avif", (Frame(pixels[..., 0]),))
    elif kind == "deep":
        pictures = Picture("avif", (Frame(pixels.astype(np.uint16) * np.uint16(257)),))
    elif kind.startswith("sequence"):
        alpha = ALPHA if kind.endswith("alpha") else None
        frames = tuple(Frame(pixels // number, alpha) for number in (1, 2, 3))
        pictures = Picture("avif", frames, animation=Animation((100.0, 100.0, 40.0), 0))
    else:
        alpha = ALPHA if kind == "alpha" else None
        pictures = Picture("avif", (Frame(pixels, alpha),), profile="display-p3" if kind == "profile" else None)
    return codec.encode(pictures).data


def _frames(kind: str) -> int:
    return 3 if kind.startswith("sequence") else 1


def _refuses(data: bytes, kind: str = "still", width: int = WIDTH, height: int = HEIGHT) -> bool:
    try:
        metadata.check(data, "avif", width, height, _frames(kind))
    except ScrubCheckFailed:
        return True
    return False


def _grown(data: bytes, path: tuple[bytes, ...], more: bytes, *, front: bool = False) -> bytes:
    """A box at the end (or the beginning) of the box at the end of a path, all sizes and offsets put right."""
    at, ends = 0, []
    for name in path:
        at = data.index(name, at) - 4
        ends.append(at)
        at += 8
    last = ends[-1]
    place = at if front else last + struct.unpack_from(">I", data, last)[0]
    changed = bytearray(data)
    for start in ends:
        struct.pack_into(">I", changed, start, struct.unpack_from(">I", data, start)[0] + len(more))
    _move(changed, len(more) if place < data.index(b"mdat") else 0)
    return bytes(changed[:place]) + more + bytes(changed[place:])


def _move(data: bytearray, by: int) -> None:
    """Adds to all offsets of coded bytes."""
    at = data.index(b"iloc") + 10
    for number in range(struct.unpack_from(">H", data, at)[0]):
        place = at + 2 + 14 * number + 6
        struct.pack_into(">I", data, place, struct.unpack_from(">I", data, place)[0] + by)
    start = 0
    while (start := data.find(b"stco", start) + 4) > 3:
        struct.pack_into(">I", data, start + 8, struct.unpack_from(">I", data, start + 8)[0] + by)


def _behind(data: bytes, name: bytes, offset: int, payload: bytes) -> bytes:
    """Bytes put over those at an offset behind a box's name."""
    at = data.index(name) + 4 + offset
    assert data[at : at + len(payload)] != payload
    return data[:at] + payload + data[at + len(payload) :]


@pytest.mark.parametrize("kind", KINDS)
def test_what_we_write_passes_and_carries_nothing(kind: str) -> None:
    data = _output(kind)
    assert not _refuses(data, kind)
    assert metadata.inventory(data, "avif") == (("icc",) if kind == "profile" else ())


@pytest.mark.parametrize("kind", KINDS)
def test_another_size_or_number_of_frames_is_refused(kind: str) -> None:
    for size in ((63, 48), (64, 47), (48, 64), (0, 0)):
        assert _refuses(_output(kind), kind, *size)
    for count in {0, 1, 2, 3, 4} - {_frames(kind)}:
        with pytest.raises(ScrubCheckFailed):
            metadata.check(_output(kind), "avif", WIDTH, HEIGHT, count)


@pytest.mark.parametrize("kind", KINDS)
def test_a_byte_more_or_less_is_refused(kind: str) -> None:
    data = _output(kind)
    assert _refuses(data + b"\0", kind)
    assert _refuses(data[:-1], kind)
    assert _refuses(data + data, kind)
    assert _refuses(b"", kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [b"free", b"skip", b"uuid", b"meta", b"mdat", b"Exif", b"xyz1"])
def test_a_box_more_is_refused_wherever_it_stands(kind: str, name: bytes) -> None:
    more = box(name, MARKER)
    data = _output(kind)
    assert _refuses(data + more, kind)
    kind_end = struct.unpack_from(">I", data)[0]
    moved = bytearray(data)
    _move(moved, len(more))
    assert _refuses(bytes(moved[:kind_end]) + more + bytes(moved[kind_end:]), kind)
    paths = [(b"meta",), (b"meta", b"iprp"), (b"meta", b"iprp", b"ipco"), (b"meta", b"iinf"), (b"mdat",)]
    if _frames(kind) > 1:
        trak = (b"moov", b"trak")
        media = (*trak, b"mdia")
        table = (*media, b"minf", b"stbl")
        paths += [(b"moov",), trak, media, (*media, b"minf"), table, (*table, b"stsd"), (*table, b"stsd", b"av01")]
    for path in paths:
        assert _refuses(_grown(data, path, more), kind), path


def test_a_box_moved_nowhere_still_passes() -> None:
    """The tests above refuse the box, not a mistake in how it is put in."""
    for kind in KINDS:
        assert not _refuses(_grown(_output(kind), (b"meta",), b""), kind)


@pytest.mark.parametrize("kind", ["still", "sequence"])
def test_an_item_more_is_refused(kind: str) -> None:
    entry = box(b"infe", b"\2\0\0\0", struct.pack(">HH4s", 2, 0, b"Exif"), b"\0")
    assert _refuses(_grown(_output(kind), (b"meta", b"iinf"), entry), kind)


@pytest.mark.parametrize(
    ("name", "offset", "payload"),
    [
        (b"ftyp", 0, b"heic"),
        (b"ftyp", 4, b"\0\0\0\1"),
        (b"ftyp", 8, b"xxxx"),
        (b"hdlr", 8, b"vide"),
        (b"hdlr", 12, b"\1"),
        (b"hdlr", 24, b"x"),
        (b"pitm", 4, b"\0\2"),
        (b"infe", 8, b"mime"),
        (b"infe", 4, b"\0\2"),
        (b"infe", 12, b"x"),
        (b"ispe", 3, b"\1"),
        (b"ispe", 4, b"\0\0\0\x41"),
        (b"pixi", 5, b"\x0a"),
        (b"av1C", 0, b"\x01"),
        (b"av1C", 3, b"\x10"),
        (b"nclx", 0, b"\0\7"),
        (b"nclx", 2, b"\0\x63"),
        (b"nclx", 4, b"\0\x63"),
        (b"nclx", 6, b"\x81"),
        (b"ipma", 10, b"\1"),
        (b"iloc", 4, b"\x88"),
    ],
)
def test_another_value_is_refused(name: bytes, offset: int, payload: bytes) -> None:
    assert _refuses(_behind(_output("still"), name, offset, payload))


@pytest.mark.parametrize("kind", ["sequence", "sequence with alpha"])
@pytest.mark.parametrize(
    ("name", "offset", "payload"),
    [
        *((name, offset, b"\1") for name in (b"mvhd", b"tkhd", b"mdhd") for offset in (4, 11, 12, 19)),
        (b"mvhd", 3, b"\1"),
        (b"tkhd", 60, b"\1"),
        (b"mdhd", 32, b"\x15\xc7"),
        (b"vmhd", 5, b"\1"),
        (b"url ", 3, b"\0"),
        (b"elst", 3, b"\0"),
        (b"stts", 8, b"\0\0\0\1"),
        (b"stco", 8, b"\0\0\0\1"),
        (b"stss", 8, b"\0\0\0\2"),
        (b"ccst", 4, b"\xff"),
        (b"stsd", 8 + 8 + 42, b"Secret"),
    ],
)
def test_another_value_of_a_film_is_refused(kind: str, name: bytes, offset: int, payload: bytes) -> None:
    assert _refuses(_behind(_output(kind), name, offset, payload), kind)


def test_the_names_of_tracks_are_looked_at() -> None:
    data = _output("sequence with alpha")
    for at in (data.index(b"hdlr"), data.index(b"hdlr", data.index(b"moov")), data.rindex(b"hdlr")):
        assert _refuses(data[: at + 24] + b"Camera" + data[at + 30 :], "sequence with alpha")


def test_only_public_profiles_pass() -> None:
    data, profile = _output("profile"), PROFILES["display-p3"]
    at = data.index(profile)
    assert _refuses(data[: at + 24] + b"\x07\xe8" + data[at + 26 :], "profile")
    assert _refuses(data[:at] + bytes(len(profile)) + data[at + len(profile) :], "profile")
    assert _refuses(_grown(_output("still"), (b"meta", b"iprp", b"ipco"), box(b"colr", b"prof", icc_profile())))


def test_every_bit_before_the_coded_picture_is_looked_at() -> None:
    """Free are: the colour's code points among the allowed, the profile and level in `av1C`."""
    data = _output("alpha")
    free = set(range(data.index(b"nclx") + 4, data.index(b"nclx") + 11))
    for start in (data.index(b"av1C"), data.rindex(b"av1C")):
        free |= {start + 5, start + 6}
    for at in set(range(data.index(b"mdat") + 4)) - free:
        for bit in range(8):
            assert _refuses(data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :], "alpha"), (at, bit)


@pytest.mark.parametrize("kind", ["still", "alpha", "sequence"])
def test_a_gap_in_the_coded_bytes_is_refused(kind: str) -> None:
    data = _output(kind)
    assert _refuses(_grown(data, (b"mdat",), MARKER), kind)
    front = bytearray(_grown(data, (b"mdat",), MARKER, front=True))
    _move(front, len(MARKER))
    assert _refuses(bytes(front), kind)


@pytest.mark.parametrize(
    "unit",
    [b"\x2a\x03\x04ab", b"\x7a\x02ab", b"\x2e\x00\x00", b"\x10", b"\x12\x05"],
    ids=["metadata", "padding", "extension", "no size", "beyond the end"],
)
def test_units_that_make_no_picture_are_refused(unit: bytes) -> None:
    """A unit behind the picture, counted in by the item and by `mdat`."""
    data = bytearray(_grown(_output("still"), (b"mdat",), unit))
    at = data.index(b"iloc") + 4 + 8 + 10
    struct.pack_into(">I", data, at, struct.unpack_from(">I", data, at)[0] + len(unit))
    assert _refuses(bytes(data))
