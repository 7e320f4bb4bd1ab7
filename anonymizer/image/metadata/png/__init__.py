"""PNG: chunks from the signature to IEND."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from anonymizer.errors import ScrubCheckFailed
from anonymizer.image.metadata.blocks import exif_names, trailer_names, xmp_names
from anonymizer.image.metadata.png.frames import check_film, check_still
from anonymizer.image.metadata.png.rows import Palette, Usage, read_layout
from anonymizer.image.profiles import PROFILES

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAX_CHUNKS = 500_000

_PICTURE = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"))
_PROFILE_HEAD = b"ICC profile\0\0"
_ANIMATION = frozenset((b"acTL", b"fcTL", b"fdAT"))
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
    b"gMAP": "gainmap",
    b"gDAT": "gainmap",
}

_PRIMARIES, _HDR_TRANSFERS = frozenset((1, 5, 6, 9, 11, 12)), (16, 18)

_RAW_PROFILES: dict[bytes, tuple[str, ...]] = {
    b"exif": ("exif",),
    b"app1": ("exif",),
    b"iptc": ("iptc",),
    b"8bim": ("photoshop",),
    b"icc": ("icc",),
    b"icm": ("icc",),
    b"xmp": ("xmp",),
}


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
    """What a source carries; see `metadata.inventory`. An animation that is published whole has no name."""
    last, announced, names = None, 0, list[bytes]()
    for last in chunks(data):
        names.append(last.name)
        if last.name == b"acTL":
            announced = int.from_bytes(last.payload[:4], "big")
        elif last.name not in _PICTURE and last.name not in _ANIMATION:
            yield from _chunk_names(last.name, last.payload)
    if not _ANIMATION.isdisjoint(names) and not _is_whole_animation(names, announced):
        yield "animation"
    if last is None or last.name != b"IEND":
        yield "unreadable"
    else:
        yield from trailer_names(data[last.end :])


def _is_whole_animation(names: list[bytes], announced: int) -> bool:
    """Whether all pictures are frames and there are several; otherwise a default picture, or surplus ones, are lost."""
    found = names.count(b"fcTL")
    default_is_frame = b"IDAT" in names and b"fcTL" in names[: names.index(b"IDAT")]
    return names.count(b"acTL") == 1 and found == announced > 1 and default_is_frame


def check(data: bytes, width: int, height: int, frame_count: int) -> None:
    """What we write: IHDR, cICP or iCCP, PLTE, tRNS, the frames and IEND; see `anonymizer.image.metadata.check`."""
    found = list(chunks(data))
    whole = (
        len(found) > 2
        and all(chunk.intact for chunk in found)
        and (found[0].name, found[-1].name, found[-1].payload) == (b"IHDR", b"IEND", b"")
        and found[-1].end == len(data)
    )
    if not whole:
        raise ScrubCheckFailed
    layout = read_layout(found[0].payload)
    if (layout.width, layout.height) != (width, height):
        raise ScrubCheckFailed
    body = [(chunk.name, chunk.payload) for chunk in found[1:-1]]
    if body[0][0] == b"cICP":
        if not _is_hdr(body.pop(0)[1]):
            raise ScrubCheckFailed
    elif body[0][0] == b"iCCP" and _public_space(body.pop(0)[1]) != layout.space:
        raise ScrubCheckFailed
    palette = _palette(body) if layout.has_palette else None
    usage = Usage(layout, palette)
    if frame_count > 1:
        check_film(body, usage, frame_count)
    else:
        check_still(body, usage)
    usage.check_all_used()


def _palette(body: list[tuple[bytes, bytes]]) -> Palette:
    """Takes PLTE and tRNS off the body."""
    name, colors = body.pop(0)
    alphas = body.pop(0)[1] if body and body[0][0] == b"tRNS" else None
    if name != b"PLTE":
        raise ScrubCheckFailed
    return Palette(colors, alphas)


def _public_space(payload: bytes) -> bytes | None:
    """The kind of colours of iCCP's profile if it is exactly a public one, under the one name that we give it."""
    stream = zlib.decompressobj()
    try:
        profile = stream.decompress(payload[len(_PROFILE_HEAD) :], max(map(len, PROFILES.values())) + 1)
    except zlib.error:
        return None
    complete = stream.eof and not stream.unused_data
    ours = payload.startswith(_PROFILE_HEAD) and complete and profile in PROFILES.values()
    return profile[16:20] if ours else None


def _is_hdr(payload: bytes) -> bool:
    """Whether cICP says nothing but that samples are PQ or HLG (ITU-T H.273), of public primaries: that stays."""
    told = len(payload) == 4 and payload[0] in _PRIMARIES and payload[1] in _HDR_TRANSFERS
    return told and payload[2] == 0 and payload[3] in (0, 1)


def _chunk_names(name: bytes, payload: bytes) -> Iterator[str]:
    if (name == b"iCCP" and _public_space(payload) is not None) or (name == b"cICP" and _is_hdr(payload)):
        return
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
