"""TIFF files that are refused: what cannot be kept, what is damaged, and what would take memory or time."""

from __future__ import annotations

import contextlib
import struct
import time
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymizer.config import CodecConfig
from anonymizer.errors import DecodeError, EncodeError, ImageTooLarge, ObjectError, UnsupportedFormat
from anonymizer.image import codec, metadata
from anonymizer.records import Frame, Picture
from tests.image.codec.samples import CONFIG, photo, saved
from tests.image.codec.tiff_samples import IFD, LONG, LONG8, SHORT, Made, Values, page, tiff_of, tiled

SMALL = CodecConfig(max_pixels=200_000, max_bytes=400_000)


def _with(tags: dict[int, tuple[int, Values]], photometric: int = 2) -> bytes:
    return tiff_of(page(photo(), photometric, tags=tags))


UNSUPPORTED: dict[str, Callable[[], bytes]] = {
    "float": lambda: tiff_of(page(np.zeros((4, 4), np.float32), 1, bits=32, tags={339: (SHORT, (3,))})),
    "half float": lambda: tiff_of(page(np.zeros((4, 4), np.float16), 1, bits=16, tags={339: (SHORT, (3,))})),
    "32 bit": lambda: tiff_of(page(np.zeros((4, 4), np.uint32), 1, bits=32)),
    "signed": lambda: tiff_of(page(np.zeros((4, 4), np.int8), 1, tags={339: (SHORT, (2,))})),
    "Lab": lambda: _with({}, 8),
    "no ink that we know": lambda: tiff_of(page(np.zeros((4, 4, 4), np.uint8), 5, tags={332: (SHORT, (2,))})),
    "depths that differ": lambda: _with({258: (SHORT, (5, 6, 5))}),
    "packing": lambda: _with({259: (SHORT, (34712,))}),
    "predictor of floats": lambda: _with({259: (SHORT, (8,)), 317: (SHORT, (3,))}),
    "only a preview": lambda: _with({254: (LONG, (1,))}),
    "JPEG of gray and alpha": lambda: tiff_of(page(photo()[..., :2], 1, tags={259: (SHORT, (7,))})),
    "old JPEG in pages": lambda: tiff_of(
        *[page(photo(), 6, tags={259: (SHORT, (6,)), 513: (LONG, (8,)), 514: (LONG, (9,))})] * 2
    ),
    "palette of 16 bit": lambda: tiff_of(page(np.zeros((4, 4), np.uint16), 3, bits=16)),
    "camera raw": lambda: _with({50706: (1, (1, 4, 0, 0))}),
}


@pytest.mark.parametrize("kind", UNSUPPORTED)
def test_what_cannot_be_kept(kind: str) -> None:
    with pytest.raises(UnsupportedFormat):
        codec.decode(UNSUPPORTED[kind](), CONFIG)


def _offset(tag: int, value: int) -> bytes:
    return _with({tag: (LONG, (value,))})


DAMAGED: dict[str, Callable[[], bytes]] = {
    "header only": lambda: b"II*\0\x08\0\0\0",
    "no directory": lambda: b"II*\0" + bytes(4) + bytes(100),
    "directory beyond the end": lambda: b"II*\0\xff\xff\0\0" + bytes(100),
    "empty directory": lambda: b"II*\0\x08\0\0\0" + bytes(100),
    "BigTIFF of other offsets": lambda: b"II+\0\x04\0\0\0" + bytes(100),
    "no width": lambda: _offset(256, 0),
    "strip beyond the end": lambda: _offset(273, 10**6),
    "strip in the header": lambda: _offset(273, 0),
    "fewer strips than rows need": lambda: _offset(278, 1),
    "no rows in a strip": lambda: _offset(278, 0),
    "no offsets": lambda: tiff_of(Made(page(photo(), 2).tags)),
    "strip too short": lambda: tiff_of(Made(page(photo(), 2).tags, [bytes(100)])),
    "stream too short": lambda: tiff_of(Made({**page(photo(), 2).tags, 259: (SHORT, (8,))}, [zlib.compress(b"x")])),
    "no stream": lambda: tiff_of(Made({**page(photo(), 2).tags, 259: (SHORT, (8,))}, [bytes(100)])),
    "LZW too short": lambda: tiff_of(Made({**page(photo(), 2).tags, 259: (SHORT, (5,))}, [b"\x80\x0b\x60\x50"])),
    "no JPEG": lambda: tiff_of(Made({**page(photo(), 6).tags, 259: (SHORT, (7,))}, [bytes(100)])),
    "colour map too short": lambda: tiff_of(page(photo()[..., 0], 3, tags={320: (SHORT, (1, 2, 3))})),
    "no colour map": lambda: tiff_of(page(photo()[..., 0], 3)),
    "fewer samples than colours": lambda: tiff_of(page(photo()[..., :2], 2)),
    "tile of no size": lambda: _with({322: (LONG, (0,)), 323: (LONG, (16,))}),
    "text for a width": lambda: _with({256: (2, b"wide\0")}),
    "second page beyond the end": lambda: tiff_of(page(photo(), 2))[:-4] + struct.pack("<I", 10**6),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_what_is_damaged(kind: str) -> None:
    with pytest.raises(DecodeError):
        codec.decode(DAMAGED[kind](), CONFIG)


@pytest.mark.parametrize("packing", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"])
def test_files_cut_short(packing: str) -> None:
    data = tiff_of(page(photo(), 2)) if packing == "raw" else saved(photo(), "tiff", compression=packing)
    for tenth in range(1, 10):
        with pytest.raises(ObjectError):
            codec.decode(data[: len(data) * tenth // 10], CONFIG)


def _overlapping() -> bytes:
    """Strips that all are the rest of the file, each from a byte later on."""
    body = zlib.compress(bytes(64 * 3)) + bytes(50_000)
    tags = page(np.zeros((2000, 64, 3), np.uint8), 2).tags
    tags |= {259: (SHORT, (8,)), 278: (LONG, (1,)), 279: (LONG, (40_000,) * 2000)}
    tags[273] = (LONG, tuple(8 + number for number in range(2000)))
    return tiff_of(Made(tags, [body]))


def _directories() -> bytes:
    """Directories that lie in one another, a byte apart, as long a chain as there can be."""
    count = 30_000
    chain = b"".join(struct.pack("<HHHIII", 1, 0, 3, 1, 0, 8 + 18 * (number + 1)) for number in range(count))
    return b"II*\0\x08\0\0\0" + chain + bytes(20)


def _many_pages() -> bytes:
    shared = page(photo(8, 8), 2)
    return tiff_of(*[shared] * 200)


BOMBS: dict[str, Callable[[], bytes]] = {
    "pixels": lambda: _with({256: (LONG, (60_000,)), 257: (LONG, (60_000,))}),
    "one row, very wide": lambda: _with({256: (LONG, (2**32 - 1,)), 257: (LONG, (1,))}),
    "tiles far larger than the picture": lambda: _with({322: (LONG, (60_000,)), 323: (LONG, (60_000,))}),
    "tiles of one pixel": lambda: _with(
        {256: (LONG, (10_000,)), 257: (LONG, (10_000,)), 322: (LONG, (1,)), 323: (LONG, (1,))}
    ),
    "samples": lambda: tiff_of(page(np.zeros((300, 300, 64), np.uint8), 2)),
    "samples beside the colours": lambda: tiff_of(
        page(np.zeros((400, 400, 1), np.uint8), 2, tags={277: (SHORT, (60,)), 258: (SHORT, (16,) * 60)})
    ),
    "overlapping strips": _overlapping,
    "directories": _directories,
    "values": lambda: tiff_of(Made({256: (LONG8, (2**63,)), 257: (LONG, (1,))}, [b"x"]), big=True),
    "a loop below": lambda: _with({330: (IFD, (8,))})[:-4] + b"\x08\0\0\0",
}


@pytest.mark.parametrize("kind", BOMBS)
def test_what_would_take_memory_or_time(kind: str) -> None:
    data = BOMBS[kind]()
    started = time.process_time()
    with pytest.raises((ImageTooLarge, DecodeError)):
        codec.decode(data, SMALL)
    metadata.inventory(data, "tiff")
    assert time.process_time() - started < 5


def test_all_pages_count() -> None:
    data = _many_pages()
    codec.decode(data, CodecConfig(max_pixels=200 * 64))
    with pytest.raises(ImageTooLarge):
        codec.decode(data, CodecConfig(max_pixels=200 * 64 - 1))


def test_a_strip_named_many_times_is_fine() -> None:
    strip = zlib.compress(bytes([9]) * 64 * 3)
    tags = page(np.zeros((500, 64, 3), np.uint8), 2).tags
    tags |= {259: (SHORT, (8,)), 278: (LONG, (1,)), 273: (LONG, (8,) * 500), 279: (LONG, (len(strip),) * 500)}
    (frame,) = codec.decode(tiff_of(Made(tags, [strip])), CONFIG).frames
    assert (frame.pixels == 9).all()


@pytest.mark.parametrize(
    "frames",
    [(), (Frame(np.zeros((4, 4, 2), np.uint8)),), (Frame(np.zeros((4, 4), np.float32)),)],
)
def test_what_cannot_be_written(frames: tuple[Frame, ...]) -> None:
    with pytest.raises(EncodeError):
        codec.encode(Picture("tiff", frames))


def test_as_many_frames_as_pages() -> None:
    picture = codec.decode(_with({}), CONFIG)
    with pytest.raises(EncodeError):
        codec.encode(Picture("tiff", picture.frames * 2, encoder=picture.encoder))


SOURCES = (
    tiff_of(page(photo(12, 10), 2), tiled(photo(20, 20), 2, 16, planar=True)),
    tiff_of(page(photo(12, 10), 2), order=">", big=True),
    saved(photo(16, 16), "tiff", compression="jpeg"),
    saved(photo(16, 16), "tiff", compression="tiff_lzw"),
    saved(photo(16, 16)[..., 0] > 90, "tiff", compression="group4"),
    codec.encode(codec.decode(_with({}), CONFIG)).data,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SOURCES), st.data())
def test_whatever_is_damaged_is_refused_or_comes_out_clean(source: bytes, data: st.DataObject) -> None:
    damaged = bytearray(source)
    places = st.one_of(
        st.integers(0, len(source) - 1), st.integers(max(0, len(source) - 200), len(source) - 1), st.integers(0, 200)
    )
    for at, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=4)):
        damaged[at % len(source)] = value
    hostile = bytes(damaged[: data.draw(st.one_of(st.none(), st.integers(0, len(source))))])
    assert set(metadata.inventory(hostile, "tiff")) <= set(metadata.NAMES)
    with contextlib.suppress(ObjectError):
        picture = codec.decode(hostile, SMALL)
        if picture.format == "tiff":
            first = picture.frames[0]
            metadata.check(codec.encode(picture).data, "tiff", first.width, first.height, len(picture.frames))
