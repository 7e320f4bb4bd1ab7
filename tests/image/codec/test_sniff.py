from __future__ import annotations

import struct

import pytest

from anonymizer.errors import NotAnImage, UnsupportedFormat
from anonymizer.image.codec import sniff
from tests.image.codec.samples import FORMATS, encoded, photo
from tests.image.codec.tiff_samples import BYTE, SHORT, Values, page, tiff_of


def _ftyp(major: bytes, *compatible: bytes) -> bytes:
    body = b"ftyp" + major + bytes(4) + b"".join(compatible)
    return struct.pack(">I", len(body) + 4) + body + b"\0\0\0\x08free"


NO_PICTURES = {
    "empty": b"",
    "one byte": b"\xff",
    "text": b"hello world, this is a text\n",
    "text that begins like BMP": b"BMW is a maker of cars",
    "text that begins like PNM": b"P3 is what we call this plan",
    "pdf": b"%PDF-1.7\n%\xe2\xe3",
    "zip": b"PK\x03\x04" + bytes(40),
    "gzip": b"\x1f\x8b\x08" + bytes(40),
    "avi": b"RIFF\x10\0\0\0AVI LIST",
    "wave": b"RIFF\x10\0\0\0WAVEfmt ",
    "mp4": _ftyp(b"isom", b"iso2", b"mp41"),
    "quicktime": _ftyp(b"qt  "),
    "matroska": b"\x1aE\xdf\xa3" + bytes(40),
    "mp3": b"ID3\x04" + bytes(40),
    "office": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(40),
    "html": b"<!DOCTYPE html><html><body>no drawing</body></html>",
    "zeros": bytes(100),
}

OTHER_PICTURES = {
    "raw of canon": _ftyp(b"crx ", b"isom"),
    "raw of canon, still picture brand first": _ftyp(b"mif1", b"crx "),
    "older raw of canon": b"II*\0\x10\0\0\0CR\2\0" + bytes(20),
    "raw of phase one": b"MM\0*\0\0\0\x20MMMMRawT" + bytes(40),
    "raw of fuji": b"FUJIFILMCCD-RAW 0201",
    "raw of olympus": b"IIRO\x08\0\0\0",
    "raw of panasonic": b"IIU\0\x18\0\0\0",
    "raw of sigma": b"FOVb\0\0\2\0",
    "raw of minolta": b"\0MRM\0\0\0\0",
    "heif of other codecs": _ftyp(b"mif1", b"j2ki", b"heic"),
    "heif with jpeg xs": _ftyp(b"jxsi"),
    "heif with vvc": _ftyp(b"mif1", b"miaf", b"vvic"),
    "film of jpeg 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + _ftyp(b"mjp2", b"jp2 "),
    "pages of jpeg 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + _ftyp(b"jpm "),
    "jpeg xr": b"II\xbc\x01\x08\0\0\0",
    "photoshop": b"8BPS\0\1",
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "eps with preview": b"\xc5\xd0\xd3\xc6" + bytes(20),
    "dicom": bytes(128) + b"DICM",
    "ico": b"\0\0\1\0\1\0\x20\x20\0\0",
    "cur": b"\0\0\2\0\1\0\x20\x20\0\0",
    "tga with footer": bytes(40) + b"TRUEVISION-XFILE.\0",
    "pcx": b"\n\5\1\x08" + bytes(20),
    "pnm": b"P6\n# made by hand\n2 2\n255\n",
    "pfm": b"PF\n2 2\n-1.0\n",
    "qoi": b"qoif" + bytes(10),
    "dds": b"DDS \x7c\0\0\0",
    "exr": b"v/1\x01\2\0\0\0",
    "radiance": b"#?RADIANCE\n",
    "sgi": b"\x01\xda\1\1" + bytes(20),
    "xcf": b"gimp xcf v011\0",
    "fits": b"SIMPLE  =                    T",
    "wmf": b"\xd7\xcd\xc6\x9a" + bytes(20),
    "emf": b"\1\0\0\0" + bytes(36) + b" EMF",
    "bpg": b"BPG\xfb",
    "flif": b"FLIF44",
    "mng": b"\x8aMNG\r\n\x1a\n",
    "svg": b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- x -->\n<svg xmlns="http://www.w3.org/2000/svg">',
    "svg with prefix": b'<svg:svg xmlns:svg="http://www.w3.org/2000/svg">',
    "xbm": b"#define x_width 8\n#define x_height 8\n",
    "animated cursor": b"RIFF\x10\0\0\0ACONLIST",
    "interchange bitmap": b"FORM\0\0\0\x10ILBMBMHD",
}


@pytest.mark.parametrize("data", NO_PICTURES.values(), ids=NO_PICTURES)
def test_no_picture(data: bytes) -> None:
    with pytest.raises(NotAnImage):
        sniff(data)


@pytest.mark.parametrize("data", OTHER_PICTURES.values(), ids=OTHER_PICTURES)
def test_picture_of_another_format(data: bytes) -> None:
    with pytest.raises(UnsupportedFormat):
        sniff(data)


@pytest.mark.parametrize("format_name", FORMATS)
def test_handled_formats_by_their_content(format_name: str) -> None:
    assert sniff(encoded(format_name)) == format_name


HANDLED = {
    "jpeg": (b"\xff\xd8", "jpeg"),
    "png": (b"\x89PNG\n", "png"),
    "webp": (b"RIFF\0\0\0\0WEBP", "webp"),
    "bmp": (b"BM\0\0\0\0\0\0\0\0", "bmp"),
    "gif": (b"GIF89a", "gif"),
    "gif, older": (b"GIF87a", "gif"),
    "tiff": (b"II*\0\x08\0\0\0", "tiff"),
    "tiff, the other order": (b"MM\0*\0\0\0\x08", "tiff"),
    "bigtiff": (b"II+\0\x08\0\0\0", "tiff"),
    "bigtiff, the other order": (b"MM\0+\0\x08", "tiff"),
    "tiff, pixels like raw": (b"II*\0\xff\0\0\0" + b"I" * 40, "tiff"),
    "heic": (_ftyp(b"heic", b"mif1"), "heif"),
    "heif of any codec": (_ftyp(b"mif1", b"miaf"), "heif"),
    "heif, its codec second": (_ftyp(b"msf1", b"hevc"), "heif"),
    "heif by its compatible brand only": (_ftyp(b"abcd", b"isom", b"mif1"), "heif"),
    "avif": (_ftyp(b"avif", b"mif1"), "avif"),
    "avif, animated": (_ftyp(b"avis", b"msf1", b"iso8"), "avif"),
    "avif, its codec second": (_ftyp(b"mif1", b"avif", b"heic"), "avif"),
    "jpeg 2000": (b"\0\0\0\x0cjP  \r\n\x87\n", "jp2"),
    "jpeg 2000 with its type": (b"\0\0\0\x0cjP  \r\n\x87\n" + _ftyp(b"jp2 ", b"jp2 "), "jp2"),
    "jpeg 2000 codestream": (b"\xff\x4f\xff\x51\0", "jp2"),
    "jpeg xl": (b"\xff\x0a\0\0", "jxl"),
    "jpeg xl in boxes": (b"\0\0\0\x0cJXL \r\n\x87\n", "jxl"),
}


@pytest.mark.parametrize(("data", "format_name"), HANDLED.values(), ids=HANDLED)
def test_a_broken_beginning_is_still_that_format(data: bytes, format_name: str) -> None:
    assert sniff(data) == format_name


RAW: dict[str, dict[int, tuple[int, Values]]] = {
    "dng": {50706: (BYTE, (1, 4, 0, 0))},
    "mosaic": {262: (SHORT, (32803,))},
    "linear raw": {262: (SHORT, (34892,))},
    "nikon": {259: (SHORT, (34713,))},
    "sony": {259: (SHORT, (32767,))},
    "samsung": {259: (SHORT, (32770,))},
    "pentax": {259: (SHORT, (65535,))},
    "kodak": {259: (SHORT, (65000,))},
}


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("sign", RAW)
def test_camera_raw_is_no_tiff_wherever_its_sign_stands(sign: str, big: bool) -> None:
    picture, raw = page(photo(), 2), page(photo(), 2, tags=dict(RAW[sign]))
    below = page(photo(), 2)
    below.children = [page(photo(), 2), raw]
    for data in (
        tiff_of(raw, big=big),
        tiff_of(picture, raw, big=big),
        tiff_of(below, big=big, order=">"),
    ):
        with pytest.raises(UnsupportedFormat):
            sniff(data)
    assert sniff(tiff_of(picture, picture, big=big)) == "tiff"


def test_directories_in_a_circle_end() -> None:
    data = bytearray(tiff_of(page(photo(), 2)))
    data[-4:] = data[4:8]
    assert sniff(bytes(data)) == "tiff"
