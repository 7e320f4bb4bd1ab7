"""Reads zip archives by their central directory, and refuses those whose local headers say something else.

Source: APPNOTE.TXT 6.3.10, https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, cast

from anonymizer.errors import ImageTooLarge, ShardDamaged, ShardEncrypted, ShardMember
from anonymizer.lake.naming import is_picture_name
from anonymizer.shards.contract import File
from anonymizer.shards.samples import Member

_LOCAL = struct.Struct("<4s5H3I2H")
_LOCAL_MAGIC = b"PK\x03\x04"
_ENCRYPTED, _STRONG, _UTF8 = 0x1, 0x40, 0x800
_METHODS = frozenset((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
_KINDS = 0o170000
_REGULAR, _FOLDER = (0, 0o100000), 0o040000
_UNIX = 3


def members(source: File, max_bytes: int) -> Iterator[Member]:
    """Yields the entries in the order of the central directory; one is in memory. `form` is its compression.

    Args:
        source: The archive.
        max_bytes: Largest entry that is read.

    Raises:
        ShardDamaged: It is cut short, its two kinds of headers differ, or entries overlap.
        ShardEncrypted: An entry is encrypted.
    """
    try:
        with zipfile.ZipFile(cast("BinaryIO", source)) as archive:
            _check_places(archive)
            for info in archive.infolist():
                yield _member(archive, source, info, max_bytes)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, struct.error):
        raise ShardDamaged from None


def _check_places(archive: zipfile.ZipFile) -> None:
    end = 0
    for info in sorted(archive.infolist(), key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise ShardDamaged
        end = info.header_offset + _LOCAL.size + info.compress_size


def _member(archive: zipfile.ZipFile, source: File, info: zipfile.ZipInfo, max_bytes: int) -> Member:
    if info.flag_bits & (_ENCRYPTED | _STRONG):
        raise ShardEncrypted
    name = info.orig_filename
    unix = info.external_attr >> 16 & _KINDS if info.create_system == _UNIX else 0
    if name.endswith("/") or unix == _FOLDER:
        return Member(name, other="folders")
    if unix not in _REGULAR:
        return Member(name, other="links")
    form = info.compress_type | (info.flag_bits & _UTF8) << 16
    if info.compress_type not in _METHODS or not _stays_inside(name) or info.file_size > max_bytes:
        error = ImageTooLarge if info.file_size > max_bytes else ShardMember
        if is_picture_name(name) or error is ShardMember:
            return Member(name, error=error, form=form)
        return Member(name, other=error.code)
    _check_local(source, info)
    with archive.open(info) as file:
        data = file.read(info.file_size + 1)
    if len(data) != info.file_size:
        raise ShardDamaged
    return Member(name, data, form=form)


def _check_local(source: File, info: zipfile.ZipInfo) -> None:
    """Refuses an entry whose local header has another name or size: a reader of the local headers would see it so."""
    source.seek(info.header_offset)
    magic, _, flags, method, _, _, crc, packed, size, name_bytes, _ = _LOCAL.unpack(source.read(_LOCAL.size))
    name = source.read(name_bytes)
    coding = "utf-8" if info.flag_bits & _UTF8 else "cp437"
    same = magic == _LOCAL_MAGIC and method == info.compress_type and name == info.orig_filename.encode(coding)
    # Sizes may follow the entry (bit 3) or stand in an extra field (zip64).
    if not flags & 0x8 and crc != info.CRC:
        same = False
    if not flags & 0x8 and 0xFFFFFFFF not in (packed, size) and (packed, size) != (info.compress_size, info.file_size):
        same = False
    if not same:
        raise ShardDamaged


def _stays_inside(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return bool(name) and not name.startswith(("/", "\\")) and ".." not in parts and "\0" not in name
