"""Recognises the formats of shards by their first bytes."""

from __future__ import annotations

import zlib
from typing import Literal, get_args

import pyarrow as pa

from anonymizer.errors import ShardDamaged
from anonymizer.shards.compressed import GZIP, ZSTD
from anonymizer.shards.tarred.header import BLOCK, REGULAR, has_checksum, text

Kind = Literal["tar", "tar+gzip", "tar+zstd", "zip", "parquet"]
"""A format of shards, as the manifest's column `format` names it."""

MEDIA_TYPES: dict[Kind, str] = {
    "tar": "application/x-tar",
    "tar+gzip": "application/gzip",
    "tar+zstd": "application/zstd",
    "zip": "application/zip",
    "parquet": "application/vnd.apache.parquet",
}
"""Content type of each format."""

HEAD_BYTES = 2**18
"""Number of bytes at the beginning that decide; a block of Zstandard has up to 128 KiB."""

_ZIP, _PARQUET = b"PK\x03\x04", b"PAR1"
_KINDS_OF_TAR = REGULAR | frozenset((b"1", b"2", b"5", b"L", b"K", b"x", b"g", b"S"))
_DOCUMENTS = (b"[Content_Types].xml", b"mimetype", b"_rels/", b"META-INF/")
"""First entries of documents, books and programs that are zip archives; their readers want them as they are."""


def kind_of(head: bytes) -> Kind | None:
    """The format of a shard; None for anything else.

    Args:
        head: Its first `HEAD_BYTES`, or all of it.
    """
    if head.startswith(_PARQUET):
        return "parquet"
    if head.startswith(_ZIP):
        return None if head[30:].startswith(_DOCUMENTS) else "zip"
    if head.startswith(GZIP):
        return "tar+gzip" if _is_tar(_gunzipped(head)) else None
    if head.startswith(ZSTD):
        return "tar+zstd" if _is_tar(_unzstd(head)) else None
    return "tar" if _is_tar(head) else None


def kind_named(name: str | None) -> Kind:
    """The format with a name.

    Raises:
        ShardDamaged: There is none.
    """
    for kind in get_args(Kind):
        if kind == name:
            found: Kind = kind
            return found
    raise ShardDamaged


def coding_of(kind: Kind) -> str:
    """The compression of a tar archive; empty without one."""
    return kind.partition("+")[2]


def _is_tar(head: bytes) -> bool:
    block = head[:BLOCK]
    known = block[257:262] == b"ustar" or block[156:157] in _KINDS_OF_TAR
    return known and bool(text(block[:100])) and has_checksum(block)


def _gunzipped(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(head, BLOCK)
    except zlib.error:
        return b""


def _unzstd(head: bytes) -> bytes:
    try:
        with pa.CompressedInputStream(pa.BufferReader(head), "zstd") as stream:
            return bytes(stream.read(BLOCK))
    except (OSError, pa.ArrowException):
        return b""
