"""Walks the members of a tar archive from front to back, as the reader that sees most of them would.

Readers differ: some stop at the first end mark, some go on with an archive that was appended after it; some know
neither sparse members nor links. Here every member is met, and what is not a plain file is named and not read.
"""

from __future__ import annotations

from collections.abc import Iterator

from anonymizer.errors import ImageTooLarge, ObjectError, ShardDamaged, ShardMember
from anonymizer.lake.naming import is_picture_name
from anonymizer.shards.contract import File
from anonymizer.shards.samples import Member
from anonymizer.shards.tarred.header import (
    BLOCK,
    FOLDER,
    GNU_SPARSE,
    LINKS,
    LONG_LINK,
    LONG_NAME,
    PAX,
    PAX_GLOBAL,
    REGULAR,
    SPECIAL,
    read_header,
    records,
)

_LONGEST_HEADER = 2**20
"""Longest extended header, in bytes."""
_PIECE = 2**20
_END = bytes(BLOCK)
_MAIN = ("path", "size", "linkpath")
"""What a global header may not say: readers would differ."""


def members(source: File, max_bytes: int) -> Iterator[Member]:
    """Yields the members in their order; one is in memory.

    Args:
        source: The archive, not compressed.
        max_bytes: Largest member that is read.

    Raises:
        ShardDamaged: It is cut short, a checksum is wrong, or it has no end mark.
    """
    ended = False
    while block := _block(source):
        if block == _END:
            ended = True
            continue
        ended = False
        yield from _member(source, block, max_bytes)
    if not ended:
        raise ShardDamaged


def _member(source: File, block: bytes, max_bytes: int) -> Iterator[Member]:
    name: bytes | None = None
    said: dict[str, bytes] = {}
    while True:
        header = read_header(block)
        if header.kind == LONG_NAME:
            name = _extended(source, header.size_bytes).rstrip(b"\0")
        elif header.kind == LONG_LINK:
            _extended(source, header.size_bytes)
        elif header.kind == PAX:
            said |= records(_extended(source, header.size_bytes))
        elif header.kind == PAX_GLOBAL:
            if set(records(_extended(source, header.size_bytes))) & {*_MAIN}:
                raise ShardDamaged
        else:
            break
        block = _block(source)
        if not block or block == _END:
            if header.kind == PAX_GLOBAL and not name and not said:
                # An archive may end with one.
                return
            raise ShardDamaged
    size_bytes, kind = header.size_bytes, header.kind
    if "size" in said and kind not in LINKS | SPECIAL | {FOLDER}:
        size_bytes = _decimal(said["size"])
    full = said.get("GNU.sparse.name") or said.get("path") or name or header.name
    is_sparse = kind == GNU_SPARSE or any(record.startswith("GNU.sparse.") for record in said)
    if kind == GNU_SPARSE:
        _skip_maps(source, block)
    yield _read(source, full.decode("utf-8", "surrogateescape"), kind, size_bytes, max_bytes, is_sparse=is_sparse)


def _read(source: File, name: str, kind: bytes, size_bytes: int, max_bytes: int, *, is_sparse: bool) -> Member:
    is_file = kind in REGULAR and not (kind == b"\0" and name.endswith("/"))
    if is_file and not is_sparse and size_bytes <= max_bytes and _stays_inside(name):
        data = _exactly(source, size_bytes)
        _skip(source, -size_bytes % BLOCK)
        return Member(name, data)
    _skip(source, size_bytes + -size_bytes % BLOCK)
    if kind == FOLDER or (kind == b"\0" and name.endswith("/")):
        return Member(name, other="folders")
    if kind in LINKS:
        return Member(name, other="links")
    if kind in SPECIAL:
        return Member(name, other="special files")
    error: type[ObjectError] = ImageTooLarge if is_file and size_bytes > max_bytes else ShardMember
    # It may be a picture: a name of another kind of file says that it is none.
    return (
        Member(name, error=error) if is_picture_name(name) or error is ShardMember else Member(name, other=error.code)
    )


def _stays_inside(name: str) -> bool:
    """Whether a name stays in the folder into which an archive is extracted."""
    return bool(name) and not name.startswith("/") and ".." not in name.split("/") and "\0" not in name


def _skip_maps(source: File, block: bytes) -> None:
    """Skips the further blocks of a sparse member's map."""
    more = block[482]
    while more:
        block = _block(source)
        if not block:
            raise ShardDamaged
        more = block[504]


def _decimal(digits: bytes) -> int:
    if not digits.isdigit() or len(digits) > 19:
        raise ShardDamaged
    return int(digits)


def _extended(source: File, size_bytes: int) -> bytes:
    if size_bytes > _LONGEST_HEADER:
        raise ShardDamaged
    data = _exactly(source, size_bytes)
    _skip(source, -size_bytes % BLOCK)
    return data


def _block(source: File) -> bytes:
    """The next block; empty at the end."""
    block = _up_to(source, BLOCK)
    if block and len(block) < BLOCK:
        raise ShardDamaged
    return block


def _exactly(source: File, count: int) -> bytes:
    data = _up_to(source, count)
    if len(data) < count:
        raise ShardDamaged
    return data


def _up_to(source: File, count: int) -> bytes:
    parts, left = [], count
    while left and (piece := source.read(min(left, _PIECE))):
        parts.append(piece)
        left -= len(piece)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _skip(source: File, count: int) -> None:
    while count:
        piece = source.read(min(count, _PIECE))
        if not piece:
            raise ShardDamaged
        count -= len(piece)
