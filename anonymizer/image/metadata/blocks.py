"""Names for what lies inside EXIF, XMP and Photoshop blocks, whatever container they came in."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_MAX_DIRECTORIES = 24
_MAX_ENTRIES = 1_000
_MAX_RESOURCES = 1_000

_EXIF_IFD, _GPS_IFD, _INTEROP_IFD, _SUB_IFDS, _MAKER_NOTE = 0x8769, 0x8825, 0xA005, 0x014A, 0x927C

# Tags by number (EXIF 2.32, TIFF 6.0, DNG 1.6 and Windows Explorer's XP tags).
_TAG_NAMES: dict[int, str] = {
    0x010E: "exif.description",
    0x010F: "exif.device",
    0x0110: "exif.device",
    0x0112: "exif.orientation",
    0x0131: "exif.software",
    0x0132: "exif.datetime",
    0x013B: "exif.owner",
    0x013C: "exif.owner",
    _SUB_IFDS: "exif.subimage",
    0x02BC: "xmp",
    0x8298: "exif.owner",
    0x83BB: "iptc",
    0x8649: "photoshop",
    0x8773: "icc",
    _GPS_IFD: "exif.gps",
    0x9003: "exif.datetime",
    0x9004: "exif.datetime",
    0x9214: "exif.subject_area",
    _MAKER_NOTE: "exif.makernote",
    0x9286: "exif.description",
    0x9C9B: "exif.description",
    0x9C9C: "exif.description",
    0x9C9D: "exif.owner",
    0x9C9E: "exif.description",
    0x9C9F: "exif.description",
    0xA214: "exif.subject_area",
    0xA420: "exif.image_id",
    0xA430: "exif.owner",
    0xA431: "exif.serial",
    0xA433: "exif.device",
    0xA434: "exif.device",
    0xA435: "exif.serial",
    0xC614: "exif.device",
    0xC62F: "exif.serial",
    0xC634: "exif.makernote",
}

_XMP_SIGNS: tuple[tuple[bytes, str], ...] = (
    (b"GImage:", "xmp.gimage"),
    (b"GDepth:", "xmp.gdepth"),
    (b"hdrgm:", "gainmap"),
    (b"HDRGainMap", "gainmap"),
    (b'Semantic="GainMap"', "gainmap"),
    (b"MotionPhoto", "motion_photo"),
    (b"MicroVideo", "motion_photo"),
    (b"exif:GPS", "xmp.gps"),
    (b"xmpMM:History", "xmp.history"),
    (b"mwg-rs:Regions", "xmp.people"),
    (b"MP:RegionInfo", "xmp.people"),
    (b"PersonInImage", "xmp.people"),
    (b"xmpGImg:image", "xmp.thumbnail"),
)
"""Substrings, since a packet is XML that a hostile source need not have written well."""

_GAIN_MAP_SIGNS = (b"hdrgm:", b"HDRGainMap", b"urn:iso:std:iso:ts:21496")
"""In the second picture of a JPEG with a gain map: Adobe's and Android's XMP, Apple's, ISO 21496-1."""

_RESOURCES: dict[int, str] = {
    0x0404: "iptc",
    0x0409: "photoshop.thumbnail",
    0x040C: "photoshop.thumbnail",
    0x040F: "icc",
    0x0422: "exif",
    0x0424: "xmp",
}
"""Numbers of Photoshop's image resources (Adobe Photoshop file formats specification)."""


def exif_names(block: bytes) -> Iterator[str]:
    """Names in an EXIF block.

    Args:
        block: TIFF structure, with or without the `Exif` prefix. Directories that form a loop are read once.
    """
    yield "exif"
    tiff = block[6:] if block.startswith(b"Exif\0") else block
    endian = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if endian is None or len(tiff) < 8:
        return
    (first,) = struct.unpack_from(endian + "I", tiff, 4)
    # (offset, number in the chain); the second directory of the chain describes the thumbnail.
    pending, seen = [(first, 0)], set[int]()
    while pending and len(seen) < _MAX_DIRECTORIES:
        offset, number = pending.pop()
        if offset in seen or not 8 <= offset <= len(tiff) - 2:
            continue
        seen.add(offset)
        if number == 1:
            yield "exif.thumbnail"
        (count,) = struct.unpack_from(endian + "H", tiff, offset)
        end = offset + 2 + 12 * count
        for tag, value in _entries(tiff, endian, offset + 2, min(count, _MAX_ENTRIES)):
            if tag in _TAG_NAMES:
                yield _TAG_NAMES[tag]
            if tag in (_EXIF_IFD, _INTEROP_IFD):
                pending.append((value, -1))
        if number >= 0 and end + 4 <= len(tiff):
            pending.append((struct.unpack_from(endian + "I", tiff, end)[0], number + 1))


def tag_name(tag: int) -> str | None:
    """The name for what an EXIF or TIFF tag says, where it has one."""
    return _TAG_NAMES.get(tag)


def xmp_names(packet: bytes) -> Iterator[str]:
    """Names in an XMP packet or a part of one."""
    yield "xmp"
    for sign, name in _XMP_SIGNS:
        if sign in packet:
            yield name


def photoshop_names(block: bytes) -> Iterator[str]:
    """Names in a block of Photoshop image resources (`8BIM`, number, padded name, size, data)."""
    yield "photoshop"
    at = 0
    for _ in range(_MAX_RESOURCES):
        if block[at : at + 4] != b"8BIM" or at + 12 > len(block):
            return
        (number,) = struct.unpack_from(">H", block, at + 4)
        if number in _RESOURCES:
            yield _RESOURCES[number]
        at += 6 + (block[at + 6] // 2 + 1) * 2
        if at + 4 > len(block):
            return
        (size,) = struct.unpack_from(">I", block, at)
        at += 4 + size + size % 2


def trailer_names(trailer: bytes) -> Iterator[str]:
    """Names for bytes behind the picture's end."""
    if not trailer:
        return
    yield "trailer"
    if any(sign in trailer for sign in _GAIN_MAP_SIGNS):
        yield "gainmap"
    if b"ftyp" in trailer or b"MotionPhoto_Data" in trailer:
        yield "motion_photo"


def _entries(tiff: bytes, endian: str, start: int, count: int) -> Iterator[tuple[int, int]]:
    """(tag, value or offset as an unsigned integer) of the entries that lie within the block."""
    for at in range(start, min(start + 12 * count, len(tiff) - 11), 12):
        tag, value = struct.unpack_from(endian + "H6xI", tiff, at)
        yield tag, value
