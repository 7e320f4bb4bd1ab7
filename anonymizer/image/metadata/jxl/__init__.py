"""JPEG XL: boxes of the container and headers of the codestream (ISO/IEC 18181-1 and -2)."""

from __future__ import annotations

from collections.abc import Iterator

from anonymizer.errors import ScrubCheckFailed
from anonymizer.image.metadata.blocks import exif_names, xmp_names
from anonymizer.image.metadata.isobmff.boxes import boxes
from anonymizer.image.metadata.jxl.bits import Bits
from anonymizer.image.metadata.jxl.codestream import Header, pass_frame, read_header

_MAX_BLOCK_BYTES = 4 * 2**20
_HEADER_BYTES = 4096

_CODESTREAM = b"\xff\x0a"
_SIGNATURE = b"\0\0\0\x0cJXL \r\n\x87\n"
_OPENING = _SIGNATURE + b"\0\0\0\x14ftypjxl \0\0\0\0jxl " + b"\0\0\0\x09jxll\x0a" + b"\0\0\0\x01jxlc"
"""Of the container that we write: signature, type, level 10, and the codestream's box with a size of 64 bit."""

_PARTS = (b"jxlc", b"jxlp")
_SILENT = frozenset((b"JXL ", b"ftyp", b"jxll", b"jxli", *_PARTS))
_NAMES = {b"jbrd": "jxl.jpeg", b"jhgm": "gainmap", b"uuid": "box.other"}
_COMPRESSED = {b"Exif": "exif", b"xml ": "xmp", b"jumb": "jumbf"}

_COLORS = {
    "sRGB": (),
    "gray": (1, 1, 0, 13, 1),
    "gray-gamma22": (1, 1, 1, 4_545_455, 1),
    "display-p3": (0, 1, 11, 0, 13, 1),
    "rec2020": (0, 1, 9, 0, 1, 1),
    "adobe-rgb": (0, 1, 2, *(1_280_000, 660_000, 420_000, 1_420_000, 300_000, 120_000), 1, 4_547_070, 1),
    "prophoto-rgb": (
        *(0, 2, 691_400, 717_000),
        *(2, 1_469_400, 530_600, 319_200, 1_680_800, 73_200, 200),
        *(1, 5_555_556, 1),
    ),
}
"""The public colour spaces of `anonymizer.image.profiles`: kind, white point, primaries, curve and rendering intent.

Coordinates are in millionths, twice over for the sign's sake; an exponent is in ten-millionths.
"""


def inventory(data: bytes) -> Iterator[str]:
    """What a source carries; see `anonymizer.image.metadata.inventory`."""
    if data.startswith(_CODESTREAM):
        yield from _header_names(data)
        return
    at, codestream = 0, b""
    for name, start, end in boxes(data, 0, len(data)):
        at = end
        if name in _PARTS and len(codestream) < _HEADER_BYTES:
            codestream += data[start + (4 if name == b"jxlp" else 0) : min(end, start + _HEADER_BYTES)]
        yield from _box_names(name, data[start : min(end, start + _MAX_BLOCK_BYTES)])
    yield from _header_names(codestream)
    if at < len(data):
        yield "trailer"


def check(data: bytes, width: int, height: int, frame_count: int) -> None:
    """A codestream, by itself or in our container; see `anonymizer.image.metadata.check`."""
    if not data.startswith(_CODESTREAM):
        # The size of a box counts its name and the size itself; both are in the opening and in the bytes behind it.
        opening = _OPENING + max(0, len(data) - len(_OPENING) + 8).to_bytes(8, "big")
        if not data.startswith(opening):
            raise ScrubCheckFailed
        data = data[len(opening) :]
    if not data.startswith(_CODESTREAM):
        raise ScrubCheckFailed
    bits = Bits(data)
    bits.skip(len(_CODESTREAM))
    header = read_header(bits)
    if (header.width, header.height) != (width, height) or not _is_ours(header) or not bits.pad():
        raise ScrubCheckFailed
    for number in range(1, frame_count + 1):
        if pass_frame(bits, header) != (number == frame_count):
            raise ScrubCheckFailed
    if bits.at != 8 * len(data):
        raise ScrubCheckFailed


def _is_ours(header: Header) -> bool:
    extra = header.intrinsic or header.preview or header.timecodes or header.named or header.profile
    upright = header.orientation == 1 and 8 <= header.depth <= 16
    channels = len(header.channels) <= 1 and header.plain_alpha
    return header.plain and upright and channels and not extra and header.colors in _COLORS.values()


def _box_names(name: bytes, content: bytes) -> Iterator[str]:
    if name == b"Exif":
        yield from exif_names(content[4 + int.from_bytes(content[:4], "big") :])
    elif name == b"xml ":
        yield from xmp_names(content)
    elif name == b"jumb":
        yield "c2pa" if b"c2pa" in content[:200] else "jumbf"
    elif name == b"brob":
        # Its content is compressed; what it is stands before it.
        yield _COMPRESSED.get(content[:4], _NAMES.get(content[:4], "box.other"))
    elif name not in _SILENT:
        yield _NAMES.get(name, "box.other")


def _header_names(codestream: bytes) -> Iterator[str]:
    bits = Bits(codestream[:_HEADER_BYTES])
    bits.skip(len(_CODESTREAM))
    header = read_header(bits)
    if header.profile:
        yield "icc"
    if header.preview:
        yield "jxl.preview"
    if header.intrinsic:
        yield "jxl.size"
    if header.named:
        yield "box.text"
    if any(header.channels):
        yield "jxl.channels"
    if header.timecodes:
        yield "box.datetime"
