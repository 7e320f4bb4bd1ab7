"""The check lets through what we write, and no other byte."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from anonymizer.errors import ScrubCheckFailed
from anonymizer.image import metadata
from anonymizer.records import Pixels
from tests.image.codec.samples import (
    FORMATS,
    chunk,
    encoded,
    photo,
    png_of,
    riff_chunk,
    saved,
    segment,
    webp_of,
    with_segment,
)

ALPHA = np.arange(48 * 64, dtype=np.uint8).reshape(48, 64)


def _refuses(data: bytes, format_name: str, width: int = 64, height: int = 48) -> bool:
    try:
        metadata.check(data, format_name, width, height)
    except ScrubCheckFailed:
        return True
    return False


@pytest.mark.parametrize("format_name", [*FORMATS, "gif"])
@pytest.mark.parametrize(
    "data", [b"", b"\0", b"\xff\xd8", b"\xff\xd8\xff\xd9", b"\x89PNG\r\n\x1a\n", b"RIFF\4\0\0\0WEBP"]
)
def test_nothing_much_is_refused(data: bytes, format_name: str) -> None:
    assert _refuses(data, format_name)


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("size", [(63, 48), (64, 47), (48, 64), (0, 0)])
def test_another_size_is_refused(format_name: str, size: tuple[int, int]) -> None:
    assert _refuses(encoded(format_name), format_name, *size)
    assert _refuses(encoded(format_name, photo()[..., 0]), format_name, *size)


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_byte_more_or_less_is_refused(format_name: str) -> None:
    data = encoded(format_name)
    assert not _refuses(data, format_name)
    assert _refuses(data + b"\0", format_name)
    assert _refuses(data[:-1], format_name)
    assert _refuses(data + data, format_name)


@pytest.mark.parametrize("format_name", FORMATS)
def test_another_format_is_refused(format_name: str) -> None:
    for other in FORMATS:
        assert _refuses(encoded(format_name), other) is (other != format_name)


@pytest.mark.parametrize("format_name", ["jpeg", "png", "webp", "bmp"])
def test_the_first_bytes_are_fixed(format_name: str) -> None:
    """Every bit of signature, JFIF segment, headers and sizes is looked at."""
    data = encoded(format_name)
    fixed = {"jpeg": 20, "png": 33, "webp": 20, "bmp": 54}[format_name]
    for at in range(fixed):
        for bit in range(8):
            changed = data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
            assert _refuses(changed, format_name), (at, bit)


def _plain_inks() -> bytes:
    """CMYK, its Adobe segment replaced by the JFIF one that we write."""
    data = saved(Image.fromarray(photo()).convert("CMYK"), "jpeg")
    return data[:2] + encoded("jpeg")[2:20] + data[data.index(b"\xff\xdb") :]


def _jpegs() -> dict[str, bytes]:
    data = encoded("jpeg")
    frame_at = data.index(b"\xff\xc0")
    scan_at = data.index(b"\xff\xda")
    return {
        "no JFIF": data[:2] + data[20:],
        "two JFIF": data[:20] + data[2:],
        "density": saved(photo(), "jpeg", dpi=(72, 72)),
        "fill byte": data[:20] + b"\xff" + data[20:],
        "two frames": data[:frame_at] + data[frame_at : frame_at + 19] + data[frame_at:],
        "second picture": data[:-2] + data,
        "comment between scans": data[:scan_at] + segment(0xFE, b"x") + data[scan_at:],
        "lone restart marker": data[:20] + b"\xff\xd0" + data[20:],
        "bytes behind a table": data[:20] + segment(0xDB, b"\0" + b"\1" * 64 + b"text") + data[20:],
        "16-bit table": data[:20] + segment(0xDB, b"\x10" + b"\0\1" * 64) + data[20:],
        "empty table": data[:20] + segment(0xDB, b"") + data[20:],
        "bytes behind Huffman codes": data[:20] + segment(0xC4, b"\0" + bytes(16) + b"text") + data[20:],
        "Huffman table of no class": data[:20] + segment(0xC4, b"\x20" + bytes(16)) + data[20:],
        "restart interval": data[:20] + segment(0xDD, b"\0\0") + data[20:],
        "restart markers": saved(photo(), "jpeg", restart_marker_rows=1),
        "restart marker in the scan": data[:-2] + b"\xff\xd0" + data[-2:],
        "scan header with more": data.replace(b"\xff\xda\0\x0c\3", b"\xff\xda\0\x0e\3xx"),
        "Adobe segment": with_segment(data, 0xEE, b"Adobe"),
        "inks": _plain_inks(),
        "no scan": data[:scan_at] + b"\xff\xd9",
        "end only": data[:20] + b"\xff\xd9",
    }


@pytest.mark.parametrize("dirt", _jpegs())
def test_jpeg_refuses(dirt: str) -> None:
    assert _refuses(_jpegs()[dirt], "jpeg")


@pytest.mark.parametrize("settings", [{"progressive": True}, {"optimize": True}, {"quality": 100}])
def test_jpeg_of_each_process_passes(settings: dict[str, int]) -> None:
    assert not _refuses(saved(photo(), "jpeg", **settings), "jpeg")


def _pngs() -> dict[str, bytes]:
    rows = photo()[..., 0].tobytes()
    data = encoded("png")
    header, end = data[:33], chunk(b"IEND", b"")
    raw = b"".join(b"\0" + row.tobytes() for row in photo())
    packed = zlib.compress(raw)
    return {
        "palette": png_of(64, 48, 8, 3, rows, chunk(b"PLTE", bytes(768))),
        "palette beside colors": header + chunk(b"PLTE", b"abc") + data[33:],
        "color key": header + chunk(b"tRNS", bytes(6)) + data[33:],
        "interlaced": data[:8] + chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 48, 8, 2, 0, 0, 1)) + data[33:],
        "rows too many": header + chunk(b"IDAT", zlib.compress(raw + raw[:193])) + end,
        "one byte too many": header + chunk(b"IDAT", zlib.compress(raw + b"\0")) + end,
        "one byte too few": header + chunk(b"IDAT", zlib.compress(raw[:-1])) + end,
        "bytes behind the stream": header + chunk(b"IDAT", packed + b"text") + end,
        "a chunk behind the stream": header + chunk(b"IDAT", packed) + chunk(b"IDAT", b"text") + end,
        "stream without its checksum": header + chunk(b"IDAT", packed[:-4]) + end,
        "broken IDAT": header + chunk(b"IDAT", b"no stream") + end,
        "interrupted IDAT": header
        + chunk(b"IDAT", packed[:99])
        + chunk(b"tEXt", b"")
        + chunk(b"IDAT", packed[99:])
        + end,
        "IEND with a payload": data[:-12] + chunk(b"IEND", b"text"),
        "IEND twice": data + end,
        "wrong checksum": data[:-1] + b"\0",
        "no IDAT": header + end,
        "header too long": data[:8] + chunk(b"IHDR", data[16:29] + b"x") + data[33:],
        "header later": data[:8] + chunk(b"IDAT", b"") + data[8:],
    }


@pytest.mark.parametrize("dirt", _pngs())
def test_png_refuses(dirt: str) -> None:
    assert _refuses(_pngs()[dirt], "png")


@pytest.mark.parametrize("pixels", [photo(), photo()[..., 0]], ids=["color", "gray"])
@pytest.mark.parametrize("alpha", [None, ALPHA], ids=["opaque", "alpha"])
def test_png_of_each_layout_passes(pixels: Pixels, alpha: Pixels | None) -> None:
    assert not _refuses(encoded("png", pixels, alpha), "png")


def test_png_in_many_chunks_passes() -> None:
    packed = zlib.compress(b"".join(b"\0" + row.tobytes() for row in photo()))
    parts = [chunk(b"IDAT", packed[at : at + 100]) for at in range(0, len(packed), 100)]
    assert not _refuses(encoded("png")[:33] + b"".join(parts) + chunk(b"IEND", b""), "png")


def _webps() -> dict[str, bytes]:
    lossy, lossless, alpha = encoded("webp"), saved(photo(), "webp", lossless=True), encoded("webp", photo(), ALPHA)
    frame = lossy[12:]
    flags_at = 20
    with_exif_flag = alpha[:flags_at] + b"\x18" + alpha[flags_at + 1 :]
    reserved = alpha[: flags_at + 1] + b"\1" + alpha[flags_at + 2 :]
    return {
        "extended without need": webp_of(riff_chunk(b"VP8X", bytes(4) + b"\x3f\0\0\x2f\0\0"), frame),
        "two pictures": webp_of(frame, frame),
        "both kinds": webp_of(frame, lossless[12:]),
        "announced EXIF": with_exif_flag,
        "reserved bits": reserved,
        "alpha alone": webp_of(riff_chunk(b"ALPH", b"\0"), frame),
        "padding that is not zero": webp_of(riff_chunk(b"VP8 ", lossy[20:] + b"\0" * (1 - len(lossy) % 2))[:-1] + b"x"),
        "size of the container": lossy[:4] + struct.pack("<I", len(lossy) - 10) + lossy[8:],
        "no key frame": webp_of(riff_chunk(b"VP8 ", bytes([lossy[20] | 1]) + lossy[21:])),
        "lossless of another version": lossless[:24] + bytes([lossless[24] | 0x20]) + lossless[25:],
        "empty frame": webp_of(riff_chunk(b"VP8 ", b"")),
        "empty lossless frame": webp_of(riff_chunk(b"VP8L", b"")),
    }


@pytest.mark.parametrize("dirt", _webps())
def test_webp_refuses(dirt: str) -> None:
    assert _refuses(_webps()[dirt], "webp")


def test_webp_of_each_kind_passes() -> None:
    assert not _refuses(encoded("webp"), "webp")
    assert not _refuses(encoded("webp", photo(), ALPHA), "webp")
    assert not _refuses(saved(photo(), "webp", lossless=True), "webp")
    assert not _refuses(saved(np.dstack((photo(), ALPHA)), "webp", lossless=True), "webp")


def _bmps() -> dict[str, bytes]:
    odd = encoded("bmp", photo(48, 63))
    gray = encoded("bmp", photo()[..., 0])
    alpha = encoded("bmp", photo(), ALPHA)
    return {
        "row padding": odd[:-1] + b"x",
        "palette that is no ramp": gray[:60] + b"x" + gray[61:],
        "fourth byte of the palette": gray[:57] + b"x" + gray[58:],
        "end points of a color space": alpha[:80] + b"x" + alpha[81:],
        "other masks": alpha[:54] + b"x" + alpha[55:],
        "gap": gray[:54] + b"text" + gray[54:],
    }


@pytest.mark.parametrize("dirt", _bmps())
def test_bmp_refuses(dirt: str) -> None:
    assert _refuses(_bmps()[dirt], "bmp", 63 if dirt == "row padding" else 64)


def test_bmp_of_each_kind_passes() -> None:
    assert not _refuses(encoded("bmp", photo(48, 63)), "bmp", 63)
    assert not _refuses(encoded("bmp", photo()[..., 0]), "bmp")
    assert not _refuses(encoded("bmp", photo(), ALPHA), "bmp")
