"""TIFF: what is carried is named, and what we write is all that passes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from anonymizer.errors import ScrubCheckFailed
from anonymizer.image import codec, metadata
from anonymizer.image.profiles import PROFILES
from anonymizer.records import Frame, Picture
from tests.image.codec.samples import CONFIG, MARKER, icc_profile, photo, saved
from tests.image.codec.tiff_samples import ASCII, BYTE, IFD, LONG, RATIONAL, UNDEFINED, Made, Values, page, tiff_of

Tags = dict[int, tuple[int, Values]]

_XMP = b"<x:xmpmeta exif:GPSLatitude='1' GImage:Data='" + MARKER + b"'/>"
_PHOTOSHOP = b"8BIM" + struct.pack(">HHI", 0x0409, 0, len(MARKER)) + MARKER


def _with(tags: Tags, *, big: bool = False) -> bytes:
    return tiff_of(page(photo(), 2, tags=tags), big=big)


def _with_child(tag: int, child: Tags) -> bytes:
    """A directory named by a tag of the first page."""
    made = page(photo(), 2)
    made.children = [Made(child)]
    data = tiff_of(made)
    directory = struct.unpack_from("<I", data, 4)[0]
    at = data.index(struct.pack("<H", 330), directory)
    return data[:at] + struct.pack("<H", tag) + data[at + 2 :]


def _with_sub_image() -> bytes:
    made = page(photo(), 2)
    hidden = np.frombuffer(MARKER * 6, np.uint8)[:75].reshape(5, 5, 3)
    made.children = [page(hidden, 2, tags={254: (LONG, (1,))})]
    return tiff_of(made)


def _with_preview() -> bytes:
    hidden = np.frombuffer(MARKER * 6, np.uint8)[:75].reshape(5, 5, 3)
    return tiff_of(page(photo(), 2), page(hidden, 2, tags={254: (LONG, (1,))}))


def _with_gap() -> bytes:
    data = _with({})
    directory = struct.unpack_from("<I", data, 4)[0]
    return data[:4] + struct.pack("<I", len(data) + len(MARKER)) + data[8:] + MARKER + data[directory:]


PLANTED: dict[str, tuple[Callable[[], bytes], set[str]]] = {
    "description": (lambda: _with({270: (ASCII, MARKER + b"\0")}), {"exif.description"}),
    "artist": (lambda: _with({315: (ASCII, MARKER + b"\0")}), {"exif.owner"}),
    "camera": (lambda: _with({271: (ASCII, MARKER + b"\0"), 272: (ASCII, MARKER + b"\0")}), {"exif.device"}),
    "date": (lambda: _with({306: (ASCII, MARKER + b"\0")}), {"exif.datetime"}),
    "software": (lambda: _with({305: (ASCII, MARKER + b"\0")}), {"exif.software"}),
    "page name": (lambda: _with({285: (ASCII, MARKER + b"\0")}), {"tiff.note"}),
    "resolution": (lambda: _with({282: (RATIONAL, MARKER[:8])}), {"tiff.note"}),
    "XMP": (lambda: _with({700: (BYTE, _XMP)}), {"xmp", "xmp.gps", "xmp.gimage"}),
    "IPTC": (lambda: _with({33723: (UNDEFINED, MARKER)}), {"iptc"}),
    "Photoshop": (lambda: _with({34377: (BYTE, _PHOTOSHOP)}), {"photoshop", "photoshop.thumbnail"}),
    "layers": (lambda: _with({37724: (UNDEFINED, MARKER)}), {"tiff.layers"}),
    "profile": (lambda: _with({34675: (UNDEFINED, icc_profile() + MARKER)}), {"icc"}),
    "content credentials": (lambda: _with({52545: (UNDEFINED, MARKER)}), {"c2pa"}),
    "GeoTIFF": (lambda: _with({34737: (ASCII, MARKER + b"\0")}), {"tiff.geo"}),
    "private tag": (lambda: _with({65111: (ASCII, MARKER + b"\0")}), {"tiff.private"}),
    "private tag in BigTIFF": (lambda: _with({65111: (ASCII, MARKER + b"\0")}, big=True), {"tiff.private"}),
    "EXIF": (
        lambda: _with_child(34665, {0x9003: (ASCII, MARKER + b"\0"), 0x927C: (UNDEFINED, MARKER)}),
        {"exif", "exif.datetime", "exif.makernote"},
    ),
    "position": (lambda: _with_child(34853, {29: (ASCII, MARKER + b"\0")}), {"exif.gps"}),
    "directory below": (_with_sub_image, {"exif.subimage", "tiff.preview"}),
    "preview in the chain": (_with_preview, {"tiff.preview"}),
    "gap": (_with_gap, {"gap"}),
    "trailer": (lambda: _with({}) + MARKER, {"trailer"}),
    "film behind it": (lambda: _with({}) + b"\0\0\0\x18ftypmp42" + MARKER, {"trailer", "motion_photo"}),
}
TABLE = pytest.mark.parametrize("dirt", PLANTED)


@TABLE
def test_what_is_carried_is_named(dirt: str) -> None:
    make, names = PLANTED[dirt]
    assert MARKER[:8] in make()
    assert set(metadata.inventory(make(), "tiff")) == names
    assert names <= set(metadata.NAMES)


@TABLE
def test_nothing_of_it_is_written(dirt: str) -> None:
    make, _ = PLANTED[dirt]
    written = codec.encode(codec.decode(make(), CONFIG)).data
    assert MARKER[:4] not in written
    assert metadata.inventory(written, "tiff") == ()
    assert written == codec.encode(codec.decode(_with({}), CONFIG)).data


@TABLE
def test_the_check_refuses_it(dirt: str) -> None:
    with pytest.raises(ScrubCheckFailed):
        metadata.check(PLANTED[dirt][0](), "tiff", 64, 48)


def test_a_plain_source_carries_nothing() -> None:
    assert metadata.inventory(_with({}), "tiff") == ()
    assert metadata.inventory(tiff_of(page(photo(), 2), page(photo(9, 9), 2), order=">", big=True), "tiff") == ()


def _written(*frames: Frame, source: bytes | None = None, profile: str | None = None) -> bytes:
    encoder = None if source is None else codec.decode(source, CONFIG).encoder
    return codec.encode(Picture("tiff", frames, profile=profile, encoder=encoder)).data


GRAY = photo()[..., 0]
OUTPUTS = {
    "gray": _written(Frame(GRAY)),
    "colours": _written(Frame(photo())),
    "deep": _written(Frame(photo().astype(np.uint16) * 257, GRAY.astype(np.uint16))),
    "ink": _written(Frame(np.dstack((photo(), GRAY)))),
    "alpha": _written(Frame(photo(), GRAY)),
    "one bit": _written(
        Frame((GRAY[:, :61] > 90).astype(np.uint8) * 255), source=saved(Image.fromarray(GRAY).convert("1"), "tiff")
    ),
    "palette": _written(
        Frame(np.repeat(GRAY[..., None], 3, axis=2)), source=saved(Image.fromarray(GRAY).convert("P"), "tiff")
    ),
    "pages": _written(Frame(photo()), Frame(GRAY[:9, :9])),
}


def _refuses(data: bytes, width: int = 64, height: int = 48, count: int = 1) -> bool:
    try:
        metadata.check(data, "tiff", width, height, count)
    except ScrubCheckFailed:
        return True
    return False


SIZES = {kind: (61 if kind == "one bit" else 64, 48, 2 if kind == "pages" else 1) for kind in OUTPUTS}


def _strips_at(data: bytes) -> tuple[int, int]:
    """Offset of the first page's strip and of the entry that says its size."""
    (count,) = struct.unpack_from("<H", data, 8)
    entries = {struct.unpack_from("<H", data, at)[0]: at for at in range(10, 10 + 12 * count, 12)}
    return struct.unpack_from("<I", data, entries[273] + 8)[0], entries[279] + 8


@pytest.mark.parametrize("kind", OUTPUTS)
def test_any_other_bit_before_the_strips_is_refused(kind: str) -> None:
    data = OUTPUTS[kind]
    assert not _refuses(data, *SIZES[kind])
    for at in range(_strips_at(data)[0]):
        for bit in range(8):
            changed = data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
            assert _refuses(changed, *SIZES[kind]), (at, bit)


@pytest.mark.parametrize("kind", OUTPUTS)
def test_a_byte_more_or_less_or_another_size_is_refused(kind: str) -> None:
    data, (width, height, count) = OUTPUTS[kind], SIZES[kind]
    for changed in (data + b"\0", data + b"\0\0", data[:-1], data[:-2], data + data, b""):
        assert _refuses(changed, width, height, count)
    for other in ((width + 1, height), (width, height - 1), (height, width), (0, 0)):
        assert _refuses(data, *other, count)
    for number in (0, count - 1, count + 1):
        assert _refuses(data, width, height, number)


def _with_strip(strip: bytes, source: str = "gray") -> bytes:
    """An output of one strip with another one in its place, its size said rightly."""
    data = OUTPUTS[source]
    strips_at, size_at = _strips_at(data)
    size = struct.pack("<I", len(strip))
    return data[:size_at] + size + data[size_at + 4 : strips_at] + strip + bytes(len(strip) % 2)


STRIPS: dict[str, Callable[[], bytes]] = {
    "rows too many": lambda: zlib.compress(bytes(64 * 49)),
    "a byte too many": lambda: zlib.compress(bytes(64 * 48 + 1)),
    "a byte too few": lambda: zlib.compress(bytes(64 * 48 - 1)),
    "bytes behind the stream": lambda: zlib.compress(bytes(64 * 48)) + MARKER,
    "no checksum": lambda: zlib.compress(bytes(64 * 48))[:-4],
    "no stream": lambda: bytes(99),
    "nothing": lambda: b"",
}


@pytest.mark.parametrize("kind", STRIPS)
def test_strips_hold_the_rows_and_no_more(kind: str) -> None:
    assert not _refuses(_with_strip(zlib.compress(bytes(64 * 48))))
    assert _refuses(_with_strip(STRIPS[kind]()))


def test_bits_behind_the_end_of_a_row_are_refused() -> None:
    rows = np.zeros((48, 8), np.uint8)
    assert not _refuses(_with_strip(zlib.compress(rows.tobytes()), "one bit"), 61)
    rows[7, 7] = 1
    assert _refuses(_with_strip(zlib.compress(rows.tobytes()), "one bit"), 61)


def test_palette_entries_that_no_pixel_has_are_refused() -> None:
    assert _refuses(_with_strip(zlib.compress(bytes(64 * 48)), "palette"))


def test_the_word_that_fills_up_is_zero() -> None:
    odd = next(level for level in range(9) if len(zlib.compress(bytes(64 * 48), level)) % 2)
    data = _with_strip(zlib.compress(bytes(64 * 48), odd))
    assert not _refuses(data)
    assert _refuses(data[:-1] + b"x")


def test_only_public_profiles_pass() -> None:
    name = next(iter(PROFILES))
    data = _written(Frame(photo()), profile=name)
    assert not _refuses(data)
    at = data.index(PROFILES[name])
    assert _refuses(data[: at + 30] + b"\x55" + data[at + 31 :])


HOSTILE: dict[str, bytes] = {
    "nothing": b"",
    "header": b"II*\0",
    "far away": b"II*\0\xff\xff\xff\xff",
    "BigTIFF, far away": b"II+\0\x08\0\0\0" + b"\xff" * 8,
    "directory in itself": b"II*\0\x08\0\0\0" + struct.pack("<HHHIII", 1, 330, IFD, 1, 8, 8),
    "values of no end": _with({273: (LONG, (2**32 - 1,)), 65000: (99, b"")}),
    "BigTIFF, values of no end": b"II+\0\x08\0\0\0\x10"
    + bytes(7)
    + struct.pack("<QHHQQQ", 1, 273, 16, 2**64 - 1, 2**64 - 1, 2**64 - 1),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_sources_are_walked_to_an_end(kind: str) -> None:
    assert set(metadata.inventory(HOSTILE[kind], "tiff")) <= set(metadata.NAMES)
    assert _refuses(HOSTILE[kind])
