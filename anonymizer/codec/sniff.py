"""Which kind of file these bytes are, by their first bytes (magic numbers), never by a file's name."""

from __future__ import annotations

import re
import struct

from anonymizer.errors import NotAnImage, UnsupportedFormat

_HEAD_BYTES = 4096

_BMP_HEADER_SIZES = (12, 16, 40, 52, 56, 64, 108, 124)

# Pictures that we recognise and do not handle. Sources: the formats' specifications and the table of file(1).
_UNSUPPORTED_PREFIXES: tuple[bytes, ...] = (
    b"GIF87a",
    b"GIF89a",
    b"II*\0",  # TIFF, and camera raw built on it: CR2, NEF, ARW, DNG, PEF, SRW
    b"MM\0*",
    b"II+\0",  # BigTIFF
    b"MM\0+",
    b"IIU\0",  # Panasonic RW2
    b"IIRO",  # Olympus ORF
    b"IIRS",
    b"MMOR",
    b"\0MRM",  # Minolta MRW
    b"FOVb",  # Sigma X3F
    b"FUJIFILMCCD-RAW",
    b"II\x1a\0\0\0HEAPCCDR",  # Canon CRW
    b"II\xbc",  # JPEG XR
    b"\0\0\0\x0cjP  \r\n\x87\n",  # JPEG 2000
    b"\xff\x4f\xff\x51",
    b"\0\0\0\x0cJXL \r\n\x87\n",  # JPEG XL
    b"\xff\x0a",
    b"\xff\xd9\xff\xf7",
    b"8BPS",  # Photoshop
    b"%!PS",
    b"\xc5\xd0\xd3\xc6",  # EPS with a preview
    b"qoif",
    b"DDS ",
    b"v/1\x01",  # OpenEXR
    b"#?RADIANCE",
    b"#?RGBE",
    b"\x59\xa6\x6a\x95",  # Sun raster
    b"gimp xcf",
    b"SIMPLE  =",  # FITS
    b"XISF0100",
    b"\xd7\xcd\xc6\x9a",  # WMF
    b"FLIF",
    b"BPG\xfb",
    b"\x8aMNG\r\n\x1a\n",
    b"\x8bJNG\r\n\x1a\n",
    b"\xb1\x68\xde\x3a",  # DCX
    b"\x3a\xde\x68\xb1",
    b"/* XPM */",
    b"icns",
    b"SDPX",  # DPX
    b"XPDS",
    b"\x80\x2a\x5f\xd7",  # Cineon
    b"PGF",
    b"Paint Shop Pro Image File",
    b"BLP1",
    b"BLP2",
    b"DanM",  # Windows Paint 1
    b"LinS",
    b"\x97JB2\r\n\x1a\n",
    b"\xabKTX ",
    b"\x13\xab\xa1\x5c",  # ASTC
    b"VTF\0",
    b"id=ImageMagick",
    b"\xcf\x84",  # Lepton
    b"\x89LFP",
    b"PG ML",  # JPEG 2000 test component
    b"PG LM",
    b"FTEX",
    b"FTU!",
)

_UNSUPPORTED_AT: tuple[tuple[int, bytes], ...] = (
    (4, b"idsc"),  # QuickTime image
    (40, b" EMF"),
    (128, b"DICM"),
    (2048, b"PCD_IPI"),
)

_IMAGE_BRANDS = frozenset(
    b"heic heix heim heis hevc hevx hevm hevs heif mif1 mif2 mif3 msf1 miaf avif avis avio avci avcs "
    b"j2ki j2is jpeg jpgs jxsi vvic vvis evbi evbs MA1A MA1B 1pic".split()
) | {b"crx "}
"""Brands of still pictures in ISO base media files (MP4RA registry); every other brand is a film or a sound."""

_PNM = re.compile(rb"P[1-6]\s+(?:#|\d)|P7\s+(?:#|WIDTH|332)|P[Ff]\s+\d")
_XBM = re.compile(rb"\s*#define[ \t]+\w*_width[ \t]+\d+")
_SVG = re.compile(rb"<(?:\w+:)?svg[\s>]")


def sniff(data: bytes) -> str:
    """Names the format of a file that we handle.

    Args:
        data: The file; its first 4 KiB and its last bytes decide.

    Returns:
        `jpeg`, `png`, `webp` or `bmp`. The rest of the file may be damaged all the same.

    Raises:
        UnsupportedFormat: A picture of another format.
        NotAnImage: Anything else; also what is empty or unknown.
    """
    head = data[:_HEAD_BYTES]
    if head.startswith(b"\xff\xd8"):
        return "jpeg"
    if head.startswith(b"\x89PNG"):
        return "png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if _is_bmp(head):
        return "bmp"
    if _is_other_picture(head) or data[-18:] == b"TRUEVISION-XFILE.\0":
        raise UnsupportedFormat
    raise NotAnImage


def _is_bmp(head: bytes) -> bool:
    """Two letters are little; the size of the second header or the zeros before it settle it."""
    if head[:2] != b"BM":
        return False
    known = len(head) >= 18 and struct.unpack_from("<I", head, 14)[0] in _BMP_HEADER_SIZES
    return known or head[6:10] == b"\0\0\0\0"


def _is_other_picture(head: bytes) -> bool:
    return (
        head.startswith(_UNSUPPORTED_PREFIXES)
        or any(head[at : at + len(magic)] == magic for at, magic in _UNSUPPORTED_AT)
        or _is_icon(head)
        or _is_raster_with_weak_magic(head)
        or _is_container_of_picture(head)
        or _is_text_picture(head)
    )


def _is_icon(head: bytes) -> bool:
    """ICO and CUR: reserved 0, type 1 or 2, a plausible count, and the reserved byte of the first entry."""
    return head[:4] in (b"\0\0\1\0", b"\0\0\2\0") and len(head) >= 10 and head[4:6] != b"\0\0" and head[9] == 0


def _is_raster_with_weak_magic(head: bytes) -> bool:
    pcx = head[:1] == b"\n" and head[1:2] in b"\0\2\3\4\5" and head[2:3] == b"\1" and head[3:4] in b"\1\2\4\x08"
    sgi = head[:2] == b"\x01\xda" and head[2:3] in b"\0\1" and head[3:4] in b"\1\2"
    return len(head) >= 16 and (pcx or sgi)


def _is_container_of_picture(head: bytes) -> bool:
    kind = head[8:12]
    if head[:4] == b"RIFF":
        return kind in (b"ACON", b"RDIB") or kind[:3] == b"CDR"
    if head[:4] == b"FORM":
        return kind in (b"ILBM", b"PBM ", b"ACBM", b"RGB8", b"RGBN", b"DEEP")
    if head[4:8] == b"ftyp":
        size = min(int.from_bytes(head[:4], "big"), len(head))
        compatible = {head[at : at + 4] for at in range(16, size - 3, 4)}
        return not _IMAGE_BRANDS.isdisjoint({kind} | compatible)
    return False


def _is_text_picture(head: bytes) -> bool:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    svg = text.startswith(b"<") and _SVG.search(text) is not None
    return svg or _PNM.match(head) is not None or _XBM.match(head) is not None
