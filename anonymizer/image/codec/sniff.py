"""Which kind of file these bytes are, by their first bytes (magic numbers), never by a file's name."""

from __future__ import annotations

import re
import struct

from anonymizer.errors import NotAnImage, ObjectError, UnsupportedFormat
from anonymizer.image.codec.camera_raw import is_camera_raw
from anonymizer.image.codec.tiff.directory import is_tiff
from anonymizer.image.unread import by_content

_HEAD_BYTES = 4096

_BMP_HEADER_SIZES = (12, 16, 40, 52, 56, 64, 108, 124)

# Pictures that we recognise and do not handle. Sources: the formats' specifications and the table of file(1).
_UNSUPPORTED_PREFIXES: tuple[bytes, ...] = (
    b"IIU\0",  # Panasonic RW2
    b"IIRO",  # Olympus ORF
    b"IIRS",
    b"MMOR",
    b"\0MRM",  # Minolta MRW
    b"FOVb",  # Sigma X3F
    b"FUJIFILMCCD-RAW",
    b"II\x1a\0\0\0HEAPCCDR",  # Canon CRW
    b"II\xbc",  # JPEG XR
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

_JP2_SIGNATURE = b"\0\0\0\x0cjP  \r\n\x87\n"
_JP2_CODESTREAM = b"\xff\x4f\xff\x51"
_JP2_BRANDS = frozenset({b"jp2 ", b"jpx ", b"jph ", b"jpxb"})

_JXL_CONTAINER, _JXL_CODESTREAM = b"\0\0\0\x0cJXL \r\n\x87\n", b"\xff\x0a"

_AVIF_BRANDS = frozenset(b"avif avis avio MA1A MA1B av01".split())
_HEVC_BRANDS = frozenset(b"heic heix heim heis hevc hevx hevm hevs".split())
_UNREAD_BRANDS = frozenset(b"avci avcs j2ki j2is jpeg jpgs jxsi vvic vvis evbi evbs".split()) | {b"crx "}
_ANY_STILL_BRANDS = frozenset(b"heif mif1 mif2 mif3 msf1 miaf 1pic".split())
"""Brands of still pictures in ISO base media files (MP4RA registry); every other brand is a film or a sound."""

_PNM = re.compile(rb"P[1-6]\s+(?:#|\d)|P7\s+(?:#|WIDTH|332)|P[Ff]\s+\d")
_XBM = re.compile(rb"\s*#define[ \t]+\w*_width[ \t]+\d+")
_SVG = re.compile(rb"<(?:\w+:)?svg[\s>]")


def sniff(data: bytes) -> str:
    """Names the format of a file that we handle.

    Args:
        data: The file; its first 4 KiB and its last bytes decide, and the directories where it is a TIFF.

    Returns:
        `jpeg`, `png`, `webp`, `bmp`, `gif`, `tiff`, `heif`, `avif`, `jp2` or `jxl`. The rest of the file may be damaged
        all the same.

    Raises:
        UnsupportedFormat: A picture of another format, camera raw for one.
        ArchiveUnread, TableUnread, VideoUnread, DocumentUnread: No picture, but it may hold some.
        NotAnImage: Anything else; also what is empty or unknown.
    """
    head = data[:_HEAD_BYTES]
    if head.startswith(b"\xff\xd8"):
        return "jpeg"
    if head.startswith(b"\x89PNG"):
        return "png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if _is_bmp(head):
        return "bmp"
    if is_tiff(head) and not is_camera_raw(data):
        return "tiff"
    if _is_jpeg_2000(head):
        return "jp2"
    if head.startswith((_JXL_CONTAINER, _JXL_CODESTREAM)):
        return "jxl"
    if head[4:8] == b"ftyp":
        return _base_media_format(data)
    if _is_other_picture(head) or data[-18:] == b"TRUEVISION-XFILE.\0":
        raise UnsupportedFormat
    raise _no_picture(data)


def _no_picture(data: bytes) -> ObjectError:
    error = by_content(data, sniff)
    return error() if error is not None else NotAnImage()


def _is_bmp(head: bytes) -> bool:
    """Two letters are little; the size of the second header or the zeros before it settle it."""
    if head[:2] != b"BM":
        return False
    known = len(head) >= 18 and struct.unpack_from("<I", head, 14)[0] in _BMP_HEADER_SIZES
    return known or head[6:10] == b"\0\0\0\0"


def _is_jpeg_2000(head: bytes) -> bool:
    """A codestream, or a JP2 file; its signature is also that of films (MJ2) and of pages in layers (JPM)."""
    if not head.startswith(_JP2_SIGNATURE):
        return head.startswith(_JP2_CODESTREAM)
    brands = _brands(head[12:])
    return not brands or (brands[0] != b"mjp2" and not _JP2_BRANDS.isdisjoint(brands))


def _base_media_format(data: bytes) -> str:
    """What the brands of an ISO base media file promise; the first brand that says how it is coded decides."""
    brands = _brands(data[:_HEAD_BYTES])
    for brand in brands:
        if brand in _UNREAD_BRANDS:
            raise UnsupportedFormat
        if brand in _AVIF_BRANDS:
            return "avif"
        if brand in _HEVC_BRANDS:
            return "heif"
    if _ANY_STILL_BRANDS.isdisjoint(brands):
        raise _no_picture(data)
    return "heif"


def _brands(head: bytes) -> list[bytes]:
    """Major and compatible brands of a file type box (ISO/IEC 14496-12, 4.3); none where it is another box."""
    if head[4:8] != b"ftyp":
        return []
    size = min(int.from_bytes(head[:4], "big"), len(head))
    return [head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))]


def _is_other_picture(head: bytes) -> bool:
    return (
        head.startswith((*_UNSUPPORTED_PREFIXES, _JP2_SIGNATURE))
        or is_tiff(head)
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
    return False


def _is_text_picture(head: bytes) -> bool:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    svg = text.startswith(b"<") and _SVG.search(text) is not None
    return svg or _PNM.match(head) is not None or _XBM.match(head) is not None
