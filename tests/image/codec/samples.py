"""Small pictures and dirty files, made in code."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from anonymizer.config import CodecConfig
from anonymizer.image import codec
from anonymizer.records import Frame, Picture, Pixels
from tests.image.codec import jxl

CONFIG = CodecConfig()
#: JPEG XL where its library is installed (the extra `jxl`).
FORMATS = ("jpeg", "png", "webp", "bmp", "gif", "tiff", "avif", "jp2", *(("jxl",) if jxl.IS_HERE else ()))
_OF_PILLOW = {"jp2": "JPEG2000"}
MARKER = b"Secret-Marker-4711"

# Upper left, upper right, lower left, lower right of a picture that stands upright.
CORNERS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255))


def photo(height: int = 48, width: int = 64) -> Pixels:
    """(H, W, 3) smooth colours with some grain."""
    rows, columns = np.mgrid[:height, :width]
    grain = np.random.default_rng(7).integers(0, 12, (height, width))
    channels = (rows * 200 // height, columns * 200 // width, (rows + columns) * 100 // (height + width))
    return np.stack([channel + grain for channel in channels], axis=-1).astype(np.uint8)


def cornered(height: int = 32, width: int = 64) -> Pixels:
    """(H, W, 3) upright, each quarter in the colour of its corner."""
    pixels = np.zeros((height, width, 3), np.uint8)
    halves = (slice(0, height // 2), slice(height // 2, None)), (slice(0, width // 2), slice(width // 2, None))
    for number, color in enumerate(CORNERS):
        pixels[halves[0][number // 2], halves[1][number % 2]] = color
    return pixels


def saved(pixels: NDArray[Any] | Image.Image, format_name: str, **settings: Any) -> bytes:
    """A file as Pillow writes it, or for JPEG XL imagecodecs."""
    if format_name == "jxl":
        return jxl.saved(np.asarray(pixels), **settings)
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    output = BytesIO()
    image.save(output, _OF_PILLOW.get(format_name, format_name.upper()), **settings)
    return output.getvalue()


def encoded(format_name: str, pixels: Pixels | None = None, alpha: Pixels | None = None) -> bytes:
    """A file as we write it."""
    return codec.encode(Picture(format_name, (Frame(photo() if pixels is None else pixels, alpha),))).data


def only_frame(data: bytes) -> Frame:
    """The frame of a file with the usual limits."""
    (frame,) = codec.decode(data, CONFIG).frames
    return frame


def exif(entries: dict[int, tuple[int, int, bytes]], thumbnail: bytes = b"", order: str = "<") -> bytes:
    """A TIFF structure: tag → (type, count, four bytes of value), IFD1 and its thumbnail if there is one.

    A GPS directory with one entry, whose value is `MARKER`, is added for tag 0x8825.
    """
    gps_offset = 8 + 2 + 12 * len(entries) + 4
    entries = dict(entries)
    if 0x8825 in entries:
        entries[0x8825] = (4, 1, struct.pack(order + "I", gps_offset))
    gps = struct.pack(order + "HHHII", 1, 0x001D, 2, len(MARKER), gps_offset + 18) + bytes(4) + MARKER
    next_offset = gps_offset + len(gps)
    ifd1 = struct.pack(order + "HHHIIHHIII", 2, 0x0201, 4, 1, next_offset + 30, 0x0202, 4, 1, len(thumbnail), 0)
    parts = [b"II*\0" if order == "<" else b"MM\0*", struct.pack(order + "IH", 8, len(entries))]
    parts += [struct.pack(order + "HHI", tag, kind, count) + value for tag, (kind, count, value) in entries.items()]
    parts += [struct.pack(order + "I", next_offset if thumbnail else 0), gps, ifd1 if thumbnail else b"", thumbnail]
    return b"".join(parts)


def orientation_exif(orientation: int, order: str = "<") -> bytes:
    """A TIFF structure with nothing but an orientation."""
    return exif({0x0112: (3, 1, struct.pack(order + "H2x", orientation))}, order=order)


def rich_exif() -> bytes:
    """GPS, thumbnail, maker note, date and orientation; the thumbnail is a JPEG with a comment."""
    thumbnail = with_segment(saved(photo(16, 16), "jpeg"), 0xFE, MARKER)
    return exif(
        {
            0x010F: (2, 4, b"Cam\0"),
            0x0112: (3, 1, b"\1\0\0\0"),
            0x0132: (2, 4, b"2024"),
            0x8825: (4, 1, bytes(4)),
            0x927C: (7, 4, b"note"),
        },
        thumbnail,
    )


def segment(marker: int, payload: bytes) -> bytes:
    """One JPEG segment."""
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def with_segment(jpeg: bytes, marker: int, payload: bytes) -> bytes:
    """A JPEG with one more segment, right behind its JFIF one."""
    return jpeg[:20] + segment(marker, payload) + jpeg[20:]


def chunk(name: bytes, payload: bytes) -> bytes:
    """One PNG chunk."""
    return struct.pack(">I", len(payload)) + name + payload + struct.pack(">I", zlib.crc32(name + payload))


def with_chunk(png: bytes, name: bytes, payload: bytes) -> bytes:
    """A PNG with one more chunk, right behind IHDR."""
    return png[:33] + chunk(name, payload) + png[33:]


def riff_chunk(name: bytes, payload: bytes) -> bytes:
    """One RIFF chunk."""
    return name + struct.pack("<I", len(payload)) + payload + b"\0" * (len(payload) % 2)


def webp_of(*chunks: bytes) -> bytes:
    """A WebP file of ready chunks."""
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def with_riff_chunk(webp: bytes, name: bytes, payload: bytes) -> bytes:
    """A WebP with one more chunk at its end."""
    return webp_of(webp[12:], riff_chunk(name, payload))


def icc_profile() -> bytes:
    """An sRGB profile; its date (ICC.1:2010, 7.2.8) is fixed, so that every call gives the same bytes."""
    made = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return made[:24] + struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + made[36:]


def swapped_profile() -> bytes:
    """A profile whose red primary is sRGB's green and the other way round, so that its use is seen."""
    profile = bytearray(icc_profile())
    for at in range(132, 132 + 12 * struct.unpack_from(">I", profile, 128)[0], 12):
        name = bytes(profile[at : at + 4])
        profile[at : at + 4] = {b"rXYZ": b"gXYZ", b"gXYZ": b"rXYZ"}.get(name, name)
    return bytes(profile)


def png_of(width: int, height: int, depth: int, color_type: int, rows: bytes, *others: bytes) -> bytes:
    """A PNG of raw, unfiltered rows (without their filter bytes), any bit depth, with ready chunks before IDAT."""
    stride = len(rows) // height
    raw = b"".join(b"\0" + rows[at : at + stride] for at in range(0, len(rows), stride))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0))
    ending = chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    return b"".join((b"\x89PNG\r\n\x1a\n", header, *others, ending))


_XMP = (
    b"<x:xmpmeta><rdf:Description exif:GPSLatitude='1' GImage:Data='" + MARKER + b"' GDepth:Data='AAAA' "
    b"hdrgm:Version='1.0' xmpMM:History='x' xmpGImg:image='x' GCamera:MotionPhoto='1' mwg-rs:Regions='x'/></x:xmpmeta>"
)
_XMP_NAMES = {
    "xmp", "xmp.gps", "xmp.gimage", "xmp.gdepth", "gainmap", "xmp.history", "xmp.thumbnail", "motion_photo",
    "xmp.people",
}  # fmt: skip
_EXIF_NAMES = {
    "exif", "exif.device", "exif.orientation", "exif.datetime", "exif.gps", "exif.makernote", "exif.thumbnail",
}  # fmt: skip
_VIDEO = b"\0\0\0\x18ftypmp42" + MARKER
_PHOTOSHOP = b"Photoshop 3.0\0" + b"".join(
    b"8BIM" + struct.pack(">HHI", number, 0, len(MARKER)) + MARKER for number in (0x0404, 0x040C)
)


def _icc_with_marker() -> bytes:
    return icc_profile() + MARKER


PLANTED: dict[str, tuple[str, Callable[[], bytes], set[str]]] = {
    "jpeg comment": ("jpeg", lambda: with_segment(encoded("jpeg"), 0xFE, MARKER), {"comment"}),
    "jpeg exif": ("jpeg", lambda: with_segment(encoded("jpeg"), 0xE1, b"Exif\0\0" + rich_exif()), _EXIF_NAMES),
    "jpeg xmp": (
        "jpeg",
        lambda: with_segment(encoded("jpeg"), 0xE1, b"http://ns.adobe.com/xap/1.0/\0" + _XMP),
        _XMP_NAMES,
    ),
    "jpeg extended xmp": (
        "jpeg",
        lambda: with_segment(encoded("jpeg"), 0xE1, b"http://ns.adobe.com/xmp/extension/\0GImage:Data" + MARKER),
        {"xmp", "xmp.extended", "xmp.gimage"},
    ),
    "jpeg photoshop": (
        "jpeg",
        lambda: with_segment(encoded("jpeg"), 0xED, _PHOTOSHOP),
        {"photoshop", "photoshop.thumbnail", "iptc"},
    ),
    "jpeg icc": (
        "jpeg",
        lambda: with_segment(encoded("jpeg"), 0xE2, b"ICC_PROFILE\0\1\1" + _icc_with_marker()),
        {"icc"},
    ),
    "jpeg mpf": ("jpeg", lambda: with_segment(encoded("jpeg"), 0xE2, b"MPF\0" + MARKER), {"mpf"}),
    "jpeg gain map": (
        "jpeg",
        lambda: with_segment(encoded("jpeg"), 0xE2, b"urn:iso:std:iso:ts:21496:-1\0" + MARKER),
        {"gainmap"},
    ),
    "jpeg flashpix": ("jpeg", lambda: with_segment(encoded("jpeg"), 0xE2, b"FPXR\0" + MARKER), {"app.flashpix"}),
    "jpeg c2pa": ("jpeg", lambda: with_segment(encoded("jpeg"), 0xEB, b"JP\0\1jumbc2pa" + MARKER), {"c2pa"}),
    "jpeg jumbf": ("jpeg", lambda: with_segment(encoded("jpeg"), 0xEB, b"JP\0\1jumb" + MARKER), {"jumbf"}),
    "jpeg unknown segment": ("jpeg", lambda: with_segment(encoded("jpeg"), 0xE7, MARKER), {"app.other"}),
    "jpeg adobe": (
        "jpeg",
        lambda: with_segment(encoded("jpeg"), 0xEE, b"Adobe\0\x64\0\0\0\0\1" + MARKER),
        {"app.adobe"},
    ),
    "jpeg jfxx": ("jpeg", lambda: with_segment(encoded("jpeg"), 0xE0, b"JFXX\0\x10" + MARKER), {"jfif.thumbnail"}),
    "jpeg jfif thumbnail": (
        "jpeg",
        lambda: b"\xff\xd8" + segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\2\3" + MARKER) + encoded("jpeg")[20:],
        {"jfif.thumbnail"},
    ),
    "jpeg trailer": ("jpeg", lambda: encoded("jpeg") + MARKER, {"trailer"}),
    "jpeg with a film": ("jpeg", lambda: encoded("jpeg") + _VIDEO, {"trailer", "motion_photo"}),
    "jpeg with rubbish between": (
        "jpeg",
        lambda: encoded("jpeg")[:20] + MARKER + encoded("jpeg")[20:],
        {"gap"},
    ),
    "png text": ("png", lambda: with_chunk(encoded("png"), b"tEXt", b"Author\0" + MARKER), {"png.text"}),
    "png international text": (
        "png",
        lambda: with_chunk(encoded("png"), b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + _XMP),
        _XMP_NAMES | {"png.text"},
    ),
    "png raw profile": (
        "png",
        lambda: with_chunk(encoded("png"), b"zTXt", b"Raw profile type exif\0\0" + MARKER),
        {"png.text", "exif"},
    ),
    "png time": ("png", lambda: with_chunk(encoded("png"), b"tIME", MARKER[:7]), {"png.time"}),
    "png exif": ("png", lambda: with_chunk(encoded("png"), b"eXIf", rich_exif()), _EXIF_NAMES),
    "png icc": (
        "png",
        lambda: with_chunk(encoded("png"), b"iCCP", MARKER + b"\0\0" + zlib.compress(icc_profile())),
        {"icc"},
    ),
    "png c2pa": ("png", lambda: with_chunk(encoded("png"), b"caBX", MARKER), {"c2pa"}),
    "png resolution": ("png", lambda: with_chunk(encoded("png"), b"pHYs", MARKER[:9]), {"png.physical"}),
    "png gamma": ("png", lambda: with_chunk(encoded("png"), b"gAMA", MARKER[:4]), {"png.rendering"}),
    "png private chunk": ("png", lambda: with_chunk(encoded("png"), b"prVt", MARKER), {"chunk.other"}),
    "png trailer": ("png", lambda: encoded("png") + MARKER, {"trailer"}),
    "webp exif": ("webp", lambda: with_riff_chunk(encoded("webp"), b"EXIF", rich_exif()), _EXIF_NAMES),
    "webp xmp": ("webp", lambda: with_riff_chunk(encoded("webp"), b"XMP ", _XMP), _XMP_NAMES),
    "webp icc": ("webp", lambda: with_riff_chunk(encoded("webp"), b"ICCP", _icc_with_marker()), {"icc"}),
    "webp unknown chunk": ("webp", lambda: with_riff_chunk(encoded("webp"), b"SECR", MARKER), {"chunk.other"}),
    "webp trailer": ("webp", lambda: encoded("webp") + MARKER, {"trailer"}),
    "bmp trailer": ("bmp", lambda: encoded("bmp") + MARKER, {"trailer"}),
    "bmp gap": (
        "bmp",
        lambda: (
            encoded("bmp")[:10]
            + struct.pack("<I", 54 + len(MARKER))
            + encoded("bmp")[14:54]
            + MARKER
            + encoded("bmp")[54:]
        ),
        {"gap"},
    ),
}
"""Kind of dirt → (format, maker of a readable file with it, names it has to get)."""
