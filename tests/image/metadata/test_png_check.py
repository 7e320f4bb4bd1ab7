"""PNG: the check lets through what we write, and no other byte; the inventory survives anything."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymizer.config import CodecConfig
from anonymizer.errors import ObjectError, ScrubCheckFailed
from anonymizer.image import codec, metadata
from anonymizer.image.profiles import PROFILES
from anonymizer.records import Animation, Frame, Picture, Samples
from tests.image.codec.samples import CONFIG, MARKER, chunk, encoded, photo, png_of, with_chunk

SIGNATURE = b"\x89PNG\r\n\x1a\n"
FOLDER = Path(__file__).parents[3].parent / "shared" / "data" / "meta"
END = chunk(b"IEND", b"")


def _refuses(data: bytes, frame_count: int = 1, width: int = 8, height: int = 4) -> bool:
    try:
        metadata.check(data, "png", width, height, frame_count)
    except ScrubCheckFailed:
        return True
    return False


def _film() -> bytes:
    frames = tuple(Frame(np.roll(photo(4, 8), shift, axis=1)) for shift in range(3))
    return codec.encode(Picture("png", frames, animation=Animation((40.0, 50.0, 60.0), 0))).data


def _parts(data: bytes) -> list[tuple[bytes, bytes]]:
    at, parts = len(SIGNATURE), []
    while at < len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        parts.append((name, data[at + 8 : at + 8 + size]))
        at += 12 + size
    return parts


def _joined(parts: Sequence[tuple[bytes, bytes]]) -> bytes:
    return SIGNATURE + b"".join(chunk(name, payload) for name, payload in parts)


def _indexed(
    palette: bytes, rows: bytes = bytes((0b00011011, 0b00011011)) * 4, depth: int = 2, *others: bytes
) -> bytes:
    return png_of(8, 4, depth, 3, rows, chunk(b"PLTE", palette), *others)


ENTRIES = bytes((1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9))


def test_a_palette_as_we_write_it_passes() -> None:
    assert not _refuses(_indexed(ENTRIES))


@pytest.mark.parametrize(
    ("palette", "alphas"),
    [
        (ENTRIES + bytes((10, 10, 10)), None),
        (ENTRIES[:9], None),
        (ENTRIES[:11], None),
        (b"", None),
        (ENTRIES[3:] + ENTRIES[:3], None),
        (ENTRIES[:3] * 2 + ENTRIES[6:], None),
        (ENTRIES, b""),
        (ENTRIES, b"\x80\xff"),
        (ENTRIES, b"\0"),
        (ENTRIES, b"\x80\x70"),
        (ENTRIES, b"\1\2\3\4\5"),
        (bytes(6) + ENTRIES[6:], b"\0\0"),
    ],
    ids=[
        "unused entry", "index beyond it", "cut entry", "empty", "unsorted", "twice", "empty alpha", "opaque alpha",
        "color under alpha 0", "alpha unsorted", "more alphas than colors", "invisible twice",
    ],
)  # fmt: skip
def test_palettes_that_we_do_not_write(palette: bytes, alphas: bytes | None) -> None:
    rows = bytes((0b00011011, 0b00011011)) * 4
    others = () if alphas is None else (chunk(b"tRNS", alphas),)
    assert _refuses(_indexed(palette, rows, 2, *others))


def test_an_alpha_before_the_palette_and_alone_is_refused() -> None:
    rows = bytes((0b00011011, 0b00011011)) * 4
    key = chunk(b"tRNS", b"\x80")
    assert not _refuses(_indexed(ENTRIES, rows, 2, key))
    assert _refuses(png_of(8, 4, 2, 3, rows, key, chunk(b"PLTE", ENTRIES)))
    assert _refuses(png_of(8, 4, 2, 3, rows, key))
    assert _refuses(_indexed(ENTRIES, rows, 2, key, key))
    assert _refuses(_indexed(ENTRIES, bytes(range(4)) * 8, 8))


def test_filters_where_we_use_none_unknown_ones_and_bits_behind_a_row() -> None:
    header = struct.pack(">IIBBBBB", 5, 2, 1, 0, 0, 0, 0)

    def gray(*rows: bytes) -> bytes:
        return _joined([(b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b"")])

    assert not _refuses(gray(b"\0\xf8", b"\0\x08"), 1, 5, 2)
    assert _refuses(gray(b"\0\xfc", b"\0\x08"), 1, 5, 2)
    assert _refuses(gray(b"\0\xf8", b"\0\x01"), 1, 5, 2)
    assert _refuses(gray(b"\0\xf8", b"\2\x08"), 1, 5, 2)
    wide = struct.pack(">IIBBBBB", 5, 2, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\4" + bytes(5) + b"\5" + bytes(5))
    assert _refuses(_joined([(b"IHDR", wide), (b"IDAT", rows), (b"IEND", b"")]), 1, 5, 2)


@pytest.mark.parametrize(
    ("depth", "color_type"), [(1, 2), (4, 2), (16, 3), (1, 4), (4, 6), (3, 0), (32, 0), (8, 1), (8, 5), (8, 7)]
)
def test_layouts_that_do_not_exist(depth: int, color_type: int) -> None:
    assert _refuses(png_of(8, 4, depth, color_type, bytes(4 * 8 * 8)))


def _profiled(name: bytes, profile: bytes, pixels: int = 2, extra: bytes = b"") -> bytes:
    payload = name + b"\0\0" + zlib.compress(profile, 9) + extra
    return png_of(8, 4, 8, pixels, bytes(96 if pixels == 2 else 32), chunk(b"iCCP", payload))


def test_profiles() -> None:
    ours = PROFILES["display-p3"]
    assert not _refuses(_profiled(b"ICC profile", ours))
    assert not _refuses(_profiled(b"ICC profile", PROFILES["gray-gamma22"], 0))
    for data in (
        _profiled(b"Somebody", ours),
        _profiled(b"ICC profile", ours + b"\0"),
        _profiled(b"ICC profile", ours[:-1]),
        _profiled(b"ICC profile", ours[:60] + MARKER + ours[78:]),
        _profiled(b"ICC profile", ours, 2, MARKER),
        _profiled(b"ICC profile", PROFILES["gray-gamma22"]),
        _profiled(b"ICC profile", ours, 0),
        _profiled(b"ICC profile", bytes(10_000_000)),
        with_chunk(_profiled(b"ICC profile", ours), b"iCCP", b"ICC profile\0\0" + zlib.compress(ours, 9)),
        with_chunk(encoded("png", photo(4, 8)), b"iCCP", b"ICC profile\0\0no stream"),
    ):
        assert _refuses(data)


def _film_dirt() -> dict[str, bytes]:
    parts = _parts(_film())
    names = [name for name, _ in parts]
    control = names.index(b"fcTL", 4)
    still = (b"IDAT", parts[names.index(b"IDAT")][1])

    def with_control(**changes: int) -> bytes:
        fields = dict(
            zip(
                ("number", "width", "height", "x", "y", "num", "den", "disposal", "blend"),
                struct.unpack(">IIIIIHHBB", parts[control][1]),
                strict=True,
            )
        )
        changed = struct.pack(">IIIIIHHBB", *(fields | changes).values())
        return _joined([*parts[:control], (b"fcTL", changed), *parts[control + 1 :]])

    return {
        "another number announced": _joined([*parts[:1], (b"acTL", struct.pack(">II", 4, 0)), *parts[2:]]),
        "plays beyond 31 bits": _joined([*parts[:1], (b"acTL", struct.pack(">II", 3, 2**31)), *parts[2:]]),
        "longer header": _joined([*parts[:1], (b"acTL", parts[1][1] + MARKER), *parts[2:]]),
        "no header": _joined([*parts[:1], *parts[2:]]),
        "header twice": _joined([*parts[:2], *parts[1:]]),
        "default picture": _joined([*parts[:2], still, *parts[2:]]),
        "picture later": _joined([*parts[:-1], still, parts[-1]]),
        "text between": _joined([*parts[:control], (b"tEXt", MARKER), *parts[control:]]),
        "frame lost": _joined([*parts[:-3], parts[-1]]),
        "frame more": _joined([*parts[:-1], *parts[-3:]]),
        "control without data": _joined([*parts[:-2], parts[-1]]),
        "longer control": _joined([*parts[:control], (b"fcTL", parts[control][1] + b"x"), *parts[control + 1 :]]),
        "bytes behind a frame": _joined([*parts[:-2], (b"fdAT", parts[-2][1] + MARKER), parts[-1]]),
        "empty data": _joined([*parts[:-1], (b"fdAT", struct.pack(">I", 5)), parts[-1]]),
        "number of data": _joined([*parts[:-2], (b"fdAT", b"\0\0\0\x09" + parts[-2][1][4:]), parts[-1]]),
        "number of control": with_control(number=9),
        "delay by zero": with_control(den=0),
        "disposal": with_control(disposal=3),
        "blend": with_control(blend=1),
        "wider": with_control(width=9),
        "shifted out": with_control(x=8),
        "without a pixel": with_control(width=0),
    }


def test_an_animation_passes_and_only_as_one() -> None:
    assert not _refuses(_film(), 3)
    assert _refuses(_film(), 1)
    assert _refuses(_film(), 2)
    assert _refuses(encoded("png", photo(4, 8)), 2)


@pytest.mark.parametrize("dirt", _film_dirt())
def test_animation_refuses(dirt: str) -> None:
    assert _refuses(_film_dirt()[dirt], 3)


def test_every_bit_of_an_animation_is_looked_at() -> None:
    data = _film()
    for position in range(len(data)):
        for bit in (0, 5, 7):
            changed = data[:position] + bytes([data[position] ^ 1 << bit]) + data[position + 1 :]
            assert _refuses(changed, 3), position


def _mended(data: bytes) -> bytes:
    """The same chunks with right checksums, where they can be told apart at all."""
    try:
        return _joined(_parts(data))
    except struct.error:
        return data


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_the_inventory_survives_anything(draw: st.DataObject) -> None:
    data = bytearray(_film() if draw.draw(st.booleans()) else with_chunk(encoded("png"), b"iCCP", MARKER))
    for _ in range(draw.draw(st.integers(1, 6))):
        data[draw.draw(st.integers(8, len(data) - 1))] = draw.draw(st.integers(0, 255))
    cut = bytes(data[: draw.draw(st.integers(0, len(data)))])
    for hostile in (bytes(data), cut, _mended(bytes(data))):
        assert set(metadata.inventory(hostile, "png")) <= set(metadata.NAMES)
        try:
            metadata.check(hostile, "png", 8, 4, 3)
            codec.encode(codec.decode(hostile, CONFIG))
        except ObjectError:
            pass


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the files are not here")
@pytest.mark.parametrize("format_name", ["png", "bmp"])
def test_each_real_file_is_refused_or_comes_out_clean_and_whole(format_name: str) -> None:
    published = 0
    for path in sorted(path for path in FOLDER.rglob(f"*.{format_name}") if path.stat().st_size < 60_000):
        data = path.read_bytes()
        try:
            picture = codec.decode(data, CodecConfig(max_pixels=1_000_000))
        except ObjectError:
            continue
        if picture.format != format_name:
            continue
        output, first = codec.encode(picture), picture.frames[0]
        metadata.check(output.data, format_name, first.width, first.height, len(picture.frames))
        assert metadata.inventory(output.data, format_name) == ()
        again = codec.decode(output.data, CONFIG)
        assert again.animation == picture.animation
        for one, other in zip(picture.frames, again.frames, strict=True):
            np.testing.assert_array_equal(one.pixels, other.pixels)
            np.testing.assert_array_equal(_alpha(one), _alpha(other))
        published += 1
    assert published > 20


def _alpha(frame: Frame) -> Samples:
    if frame.alpha is not None:
        return frame.alpha
    return np.full(frame.pixels.shape[:2], np.iinfo(frame.pixels.dtype).max, frame.pixels.dtype)
