"""Files that carry what anonymizers forget, each with the marker where the leak is. Numbers: the list of known leaks.

What carries the marker in a single place of a file is taken from `tests.image.codec.samples`; here is what needs more.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO

import numpy as np
from PIL import Image, TiffImagePlugin

from tests.image.codec import heic, jxl
from tests.image.codec.samples import (
    MARKER,
    PLANTED,
    encoded,
    icc_profile,
    photo,
    rich_exif,
    saved,
    segment,
    with_chunk,
    with_segment,
)


@dataclass(frozen=True)
class Leak:
    """A kind of leak.

    Attributes:
        number: In the list of known leaks; 0 for what is not in it.
        name: What it is; with the extension it is the key.
        extension: Of the file.
        make: The file.
    """

    number: int
    name: str
    extension: str
    make: Callable[[], bytes]

    @property
    def key(self) -> str:
        return f"{self.number:02} {self.name}.{self.extension}"


def _second_photo() -> bytes:
    """Another complete JPEG, with a comment of its own."""
    return with_segment(saved(photo(24, 32)[::-1], "jpeg"), 0xFE, MARKER)


def _original_in_extended_xmp() -> bytes:
    """GImage:Data, the photo as it was before the editing, in base64, over two segments."""
    text = b"<x xmlns:GImage='g' GImage:Data='" + base64.b64encode(_second_photo()) + b"' note='" + MARKER + b"'/>"
    half, head = len(text) // 2, b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 32
    jpeg = encoded("jpeg")
    for at, part in reversed([(0, text[:half]), (half, text[half:])]):
        jpeg = with_segment(jpeg, 0xE1, head + struct.pack(">II", len(text), at) + part)
    return jpeg


def _tracking_note() -> bytes:
    """The platform's own mark in IPTC's special instructions."""
    iptc = b"\x1c\x02\x28" + struct.pack(">H", len(MARKER) + 4) + b"FBMD" + MARKER
    resource = b"8BIM" + struct.pack(">HHI", 0x0404, 0, len(iptc)) + iptc
    return with_segment(encoded("jpeg"), 0xED, b"Photoshop 3.0\0" + resource)


def _gif(frames: int, **settings: object) -> bytes:
    images = [Image.fromarray(np.roll(photo(), 5 * i, axis=1)).quantize(32) for i in range(frames)]
    output = BytesIO()
    images[0].save(output, "GIF", save_all=True, append_images=images[1:], duration=80, **settings)
    return output.getvalue()


def _gif_with(block: bytes) -> bytes:
    """A GIF with one more block before its trailer."""
    return _gif(2)[:-1] + block + b";"


def _gif_application() -> bytes:
    return _gif_with(b"!\xff\x0bXMP DataXMP" + bytes((len(MARKER),)) + MARKER + b"\0")


def _tiff(**tags: object) -> bytes:
    info = TiffImagePlugin.ImageFileDirectory_v2()
    for name, value in tags.items():
        number = int(name.removeprefix("tag_"))
        info.tagtype[number] = 2 if isinstance(value, str) else 7
        info[number] = value
    output = BytesIO()
    Image.fromarray(photo()).save(output, "TIFF", tiffinfo=info)
    return output.getvalue()


def _tiff_reduced_copy() -> bytes:
    """A second directory that says it is a preview, with a description of its own."""
    preview = TiffImagePlugin.ImageFileDirectory_v2()
    preview[254] = 1
    preview[270] = MARKER.decode()
    small = Image.fromarray(photo(12, 16)[::-1])
    small.encoderinfo = {"tiffinfo": preview}
    output = BytesIO()
    Image.fromarray(photo()).save(output, "TIFF", save_all=True, append_images=[small])
    return output.getvalue()


def _tiff_sub_directory() -> bytes:
    """A tag 330 (SubIFDs) that leads to bytes behind the picture."""
    data = _tiff(tag_330=b"\0\0\0\0")
    return data + MARKER


def _avif(**settings: object) -> bytes:
    output = BytesIO()
    Image.fromarray(photo()).save(output, "AVIF", speed=10, **settings)
    return output.getvalue()


def _box(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", 8 + len(payload)) + kind + payload


def _jp2(*boxes: bytes) -> bytes:
    output = BytesIO()
    Image.fromarray(photo()).save(output, "JPEG2000", irreversible=False)
    return output.getvalue() + b"".join(boxes)


def _jxl_of_jpeg() -> bytes:
    """The JPEG's comment is in what it takes to make that file again, compressed; its EXIF in a box of its own."""
    return jxl.from_jpeg(_from("jpeg exif")()) + MARKER


def _jxl(*boxes: bytes) -> bytes:
    return jxl.boxed(jxl.saved(photo(), usecontainer=False), *boxes)


def _heic(beside: heic.Item) -> bytes:
    """A photo, and another item that belongs to it."""
    return heic.heic(heic.picture(photo()), beside)


def _heic_thumbnail() -> bytes:
    return _heic(replace(heic.picture(photo(24, 32), links=((b"thmb", 1),)), text=MARKER + b"\0"))


def _heic_depth_map() -> bytes:
    kind = heic.box(b"auxC", bytes(4), b"urn:mpeg:hevc:2015:auxid:2\0")
    depth = heic.picture(photo(24, 32)[..., 0], kind, links=((b"auxl", 1),))
    return _heic(replace(depth, text=MARKER + b"\0"))


def _unused_palette_entries() -> bytes:
    image = Image.fromarray((photo()[..., 0] // 64).astype(np.uint8), "P")
    image.putpalette((b"\0\0\0\x40\x40\x40\x80\x80\x80\xff\xff\xff" + MARKER * 9)[:768])
    return saved(image, "png")


def _surplus_rows() -> bytes:
    """A JPEG whose header announces less than half of its rows: patched back, it shows them again."""
    jpeg = bytearray(saved(photo(96, 64), "jpeg", subsampling=0))
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 7] = struct.pack(">H", 40)
    return with_segment(bytes(jpeg), 0xFE, MARKER)


def _between_markers() -> bytes:
    jpeg = encoded("jpeg")
    at = jpeg.index(b"\xff\xc4")
    return jpeg[:at] + MARKER + jpeg[at:]


def _profile_with_description() -> bytes:
    """An sRGB profile whose text says more than it should."""
    return icc_profile().replace(b"sRGB", b"sRGB") + MARKER


def _from(dirt: str) -> Callable[[], bytes]:
    return PLANTED[dirt][1]


_VIDEO = b"\0\0\0\x18ftypmp42" + MARKER
_XMP = b"<x:xmpmeta><rdf:Description dc:creator='" + MARKER + b"'/></x:xmpmeta>"

LEAKS: tuple[Leak, ...] = (
    Leak(1, "exif thumbnail", "jpg", _from("jpeg exif")),
    Leak(1, "exif thumbnail", "webp", _from("webp exif")),
    Leak(1, "exif thumbnail", "png", _from("png exif")),
    Leak(1, "exif thumbnail", "avif", lambda: _avif(exif=rich_exif())),
    Leak(2, "photoshop thumbnail", "jpg", _from("jpeg photoshop")),
    Leak(2, "photoshop resources", "tif", lambda: _tiff(tag_34377=b"8BIM\x04\x0c\0\0\0\0\0\x12" + MARKER)),
    Leak(3, "mpf second photo", "jpg", lambda: _from("jpeg mpf")() + _second_photo()),
    Leak(4, "gain map", "jpg", lambda: _from("jpeg gain map")() + _second_photo()),
    Leak(5, "motion photo", "jpg", _from("jpeg with a film")),
    Leak(6, "original in extended xmp", "jpg", _original_in_extended_xmp),
    Leak(7, "c2pa", "jpg", _from("jpeg c2pa")),
    Leak(7, "c2pa", "png", _from("png c2pa")),
    Leak(7, "c2pa", "avif", lambda: _avif() + _box(b"uuid", b"\xd8\xfe\xc3\xd6\x1b\x0e\x48\x3c" + bytes(8) + MARKER)),
    Leak(7, "c2pa", "jp2", lambda: _jp2(_box(b"uuid", bytes(16) + MARKER))),
    Leak(8, "after the end", "jpg", _from("jpeg trailer")),
    Leak(8, "after the end", "png", _from("png trailer")),
    Leak(8, "after the end", "webp", _from("webp trailer")),
    Leak(8, "after the end", "bmp", _from("bmp trailer")),
    Leak(8, "after the end", "gif", lambda: _gif(1) + MARKER),
    Leak(8, "after the end", "tif", lambda: _tiff() + MARKER),
    Leak(8, "after the end", "jp2", lambda: _jp2() + MARKER),
    Leak(9, "text chunk", "png", _from("png text")),
    Leak(9, "international text chunk", "png", _from("png international text")),
    Leak(9, "private chunk", "png", _from("png private chunk")),
    Leak(9, "time chunk", "png", lambda: with_chunk(_from("png text")(), b"tIME", MARKER[:7])),
    Leak(10, "comment", "jpg", _from("jpeg comment")),
    Leak(10, "comment", "gif", lambda: _gif(2, comment=MARKER)),
    Leak(10, "application block", "gif", _gif_application),
    Leak(11, "exif", "webp", _from("webp exif")),
    Leak(11, "xmp", "webp", _from("webp xmp")),
    Leak(11, "unknown chunk", "webp", _from("webp unknown chunk")),
    Leak(12, "description", "tif", lambda: _tiff(tag_270=MARKER.decode(), tag_315=MARKER.decode())),
    Leak(12, "private tag", "tif", lambda: _tiff(tag_65000=MARKER)),
    Leak(12, "xmp and iptc", "tif", lambda: _tiff(tag_700=_XMP, tag_33723=MARKER)),
    Leak(12, "reduced copy", "tif", _tiff_reduced_copy),
    Leak(12, "sub directory", "tif", _tiff_sub_directory),
    Leak(13, "thumbnail", "heic", _heic_thumbnail),
    Leak(13, "depth map", "heic", _heic_depth_map),
    Leak(13, "exif item", "heic", lambda: _heic(heic.Item(b"Exif", bytes(4) + rich_exif(), links=((b"cdsc", 1),)))),
    Leak(13, "second photo", "heic", lambda: _heic(replace(heic.picture(photo()[::-1]), text=MARKER + b"\0"))),
    Leak(13, "xmp item", "avif", lambda: _avif(xmp=_XMP)),
    Leak(13, "free box", "avif", lambda: _avif() + _box(b"free", MARKER)),
    Leak(14, "icc description", "jpg", _from("jpeg icc")),
    Leak(14, "icc description", "webp", _from("webp icc")),
    Leak(14, "icc description", "png", _from("png icc")),
    Leak(14, "icc description", "avif", lambda: _avif(icc_profile=_profile_with_description())),
    Leak(14, "icc description", "tif", lambda: _tiff(tag_34675=_profile_with_description())),
    Leak(17, "platform tag", "jpg", _tracking_note),
    Leak(22, "jfif thumbnail", "jpg", _from("jpeg jfif thumbnail")),
    Leak(22, "jfxx thumbnail", "jpg", _from("jpeg jfxx")),
    Leak(0, "bytes between markers", "jpg", _between_markers),
    Leak(0, "lowered height", "jpg", _surplus_rows),
    Leak(0, "unused palette entries", "png", _unused_palette_entries),
    Leak(0, "adobe segment", "jpg", _from("jpeg adobe")),
    Leak(0, "restart after the end", "jpg", lambda: encoded("jpeg") + segment(0xD0, MARKER)),
    *(
        (
            Leak(1, "exif thumbnail", "jxl", lambda: _jxl(_box(b"Exif", bytes(4) + rich_exif()))),
            Leak(7, "c2pa", "jxl", lambda: _jxl(_box(b"jumb", b"c2pa" + MARKER))),
            Leak(8, "after the end", "jxl", lambda: _jxl() + MARKER),
            Leak(11, "xmp", "jxl", lambda: _jxl(_box(b"xml ", _XMP))),
            Leak(4, "gain map", "jxl", lambda: _jxl(_box(b"jhgm", _second_photo()))),
            Leak(0, "jpeg made again", "jxl", _jxl_of_jpeg),
        )
        if jxl.IS_HERE
        else ()
    ),
)
"""What is in a single picture. Tests of their own have: frames (15), colours under alpha 0 (16), sidecars (19), the
manifest (20), files without a face (21: all of these) and what the store keeps of an object (18). Old versions in a
bucket (23) are documented behaviour."""
