"""Signatures of formats that may hold pictures. Sources: the formats' specifications and the table of file(1)."""

from __future__ import annotations

import re
from typing import Literal

Kind = Literal["archive", "table", "video", "document", "compressed", "parquet"]
"""`compressed`: one file behind a compressor, which may be anything; `parquet`: its columns decide."""

HEAD_BYTES = 4096
_TAIL_BYTES = 65_557
"""A zip's last record with the longest comment (APPNOTE.TXT, 4.3.16): before it other data may stand."""

_PREFIXES: tuple[tuple[Kind, tuple[bytes, ...]], ...] = (
    (
        "compressed",
        (
            b"\x1f\x8b",  # gzip
            b"\x28\xb5\x2f\xfd",  # Zstandard
            b"\xfd7zXZ\0",
        ),
    ),
    ("parquet", (b"PAR1",)),
    (
        "archive",
        (
            b"7z\xbc\xaf\x27\x1c",
            b"Rar!\x1a\x07",
            b"PK\x07\x08PK",  # zip in several volumes
            b"PK00PK",
            b"\xc7\x71",  # cpio
            b"\x71\xc7",
            b"!<arch>\n",
            b"MSCF\0\0\0\0",  # Microsoft cabinet
            b"xar!",
            b"hsqs",  # Squashfs
            b"\x60\xea",  # ARJ
            b"LZIP\1",
            b"\x04\x22\x4d\x18",  # LZ4
            b"\xff\x06\0\0sNaPpY",  # Snappy
            b"\x1f\x9d",  # compress
            b"\x89LZO\0\r\n\x1a\n",
            b"StuffIt (c)",
            b"SIT!",
            b"MSWIM\0\0\0",
            b"QFI\xfb",  # disks of virtual machines
            b"KDMV",
            b"conectix",
            b"vhdxfile",
        ),
    ),
    (
        "table",
        (
            b"PARE",  # Parquet with an encrypted footer
            b"ARROW1",
            b"FEA1",
            b"\x89HDF\r\n\x1a\n",
            b"\x93NUMPY",
            b"SQLite format 3\0",
            b"Obj\x01",  # Avro
            b"CDF\x01",  # netCDF
            b"CDF\x02",
            b"CDF\x05",
            b"MATLAB 5.0 MAT",
            b"SEQ\x06",  # Hadoop
            b"\0\0\x08\x03",  # IDX of bytes in three or four dimensions
            b"\0\0\x08\x04",
            b"\x0a\x23\xd7\xce",  # MXNet's RecordIO
        ),
    ),
    (
        "video",
        (
            b"\x1a\x45\xdf\xa3",  # Matroska, WebM
            b"\0\0\1\xba",  # MPEG
            b"\0\0\1\xb3",
            b"\0\0\1\xb0",
            b"\0\0\0\1\x67",  # H.264
            b"\0\0\0\1\x27",
            b"\0\0\1\x67",
            b"\0\0\0\1\x40\1",  # H.265
            b"FLV\1",
            b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF, WMV
            b".RMF",
            b"\x06\x0e\x2b\x34\x02\x05\x01\x01",  # MXF
            b"DKIF\0\0",  # IVF
            b"YUV4MPEG2",
        ),
    ),
    (
        "document",
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",  # OLE 2: .doc, .xls, .ppt, .msg, Thumbs.db
            b"{\\rtf",
            b"AT&TFORM",  # DjVu
            b"ITSF\3",
            b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d",  # OneNote
        ),
    ),
)

_PLACES: tuple[tuple[int, bytes, Kind], ...] = (
    (4, b"1AY&SY", "compressed"),  # bzip2
    (7, b"**ACE**", "archive"),
    (8, b"DUCK", "table"),
    (16, b"\xde\xc0\xef\xbe", "table"),  # LMDB
    (16, b"\xbe\xef\xc0\xde", "table"),
    (60, b"BOOKMOBI", "document"),
    (257, b"ustar", "archive"),
    (512, b"\x89HDF\r\n\x1a\n", "table"),
    (1024, b"\x89HDF\r\n\x1a\n", "table"),
    (2048, b"\x89HDF\r\n\x1a\n", "table"),
    (32769, b"CD001", "archive"),  # ISO 9660
)
_ENDINGS: tuple[tuple[bytes, Kind], ...] = (
    (b"LANC", "table"),  # Lance
    (b"\x57\xfb\x80\x8b\x24\x75\x47\xdb", "table"),  # LevelDB
    (b"\xf7\xcf\xf4\x85\xb7\x41\xe2\x88", "table"),  # RocksDB
)
_NAMES: tuple[tuple[tuple[str, ...], Kind], ...] = (
    ((".tfrecord", ".tfrecords", ".tfrec", ".mds", ".beton", ".lance", ".arrow", ".feather"), "table"),
    ((".mds.zstd", ".mds.zst", ".mds.gz", ".mds.br", ".mds.snappy", ".mdb", ".lmdb", ".rec"), "table"),
)
"""Endings of shards, in lower case, whose bytes may say nothing: TFRecord and MDS that are compressed, FFCV."""

_AUDIO_BRANDS = frozenset({b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B "})
_QUICKTIME = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_CPIO = re.compile(rb"07070[12][0-9A-Fa-f]{104}|070707[0-7]{70}")
_LHA = re.compile(rb"..-l[hz][0-9ds]-", re.DOTALL)
_MAIL = re.compile(rb"(?:\A|\n)MIME-Version:\s*1\.0", re.IGNORECASE)
_OFFICE = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"word/", b"xl/", b"ppt/", b"META-INF/container.xml")


def kind_of_name(key: str) -> Kind | None:
    """The kind of a shard by the ending of its key."""
    name = key.lower()
    return next((kind for endings, kind in _NAMES if name.endswith(endings)), None)


def kind_of(data: bytes) -> Kind | None:
    """What a file is by its signatures; None for what holds no pictures as far as they tell."""
    head = data[:HEAD_BYTES]
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _kind_of_zip(head)
    for kind, prefixes in _PREFIXES:
        if head.startswith(prefixes):
            return kind
    for at, magic, kind in _PLACES:
        if data[at : at + len(magic)] == magic:
            return kind
    return _kind_by_structure(data, head)


def _kind_by_structure(data: bytes, head: bytes) -> Kind | None:
    if _is_film(head):
        return "video"
    orc = head.startswith(b"ORC") and data[-4:-1] == b"ORC"
    if orc or _is_tf_record(head) or _is_mds(data) or _is_arrow_stream(head) or _is_pickle(data):
        return "table"
    if b"%PDF-" in head[:1024] or _MAIL.search(head):
        return "document"
    for magic, kind in _ENDINGS:
        if data.endswith(magic):
            return kind
    other = _is_old_tar(head) or _CPIO.match(head) or _LHA.match(head)
    return "archive" if other or b"PK\x05\x06" in data[-_TAIL_BYTES:] else None


def _kind_of_zip(head: bytes) -> Kind:
    """By the name of the first entry: Office, OpenDocument and e-books are documents, `.npz` is a table."""
    length = int.from_bytes(head[26:28], "little")
    name = head[30 : 30 + length]
    if name.startswith(_OFFICE) or name == b"mimetype":
        return "document"
    return "table" if name.endswith(b".npy") else "archive"


def _is_film(head: bytes) -> bool:
    """ISO base media that are no still picture, QuickTime, AVI, MPEG transport streams, Ogg with Theora."""
    box = head[4:8]
    if box == b"ftyp":
        return head[8:12] not in _AUDIO_BRANDS
    # A text that says "The free ..." is none.
    if box in _QUICKTIME and not all(0x20 <= byte < 0x7F for byte in head[:4]):
        return True
    avi = head[:4] in (b"RIFF", b"RIFX") and head[8:11] == b"AVI"
    flic = len(head) >= 128 and head[4:6] in (b"\x11\xaf", b"\x12\xaf") and head[12:14] == b"\x08\0"
    theora = head.startswith(b"OggS") and (b"\x80theora" in head or b"fishead\0" in head)
    return avi or flic or theora or _is_transport_stream(head)


def _is_transport_stream(head: bytes) -> bool:
    """Five packets of 188 bytes (ISO/IEC 13818-1), of 192 with a time before them (Blu-ray) or 204 with a checksum."""
    for start, packet in ((0, 188), (4, 192), (0, 204)):
        signs = head[start : start + 4 * packet + 1 : packet]
        if len(signs) >= 3 and signs == b"\x47" * len(signs):
            return True
    return False


def _is_tf_record(head: bytes) -> bool:
    """Its first record: eight bytes of length and their masked CRC-32C (TensorFlow's guide to TFRecord)."""
    if len(head) < 16:
        return False
    crc = _crc32c(head[:8])
    masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
    return masked == int.from_bytes(head[8:12], "little")


def _crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli, RFC 3720, appendix B.4)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def _is_mds(data: bytes) -> bool:
    """MosaicML's shard: number of samples, their offsets, the columns as JSON; the last offset is the file's end."""
    if len(data) < 16:
        return False
    count = int.from_bytes(data[:4], "little")
    columns = 4 + 4 * (count + 1)
    if not 0 < count < 2**28 or data[columns : columns + 1] != b"{":
        return False
    return int.from_bytes(data[columns - 4 : columns], "little") == len(data)


def _is_arrow_stream(head: bytes) -> bool:
    """A continuation mark, the length of the schema's message and a root within it (Arrow columnar format, IPC)."""
    if len(head) < 12 or head[:4] != b"\xff\xff\xff\xff":
        return False
    length, root = int.from_bytes(head[4:8], "little"), int.from_bytes(head[8:12], "little")
    return length % 8 == 0 and 0 < root < length < 2**28


def _is_pickle(data: bytes) -> bool:
    """A pickle of protocol 2 to 5; it is not opened, for it runs what it says."""
    return len(data) > 2 and data[0] == 0x80 and 2 <= data[1] <= 5 and data[-1:] == b"."


def _is_old_tar(head: bytes) -> bool:
    """A tar without `ustar` (Unix version 7): the sum of its header's bytes is written in it."""
    if len(head) < 512 or head[0] == 0:
        return False
    given = head[148:156].strip(b" \0")
    if not given or any(digit not in b"01234567" for digit in given):
        return False
    return int(given, 8) == sum(head[:148]) + 8 * 0x20 + sum(head[156:512])
