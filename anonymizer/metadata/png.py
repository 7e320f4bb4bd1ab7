"""PNG: chunks from the signature to IEND."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from anonymizer.errors import ScrubCheckFailed
from anonymizer.metadata.blocks import exif_names, trailer_names, xmp_names

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAX_CHUNKS = 500_000

_PICTURE = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"))
_CHUNK_NAMES: dict[bytes, str] = {
    b"tEXt": "png.text",
    b"zTXt": "png.text",
    b"iTXt": "png.text",
    b"tIME": "png.time",
    b"iCCP": "icc",
    b"caBX": "c2pa",
    b"gAMA": "png.rendering",
    b"cHRM": "png.rendering",
    b"sRGB": "png.rendering",
    b"cICP": "png.rendering",
    b"mDCV": "png.rendering",
    b"cLLI": "png.rendering",
    b"sBIT": "png.rendering",
    b"bKGD": "png.rendering",
    b"hIST": "png.rendering",
    b"sPLT": "png.rendering",
    b"pHYs": "png.physical",
    b"oFFs": "png.physical",
    b"sCAL": "png.physical",
    b"pCAL": "png.physical",
    b"sTER": "png.physical",
    b"acTL": "animation",
    b"fcTL": "animation",
    b"fdAT": "animation",
}

_RAW_PROFILES: dict[bytes, tuple[str, ...]] = {
    b"exif": ("exif",),
    b"app1": ("exif",),
    b"iptc": ("iptc",),
    b"8bim": ("photoshop",),
    b"icc": ("icc",),
    b"icm": ("icc",),
    b"xmp": ("xmp",),
}

_CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}
"""Samples per pixel of the colour types that we write: no palettes."""


class Chunk(NamedTuple):
    """One chunk; `end` is the offset behind its checksum, `intact` whether that is right."""

    name: bytes
    payload: bytes
    end: int
    intact: bool


def chunks(data: bytes) -> Iterator[Chunk]:
    """Walks from the signature to IEND; stops earlier where a chunk is cut short or there are too many."""
    if not data.startswith(_SIGNATURE):
        return
    at = len(_SIGNATURE)
    for _ in range(_MAX_CHUNKS):
        if at + 12 > len(data):
            return
        size, name = struct.unpack_from(">I4s", data, at)
        end = at + 12 + size
        if end > len(data):
            return
        payload = data[at + 8 : end - 4]
        stored = int.from_bytes(data[end - 4 : end], "big")
        yield Chunk(name, payload, end, zlib.crc32(payload, zlib.crc32(name)) == stored)
        if name == b"IEND":
            return
        at = end


def inventory(data: bytes) -> Iterator[str]:
    """What a source carries; see `anonymizer.metadata.inventory`."""
    last = None
    for last in chunks(data):
        if last.name not in _PICTURE:
            yield from _chunk_names(last.name, last.payload)
    if last is None or last.name != b"IEND":
        yield "unreadable"
    else:
        yield from trailer_names(data[last.end :])


def check(data: bytes, width: int, height: int) -> None:
    """What we write: IHDR, IDAT without a break, IEND; see `anonymizer.metadata.check`."""
    found = list(chunks(data))
    names = [chunk.name for chunk in found]
    body = found[1:-1]
    complete = (
        names[:1] == [b"IHDR"]
        and names[-1:] == [b"IEND"]
        and len(body) > 0
        and all(chunk.name == b"IDAT" for chunk in body)
        and all(chunk.intact for chunk in found)
        and found[-1].payload == b""
        and found[-1].end == len(data)
    )
    if not complete or len(found[0].payload) != 13:
        raise ScrubCheckFailed
    columns, rows, depth, color_type, *methods = struct.unpack(">IIBBBBB", found[0].payload)
    if (columns, rows, depth) != (width, height, 8) or any(methods) or color_type not in _CHANNELS:
        raise ScrubCheckFailed
    _check_stream((chunk.payload for chunk in body), height * (1 + width * _CHANNELS[color_type]))


def _chunk_names(name: bytes, payload: bytes) -> Iterator[str]:
    yield _CHUNK_NAMES.get(name, "exif" if name in (b"eXIf", b"zxIf") else "chunk.other")
    if name == b"eXIf":
        yield from exif_names(payload)
    if name in (b"tEXt", b"zTXt", b"iTXt"):
        yield from _text_names(payload)


def _text_names(payload: bytes) -> Iterator[str]:
    """Blocks that programs put into text: XMP by its standard keyword, the rest as ImageMagick's raw profiles."""
    keyword = payload[:256].partition(b"\0")[0]
    if keyword == b"XML:com.adobe.xmp":
        yield from xmp_names(payload)
    if keyword.startswith(b"Raw profile type "):
        yield from _RAW_PROFILES.get(keyword.removeprefix(b"Raw profile type ").lower(), ())


def _check_stream(payloads: Iterable[bytes], expected_bytes: int) -> None:
    """One zlib stream that inflates to exactly the rows that the header announces, and ends with the last IDAT."""
    stream = zlib.decompressobj()
    missing = expected_bytes
    for payload in payloads:
        # One byte more than may come, so that a surplus shows.
        missing -= len(stream.decompress(payload, missing + 1))
        if missing < 0 or stream.unconsumed_tail or stream.unused_data:
            raise ScrubCheckFailed
    if missing or not stream.eof:
        raise ScrubCheckFailed
