from __future__ import annotations

import bz2
import gzip
import lzma
import pickle
import struct
import tarfile

import pyarrow as pa
import pytest

from anonymizer.errors import NotAnImage, ObjectError, UnsupportedFormat
from anonymizer.image.codec import sniff
from tests.image.codec.containers import TARS, TF_RECORD, arrow, mds, npz, old_tar, table, tarred, zipped, zstd
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
    "wave": b"RIFF\x10\0\0\0WAVEfmt ",
    "sound in boxes": _ftyp(b"M4A ", b"isom"),
    "text compressed": gzip.compress(b"time,place\n" * 9999),
    "text in parquet": table(url=["https://example.org/a"], width=[640], box=[[0.5, 1.0]]),
    "text that says free": b"The free box, the wide one",
    "program": b"\x7fELF\2\1\1" + bytes(600),
    "mp3": b"ID3\x04" + bytes(40),
    "html": b"<!DOCTYPE html><html><body>no drawing</body></html>",
    "zeros": bytes(100),
}

UNREAD = {
    "archive_unread": {
        "zip": b"PK\x03\x04" + bytes(40),
        "zip, empty": zipped(),
        "zip behind a program": b"MZ" + bytes(900) + zipped("a.jpg"),
        "7z": b"7z\xbc\xaf\x27\x1c\0\4",
        "rar": b"Rar!\x1a\x07\1\0",
        **{f"tar, {name}": tarred(form) for name, form in TARS.items()},
        "tar of version 7": old_tar(),
        "tar.gz": gzip.compress(tarred(tarfile.PAX_FORMAT)),
        "tar.bz2": bz2.compress(tarred(tarfile.PAX_FORMAT)),
        "tar.xz": lzma.compress(tarred(tarfile.PAX_FORMAT)),
        "tar.zst": zstd(tarred(tarfile.PAX_FORMAT)),
        "picture compressed": gzip.compress(encoded("png")),
        "gzip, damaged": b"\x1f\x8b\x08" + bytes(40),
        "gzip in gzip": gzip.compress(gzip.compress(encoded("png"))),
        "cpio": b"070701" + b"0" * 104 + b"a\0",
        "iso": bytes(32769) + b"CD001\1",
    },
    "table_unread": {
        "parquet": table(image=[b"a"]),
        "parquet, nested": table(image=[{"bytes": b"a", "path": "a"}]),
        "parquet, lists of bytes": table(images=[[b"a"]]),
        "parquet, pixels": table(pixels=pa.array([[1, 2]], pa.list_(pa.uint8()))),
        "parquet, damaged": b"PAR1" + bytes(40) + b"PAR1",
        "arrow file": arrow(pa.ipc.new_file),
        "arrow stream": arrow(pa.ipc.new_stream),
        "npz": npz(),
        "npy": b"\x93NUMPY\1\0",
        "pickle": pickle.dumps({b"data": b"pixels"}, 2),
        "hdf5": b"\x89HDF\r\n\x1a\n" + bytes(40),
        "hdf5 behind a block of the user": bytes(512) + b"\x89HDF\r\n\x1a\n",
        "lmdb": bytes(16) + b"\xde\xc0\xef\xbe" + bytes(40),
        "sqlite": b"SQLite format 3\0",
        "tfrecord": TF_RECORD,
        "mds": mds(b"columns", b"sample", b"another"),
        "lance": bytes(40) + b"LANC",
        "avro": b"Obj\x01" + bytes(40),
        "orc": b"ORC" + bytes(40) + b"ORC\x17",
    },
    "video_unread": {
        "avi": b"RIFF\x10\0\0\0AVI LIST",
        "mp4": _ftyp(b"isom", b"iso2", b"mp41"),
        "quicktime": _ftyp(b"qt  "),
        "quicktime without a type": b"\0\0\0\x08wide\0\0\0\0mdat",
        "matroska": b"\x1aE\xdf\xa3" + bytes(40),
        "transport stream": (b"\x47" + bytes(187)) * 5,
        "transport stream with times": (bytes(4) + b"\x47" + bytes(187)) * 5,
        "mpeg": b"\0\0\1\xba\x44" + bytes(40),
        "flv": b"FLV\1\5" + bytes(40),
        "wmv": b"\x30\x26\xb2\x75\x8e\x66\xcf\x11" + bytes(40),
        "theora": b"OggS\0\2" + bytes(22) + b"\x80theora" + bytes(40),
    },
    "document_unread": {
        "pdf": b"%PDF-1.7\n%\xe2\xe3",
        "pdf, text before it": b"\n\n%PDF-1.4",
        "old office": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(40),
        "docx": zipped("[Content_Types].xml", "word/document.xml", "word/media/image1.jpeg"),
        "odt, epub": zipped("mimetype", "content.xml"),
        "rtf": b"{\\rtf1\\ansi",
        "mail": b"From: a@example.org\r\nMIME-Version: 1.0\r\n",
    },
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


@pytest.mark.parametrize("code", UNREAD)
def test_what_may_hold_pictures_is_named_and_not_passed_over(code: str) -> None:
    told = {name: _code_of(data) for name, data in UNREAD[code].items()}
    assert told == dict.fromkeys(UNREAD[code], code)


def _code_of(data: bytes) -> str:
    with pytest.raises(ObjectError) as caught:
        sniff(data)
    return caught.value.code


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
