"""Reads the headers of tar archives: POSIX ustar and pax, GNU, and those before them.

Sources: POSIX.1-2017 `pax`, https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html; GNU tar's manual,
"Basic Tar Format", https://www.gnu.org/software/tar/manual/html_node/Standard.html.
"""

from __future__ import annotations

from dataclasses import dataclass

from anonymizer.errors import ShardDamaged

BLOCK = 512
REGULAR = frozenset((b"0", b"\0", b"7"))
LONG_NAME, LONG_LINK, PAX, PAX_GLOBAL, GNU_SPARSE, FOLDER = b"L", b"K", b"x", b"g", b"S", b"5"
LINKS = frozenset((b"1", b"2"))
SPECIAL = frozenset((b"3", b"4", b"6"))
_POSIX = b"ustar\0"
_UNSIGNED_CHECK = slice(148, 156)


@dataclass(frozen=True)
class Header:
    """A header block.

    Attributes:
        name: Name with its prefix, as bytes.
        size_bytes: Size of what follows it.
        kind: Its type flag.
    """

    name: bytes
    size_bytes: int
    kind: bytes


def read_header(block: bytes) -> Header:
    """Reads a header block of `BLOCK` bytes.

    Raises:
        ShardDamaged: Its checksum or a number in it is wrong.
    """
    if not has_checksum(block):
        raise ShardDamaged
    name, kind = text(block[:100]), block[156:157]
    if block[257:263] == _POSIX and (prefix := text(block[345:500])):
        name = prefix + b"/" + name
    size_bytes = number(block[124:136])
    if kind in LINKS | SPECIAL or kind == FOLDER:
        # Some writers give a link the size of its target; nothing follows it.
        size_bytes = 0
    return Header(name, size_bytes, kind)


def has_checksum(block: bytes) -> bool:
    """Whether a block is a header with a right checksum, of unsigned or (in old archives) of signed bytes."""
    try:
        stored = number(block[_UNSIGNED_CHECK])
    except ShardDamaged:
        return False
    rest = block[:148] + b" " * 8 + block[156:]
    return len(block) == BLOCK and stored in (sum(rest), sum(byte - 256 if byte > 127 else byte for byte in rest))


def text(field: bytes) -> bytes:
    """A text of a header: up to its first NUL."""
    return field.partition(b"\0")[0]


def number(field: bytes) -> int:
    """A number of a header: octal digits, or as GNU tar writes large ones.

    Raises:
        ShardDamaged: It is no number, or negative.
    """
    if field[0] & 0x80:
        if field[0] & 0x40:
            raise ShardDamaged
        return int.from_bytes(bytes([field[0] & 0x3F]) + field[1:], "big")
    digits = text(field).strip()
    try:
        value = int(digits, 8) if digits else 0
    except ValueError:
        raise ShardDamaged from None
    if value < 0:
        raise ShardDamaged
    return value


def records(data: bytes) -> dict[str, bytes]:
    """The records of a pax header.

    Raises:
        ShardDamaged: A record is malformed.
    """
    found: dict[str, bytes] = {}
    while data:
        length, blank, _ = data.partition(b" ")
        if not blank or not length.isdigit() or not len(length) + 4 <= int(length) <= len(data):
            raise ShardDamaged
        record, data = data[: int(length)], data[int(length) :]
        name, equals, value = record[len(length) + 1 : -1].partition(b"=")
        if not equals or not record.endswith(b"\n"):
            raise ShardDamaged
        found[name.decode("utf-8", "surrogateescape")] = value
    return found
